//! Where the clamp of a rescale to -128..=127 may wait for the narrowing that follows it: narrowing instructions saturate for nothing.

use mcompc_kernel::{Block, Func, Inst, Lane, MemElem, Op, Ty, Val};

/// What a reader does to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// Saturates it into the lanes of this value.
    Narrow(Val),
    /// Stores its lanes as bytes.
    Bytes,
    /// Anything else.
    Other,
}

/// By value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clamps {
    /// Rescales to -128..=127 whose own clamp is not needed: every path to memory saturates to i8 later.
    pub(crate) deferred: Vec<bool>,
    /// i16 lanes between -128 and 127 that are to be saturated, not truncated, when they are stored as bytes.
    pub(crate) at_store: Vec<bool>,
}

impl Clamps {
    pub(crate) fn of(f: &Func) -> Clamps {
        let n = f.tys.len();
        let mut reads = vec![Vec::new(); n];
        let mut whole = vec![false; n];
        let mut narrows = vec![];
        visit(&f.body, &mut |i| match i {
            Inst::Op { dst, op, args } => {
                whole[dst.0 as usize] = matches!(op, Op::Rescale(r) if (r.lo, r.hi) == (-128, 127)) && matches!(f.ty(*dst), Ty::Vec(..));
                let how = if *op == Op::NarrowSat { Read::Narrow(*dst) } else { Read::Other };
                args.iter().for_each(|a| reads[a.0 as usize].push(how));
                if let (Op::NarrowSat, [a, b]) = (op, &args[..]) {
                    narrows.push((*dst, *a, *b));
                }
            }
            Inst::Store { val, ptr, mem, .. } => {
                let bytes = matches!(mem, MemElem::S8 | MemElem::U8) && matches!(f.ty(*val), Ty::Vec(Lane::I16, _));
                reads[val.0 as usize].push(if bytes { Read::Bytes } else { Read::Other });
                reads[ptr.0 as usize].push(Read::Other);
            }
            Inst::For { inits, yields, .. } => inits.iter().chain(yields).for_each(|a| reads[a.0 as usize].push(Read::Other)),
            Inst::If { cond, then_yields, else_yields, .. } => {
                std::iter::once(cond).chain(then_yields).chain(else_yields).for_each(|a| reads[a.0 as usize].push(Read::Other));
            }
            Inst::Call { args, .. } => args.iter().for_each(|a| reads[a.0 as usize].push(Read::Other)),
        });
        let narrow_to = |r: &Read, lane: Lane| matches!(r, Read::Narrow(d) if matches!(f.ty(*d), Ty::Vec(l, _) if l == lane));
        // i16 lanes: made of rescaled values only, and stored as bytes or narrowed on.
        let mut at_store = vec![false; n];
        let mut to_bytes = vec![false; n];
        for (d, a, b) in narrows {
            let r = &reads[d.0 as usize];
            let known = whole[a.0 as usize] && whole[b.0 as usize];
            at_store[d.0 as usize] = known && r.contains(&Read::Bytes);
            to_bytes[d.0 as usize] = !r.is_empty() && r.iter().all(|r| narrow_to(r, Lane::I8) || known && *r == Read::Bytes);
        }
        let ends = |r: &Read| matches!(r, Read::Narrow(d) if to_bytes[d.0 as usize]);
        let deferred = (0..n).map(|v| whole[v] && !reads[v].is_empty() && reads[v].iter().all(ends)).collect();
        Clamps { deferred, at_store }
    }
}

fn visit<'a>(b: &'a Block, each: &mut impl FnMut(&'a Inst)) {
    for i in &b.insts {
        each(i);
        match i {
            Inst::For { body, .. } => visit(body, each),
            Inst::If { then, els, .. } => {
                visit(then, each);
                visit(els, each);
            }
            _ => {}
        }
    }
}
