//! Softmax: a table of exponentials in fixed point.

use super::Ctx;
use mcompc_ir::{Attrs, Code, Codes, Error, Node, NodeId, Quant, Result, Tensor, ValueId};

impl Ctx<'_> {
    /// Over the last axis.
    pub(super) fn softmax(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let v = self.r.from.inputs_of(id)[0];
        let shape = &self.r.from.value(v).shape;
        let (last, n) = (shape.len().saturating_sub(1), shape.last().copied().unwrap_or(1).max(1));
        // docs/numerics.md: as many fraction bits as keep a row's sum within 2^30.
        let bits = 20.min(30i32 - n.next_power_of_two().trailing_zeros() as i32);
        let q = self.quant(self.r.from.out(id))?.clone();
        if q != Quant::probability(q.codes) {
            return Err(Error::new(Code::NoInteger, "a softmax under other codes than steps of 1/256, or of 2^-15, from 0")
                .hint("leave its result as it is; what reads it may have codes of its own"));
        }
        let x = self.wide_as(v, &q, &node.name)?;
        let scale = self.codes(x)?.step();
        let entries = |by: f64, bits: i32| -> Vec<i32> {
            (0..Codes::I8.count()).map(|d| libm::ldexp(libm::exp(-(d as f64) * by * scale), bits).round() as i32).collect()
        };
        let coarse = Codes::I8.count() as f64;
        let table = if q.codes.bits > Codes::I8.bits { [entries(coarse, 30), entries(1.0, bits + 2)].concat() } else { entries(1.0, bits) };
        let table = self.r.to.add_const(format!("{}.table", node.name), Tensor::from_i32([table.len()], &table)?);
        let attrs = Attrs::new().with("axis", last).with("bits", i64::from(bits));
        self.emit(id, "q.softmax", attrs, &[x, table], q)
    }

    /// The operand of a softmax in codes as wide as its result's: a softmax makes 16 bits of 16 and 8 of 8.
    fn wide_as(&mut self, v: ValueId, y: &Quant, name: &str) -> Result<ValueId> {
        let x = self.operand(v, y.codes)?;
        let q = self.codes(x)?.clone();
        let narrow = Codes::I8.bits;
        let to = match (q.codes.bits > narrow, y.codes.bits > narrow) {
            (true, false) => Quant::symmetric(Codes::I8, q.step() * q.span() as f64),
            (false, true) => Quant::symmetric(Codes::I16, q.step() * q.span() as f64),
            _ => return Ok(x),
        };
        let name = self.r.fresh(&format!("{name}.in"));
        self.rescaled(x, &to, &name, &name)
    }
}
