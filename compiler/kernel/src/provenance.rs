//! Which pointers reach only memory that no store of the function can change.

use crate::{Block, Func, Inst, Op, Role, Val};

/// For each value: a pointer into constant data or a `Const` parameter on every path. Loads through it may be shared across stores.
///
/// The greatest solution: everything is assumed constant until an assignment says otherwise, so that pointers carried around loops
/// keep what they started with.
pub fn constant_pointers(f: &Func) -> Vec<bool> {
    let mut constant = vec![true; f.tys.len()];
    for p in &f.params {
        constant[p.val.0 as usize] = p.role == Role::Const;
    }
    while block(&f.body, &mut constant) {}
    constant
}

/// One round; whether anything changed.
fn block(b: &Block, c: &mut [bool]) -> bool {
    let mut changed = false;
    let mut clear = |c: &mut [bool], to: &[Val], from: &[Val]| {
        for (t, f) in to.iter().zip(from) {
            changed |= c[t.0 as usize] && !c[f.0 as usize];
            c[t.0 as usize] &= c[f.0 as usize];
        }
    };
    let mut deeper = false;
    for i in &b.insts {
        match i {
            Inst::Op { dst, op: Op::PtrAdd { .. }, args } => clear(c, &[*dst], &args[..1]),
            Inst::Op { dst, op: Op::Select, args } => {
                clear(c, &[*dst], &args[1..2]);
                clear(c, &[*dst], &args[2..3]);
            }
            Inst::For { args, inits, body, yields, results, .. } => {
                clear(c, args, inits);
                deeper |= block(body, c);
                clear(c, args, yields);
                clear(c, results, args);
            }
            Inst::If { then, then_yields, els, else_yields, results, .. } => {
                deeper |= block(then, c);
                deeper |= block(els, c);
                clear(c, results, then_yields);
                clear(c, results, else_yields);
            }
            _ => {}
        }
    }
    changed || deeper
}
