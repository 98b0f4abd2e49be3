//! Softmax: a table of exponentials in fixed point.

use super::Ctx;
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Quant, Result, Tensor, ValueId};

impl Ctx<'_> {
    /// Over the last axis.
    pub(super) fn softmax(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let v = self.r.from.inputs_of(id)[0];
        let shape = &self.r.from.value(v).shape;
        let (last, n) = (shape.len().saturating_sub(1), shape.last().copied().unwrap_or(1).max(1));
        // docs/numerics.md: as many fraction bits as keep a row's sum within 2^30.
        let bits = 20.min(30i32 - n.next_power_of_two().trailing_zeros() as i32);
        if self.quant(self.r.from.out(id))? != &Quant::PROBABILITY {
            return Err(Error::new(Code::NoInteger, "a softmax under other codes than steps of 1/256 from 0")
                .hint("leave its result as it is; what reads it may have codes of its own"));
        }
        let x = self.operand(v)?;
        let q = self.codes(x)?;
        let (scale, codes) = (q.step(), q.codes.count());
        let table: Vec<i32> = (0..codes as i32).map(|d| libm::ldexp(libm::exp(-f64::from(d) * scale), bits).round() as i32).collect();
        let table = self.r.to.add_const(format!("{}.table", node.name), Tensor::from_i32([codes], &table)?);
        let attrs = Attrs::new().with("axis", last).with("bits", i64::from(bits));
        self.emit(id, "q.softmax", attrs, &[x, table], Quant::PROBABILITY)
    }
}
