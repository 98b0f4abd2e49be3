//! Products of two matrices, neither of which is a layer's weights.

use super::mul::factor;
use super::{Ctx, unclamped};
use mcompc_ir::{Attrs, Node, NodeId, Result, ValueId};
use mcompc_ops::Product;

impl Ctx<'_> {
    pub(super) fn matmul(&mut self, id: NodeId, _: &Node) -> Result<ValueId> {
        let ins = self.r.from.inputs_of(id);
        let (a, q) = (self.operand(ins[0])?, self.result(id)?);
        let k = Product::of(&self.r.from.value(ins[0]).shape, &self.r.from.value(ins[1]).shape)?.k as u64;
        let mut attrs = Attrs::new();
        let b = match self.transposed(ins[1])? {
            Some(b) => {
                attrs.set("transposed", 1i64);
                b
            }
            None => self.operand(ins[1])?,
        };
        let (qa, qb) = (self.codes(a)?, self.codes(b)?);
        let most = (qa.span() * qb.span()).saturating_mul(k);
        let (m, pre, shift) = factor(qa.step() * qb.step() / q.step(), most)?;
        let attrs = unclamped(attrs.with("m", m).with("pre", pre).with("shift", shift));
        self.emit(id, "q.matmul", attrs, &[a, b], q)
    }

    /// The operand with its last two dimensions exchanged, where a transpose that only this product reads has made them of others: the
    /// kernel reads columns as well as rows, and what is left of the transpose moves whole rows, if anything.
    fn transposed(&mut self, v: ValueId) -> Result<Option<ValueId>> {
        let g = self.r.from;
        let node = g.node(v.node);
        if node.op != "Transpose" || g.users(v).len() != 1 || g.is_output(v) {
            return Ok(None);
        }
        let mut perm = node.attrs.usizes("perm")?;
        let last = perm.len().saturating_sub(1);
        if perm.len() < 2 || perm[last - 1] != last {
            return Ok(None);
        }
        perm.swap(last - 1, last);
        let Some(q) = self.quant(v)?.is_plain().then(|| self.quant(v)).transpose()?.cloned() else { return Ok(None) };
        let x = self.operand_as(g.inputs_of(v.node)[0], &q)?;
        if perm.iter().enumerate().all(|(i, &p)| i == p) {
            return Ok(Some(x));
        }
        let name = self.r.fresh(&format!("{}.columns", node.name));
        self.emit_as(&name, "Transpose", Attrs::new().with("perm", &perm[..]), &[x], &name, None).map(Some)
    }
}
