//! Products of two tensors.

use super::{Ctx, clamp_codes, no_integer, reach};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Node, NodeId, Result, ValueId};

impl Ctx<'_> {
    pub(super) fn mul(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.g.inputs_of(id);
        let (a, b) = (self.plain(ins[0])?, self.plain(ins[1])?);
        self.product(id, node, a, b)
    }

    /// a * b where one has the other's shape, or is a gate [N, 1, 1, C] to it.
    pub(super) fn product(&mut self, id: NodeId, node: &Node, a: ValueId, b: ValueId) -> Result<ValueId> {
        let out = &self.g.value(self.g.out(id)).shape;
        let (a, b) = if &self.out.value(a).shape == out { (a, b) } else { (b, a) };
        let (sa, sb) = (&self.out.value(a).shape, &self.out.value(b).shape);
        let gate = sa.len() == 4 && sb.as_slice() == [sa[0], 1, 1, sa[3]];
        if sa != out || !(sa == sb || gate) {
            return no_integer(format!("a product of tensors of shapes {sa:?} and {sb:?} has no integer form here"));
        }
        let q = self.quant(self.g.out(id))?;
        let (qa, qb) = (self.codes(a)?, self.codes(b)?);
        let acc = reach(self.out.value(a).dtype, qa) * reach(self.out.value(b).dtype, qb);
        let d = dyadic(&[qa.scale * qb.scale / q.scale], acc)?;
        let (lo, hi) = clamp_codes(node, q)?;
        let attrs = Attrs::new()
            .with("m", i64::from(d.m[0]))
            .with("pre", i64::from(d.pre))
            .with("shift", i64::from(d.shift))
            .with("lo", lo)
            .with("hi", hi);
        self.emit(id, "q.mul", attrs, &[a, b], q)
    }
}
