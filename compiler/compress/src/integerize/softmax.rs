//! Softmax: a table of exponentials in fixed point.

use super::Ctx;
use super::channel::inverse;
use mcompc_ir::{Attrs, Node, NodeId, Quant, Result, Tensor, ValueId};

impl Ctx<'_> {
    /// Over the last axis; another one is brought there and back.
    pub(super) fn softmax(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let v = self.g.inputs_of(id)[0];
        let shape = self.g.value(v).shape.clone();
        let (axis, last) = (node.attrs.int("axis")? as usize, shape.len().saturating_sub(1));
        let n = shape.get(axis).copied().unwrap_or(1).max(1);
        // docs/numerics.md: as many fraction bits as keep a row's sum within 2^30.
        let bits = 20.min(30i32 - n.next_power_of_two().trailing_zeros() as i32);
        let mut x = self.plain(v)?;
        let q = self.codes(x)?;
        let (scale, n) = (q.step(), q.codes.count());
        let table: Vec<i32> = (0..n as i32).map(|d| libm::ldexp(libm::exp(-f64::from(d) * scale), bits).round() as i32).collect();
        let table = self.out.add_const(format!("{}.table", node.name), Tensor::from_i32([n], &table)?);
        let attrs = Attrs::new().with("axis", last).with("bits", i64::from(bits));
        if axis == last {
            return self.emit(id, "q.softmax", attrs, &[x, table], Quant::PROBABILITY);
        }
        let perm: Vec<usize> = (0..shape.len()).filter(|&d| d != axis).chain([axis]).collect();
        let out = &node.outs[0].name;
        x = self.transposed(x, &perm, &format!("{}.last", node.name))?;
        let y = self.emit_as(&node.name, "q.softmax", attrs, &[x, table], &format!("{out}.last"), Some(Quant::PROBABILITY))?;
        self.out.node_mut(y.node).fused = node.fused.clone();
        self.transposed(y, &inverse(&perm), out)
    }
}
