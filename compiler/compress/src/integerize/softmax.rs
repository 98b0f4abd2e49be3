//! Softmax: a table of exponentials in fixed point.

use super::quants::SOFTMAX;
use super::{Ctx, no_integer};
use mcompc_ir::{Attrs, Node, NodeId, Result, Tensor, ValueId};

impl Ctx<'_> {
    pub(super) fn softmax(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let v = self.g.inputs_of(id)[0];
        let shape = &self.g.value(v).shape;
        let axis = node.attrs.int("axis")?;
        if axis != shape.len() as i64 - 1 {
            return no_integer(format!("softmax over axis {axis} of {shape:?}; the last axis has an integer form"));
        }
        let n = shape[shape.len() - 1].max(1);
        // docs/numerics.md: as many fraction bits as keep a row's sum within 2^30.
        let bits = 20.min(30i32 - n.next_power_of_two().trailing_zeros() as i32);
        let x = self.plain(v)?;
        let scale = self.codes(x)?.scale;
        let table: Vec<i32> = (0..256).map(|d| libm::ldexp(libm::exp(-f64::from(d) * scale), bits).round() as i32).collect();
        let table = self.out.add_const(format!("{}.table", node.name), Tensor::from_i32([256], &table)?);
        self.emit(id, "q.softmax", Attrs::new().with("axis", axis).with("bits", i64::from(bits)), &[x, table], SOFTMAX)
    }
}
