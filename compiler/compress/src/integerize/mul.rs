//! Products of two tensors.

use super::{Ctx, clamp_codes};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Node, NodeId, Result, ValueId};

/// One factor as (m, pre, shift) of the rescaling rule, for accumulators up to `most`.
pub(super) fn factor(f: f64, most: u64) -> Result<(i64, i64, i64)> {
    let d = dyadic(&[f], most)?;
    Ok((d.m[0].into(), d.pre.into(), d.shift.into()))
}

impl Ctx<'_> {
    pub(super) fn mul(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.g.inputs_of(id);
        let (a, b) = (self.plain(ins[0])?, self.plain(ins[1])?);
        self.product(id, node, a, b)
    }

    /// a * b of two i8 values that broadcast to the result.
    pub(super) fn product(&mut self, id: NodeId, node: &Node, a: ValueId, b: ValueId) -> Result<ValueId> {
        let elems = |v: ValueId| self.out.value(v).elems();
        let (a, b) = if elems(a) >= elems(b) { (a, b) } else { (b, a) };
        let q = self.quant(self.g.out(id))?;
        let (qa, qb) = (self.codes(a)?, self.codes(b)?);
        let most = qa.span() * qb.span();
        let (m, pre, shift) = factor(qa.step() * qb.step() / q.step(), most)?;
        let (lo, hi) = clamp_codes(node, &q)?;
        let attrs = Attrs::new().with("m", m).with("pre", pre).with("shift", shift).with("lo", lo).with("hi", hi);
        self.emit(id, "q.mul", attrs, &[a, b], q)
    }
}
