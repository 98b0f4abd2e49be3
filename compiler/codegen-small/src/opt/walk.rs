//! Walks over nested instructions.

use mcompc_kernel::{Block, Inst, Val};

/// Every instruction, outer ones before those inside.
pub(crate) fn visit<'a>(insts: &'a [Inst], each: &mut impl FnMut(&'a Inst)) {
    for i in insts {
        each(i);
        match i {
            Inst::For { body, .. } => visit(&body.insts, each),
            Inst::If { then, els, .. } => {
                visit(&then.insts, each);
                visit(&els.insts, each);
            }
            _ => {}
        }
    }
}

/// Values that an instruction reads itself, not inside its regions; yields included.
pub(crate) fn reads(i: &Inst, each: &mut impl FnMut(Val)) {
    match i {
        Inst::Op { args, .. } | Inst::Call { args, .. } => args.iter().copied().for_each(each),
        Inst::Store { val, ptr, .. } => [*val, *ptr].into_iter().for_each(each),
        Inst::For { inits, yields, .. } => inits.iter().chain(yields).copied().for_each(each),
        Inst::If { cond, then_yields, else_yields, .. } => {
            std::iter::once(cond).chain(then_yields).chain(else_yields).copied().for_each(each);
        }
    }
}

/// Whether there is a loop in the block.
pub(crate) fn has_loop(b: &Block) -> bool {
    let mut found = false;
    visit(&b.insts, &mut |i| found |= matches!(i, Inst::For { .. }));
    found
}
