//! Products of two tensors.

use super::broadcast::gate;
use super::{Ctx, clamp_codes};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Codes, Node, NodeId, Quant, Result, ValueId};

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
        let ins = self.g.inputs_of(id);
        let a = self.operand(ins[0])?;
        let b = if node.op == "Div" { self.reciprocal(ins[1], &node.name)? } else { self.operand(ins[1])? };
        self.product(id, node, a, b)
    }

    /// 1 / a constant.
    fn reciprocal(&mut self, v: ValueId, name: &str) -> Result<ValueId> {
        let inverse: Vec<f64> = super::reals(self.g, v)?.into_iter().map(|v| 1.0 / f64::from(v)).collect();
        let q = Quant::holding(Codes::I8, inverse.iter().copied());
        self.quantized_const(&format!("{name}.const"), &self.g.value(v).shape, &inverse, &q)
    }

    /// a * b; the smaller one may be repeated by the kernel as a gate [N, 1, 1, C] to [N, H, W, C], under whatever shape it stands.
    fn product(&mut self, id: NodeId, node: &Node, a: ValueId, b: ValueId) -> Result<ValueId> {
        let out = self.g.value(self.g.out(id)).shape.clone();
        let elems = |s: &Self, v: ValueId| s.out.value(v).elems();
        let (mut a, mut b) = if elems(self, a) >= elems(self, b) { (a, b) } else { (b, a) };
        let q = self.result(id)?;
        a = self.widened(a, &out, &format!("{}.a", node.name))?;
        let small = self.out.value(b).shape.clone();
        let mut flat = None;
        match gate(&small, &out) {
            Some(_) if out.len() == 4 && small[..] == [out[0], 1, 1, out[3]] => {}
            Some(g) => {
                a = self.reshape(a, &[g.before, 1, g.repeated, g.after], &format!("{}.a.image", node.name))?;
                b = self.reshape(b, &[g.before, 1, 1, g.after], &format!("{}.b.image", node.name))?;
                flat = Some(format!("{}.image", node.outs[0].name));
            }
            None => b = self.widened(b, &out, &format!("{}.b", node.name))?,
        }
        let (qa, qb) = (self.codes(a)?, self.codes(b)?);
        let most = qa.span() * qb.span();
        let (m, pre, shift) = factor(qa.step() * qb.step() / q.step(), most)?;
        let (lo, hi) = clamp_codes(node, &q)?;
        let attrs = Attrs::new().with("m", m).with("pre", pre).with("shift", shift).with("lo", lo).with("hi", hi);
        let Some(name) = flat else { return self.emit(id, "q.mul", attrs, &[a, b], q) };
        let y = self.emit_as(&node.name, "q.mul", attrs, &[a, b], &name, Some(q))?;
        self.out.node_mut(y.node).fused = node.fused.clone();
        self.reshape(y, &out, &node.outs[0].name)
    }
}
