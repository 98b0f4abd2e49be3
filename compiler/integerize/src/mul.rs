//! Products of two tensors.

use super::{Ctx, clamp_codes};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Node, NodeId, Quant, Result, ValueId};

/// One factor as (m, pre, shift) of the rescaling rule, for accumulators up to `most`.
pub(super) fn factor(f: f64, most: u64) -> Result<(i64, i64, i64)> {
    let d = dyadic(&[f], most)?;
    Ok((d.m[0].into(), d.pre.into(), d.shift.into()))
}

impl Ctx<'_> {
    pub(super) fn mul(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        if let Some((port, k)) = self.number(id)? {
            return self.with_number(id, node, port, k);
        }
        let ins = self.r.from.inputs_of(id);
        let q = self.result(id)?;
        let a = self.operand(ins[0], q.codes)?;
        let b = if node.op == "Div" { self.reciprocal(ins[1], &node.name, &q)? } else { self.operand(ins[1], q.codes)? };
        self.product(id, node, a, b)
    }

    /// 1 / a constant.
    fn reciprocal(&mut self, v: ValueId, name: &str, y: &Quant) -> Result<ValueId> {
        let inverse: Vec<f64> = super::reals(self.r.from, v)?.into_iter().map(|v| 1.0 / f64::from(v)).collect();
        let q = Quant::holding(y.codes, inverse.iter().copied());
        self.quantized_const(&format!("{name}.const"), &self.r.from.value(v).shape, &inverse, &q)
    }

    /// a * b of two values that broadcast to the result.
    fn product(&mut self, id: NodeId, node: &Node, a: ValueId, b: ValueId) -> Result<ValueId> {
        let elems = |v: ValueId| self.r.to.value(v).elems();
        let (a, b) = if elems(a) >= elems(b) { (a, b) } else { (b, a) };
        let q = self.result(id)?;
        let (qa, qb) = (self.codes(a)?, self.codes(b)?);
        let most = qa.span() * qb.span();
        let (m, pre, shift) = factor(qa.step() * qb.step() / q.step(), most)?;
        let (lo, hi) = clamp_codes(node, &q)?;
        let attrs = Attrs::new().with("m", m).with("pre", pre).with("shift", shift).with("lo", lo).with("hi", hi);
        self.emit(id, "q.mul", attrs, &[a, b], q)
    }
}
