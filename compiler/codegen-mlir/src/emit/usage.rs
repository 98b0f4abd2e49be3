//! Which values every reader saturates to i8: their own clamp to -128..=127 changes nothing.

use mcompc_kernel::{Block, Func, Inst, Lane, Op, Ty, Val};

/// For each value: it has readers, and all of them are saturating narrowings that end at i8.
pub(crate) fn saturated(f: &Func) -> Vec<bool> {
    // Two sweeps: narrowing to i16 saturates to i8 only if its own readers do, and those come later in the program.
    let to_i8 = sweep(f, |_, to| to == Lane::I8);
    sweep(f, |dst, to| to == Lane::I8 || to_i8.get(dst.0 as usize).copied().unwrap_or(false))
}

fn sweep(f: &Func, good: impl Fn(Val, Lane) -> bool) -> Vec<bool> {
    let mut seen = vec![(false, true); f.tys.len()];
    block(f, &f.body, &good, &mut seen);
    seen.into_iter().map(|(read, all)| read && all).collect()
}

fn mark(seen: &mut [(bool, bool)], v: Val, ok: bool) {
    if let Some(s) = seen.get_mut(v.0 as usize) {
        *s = (true, s.1 && ok);
    }
}

fn block(f: &Func, b: &Block, good: &impl Fn(Val, Lane) -> bool, seen: &mut [(bool, bool)]) {
    for i in &b.insts {
        match i {
            Inst::Op { dst, op, args } => {
                let ok = match (op, f.ty(*dst)) {
                    (Op::NarrowSat, Ty::Vec(to, _)) => good(*dst, to),
                    _ => false,
                };
                args.iter().for_each(|&a| mark(seen, a, ok));
            }
            Inst::Store { val, ptr, .. } => [*val, *ptr].into_iter().for_each(|a| mark(seen, a, false)),
            Inst::For { inits, body, yields, .. } => {
                inits.iter().chain(yields).for_each(|&a| mark(seen, a, false));
                block(f, body, good, seen);
            }
            Inst::If { cond, then, then_yields, els, else_yields, .. } => {
                mark(seen, *cond, false);
                then_yields.iter().chain(else_yields).for_each(|&a| mark(seen, a, false));
                block(f, then, good, seen);
                block(f, els, good, seen);
            }
            Inst::Call { args, .. } => args.iter().for_each(|&a| mark(seen, a, false)),
        }
    }
}
