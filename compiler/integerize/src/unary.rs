//! Functions of one value: a table with an entry for each code.

use super::{Ctx, no_integer, reals};
use mcompc_ir::{Attrs, Code, Codes, Error, Node, NodeId, Quant, Result, Tensor, ValueId};
use mcompc_ops::act;

impl Ctx<'_> {
    pub(super) fn unary(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let a = &node.attrs;
        // A table of 16 bits would cut the corners.
        let bounds = match node.op.as_str() {
            "Relu" => Some((0.0, f64::INFINITY)),
            "Clip" => Some((a.float("min")?, a.float("max")?)),
            _ => None,
        };
        if let Some((lo, hi)) = bounds
            && let Some(y) = self.bounded(id, node, lo, hi)?
        {
            return Ok(y);
        }
        self.table(id, mcompc_ops::function(&node.op, &node.attrs)?)
    }

    /// The reals of a 16-bit value within bounds: a rescale whose clamp they are.
    fn bounded(&mut self, id: NodeId, node: &Node, lo: f64, hi: f64) -> Result<Option<ValueId>> {
        let (v, q) = (self.r.from.inputs_of(id)[0], self.result(id)?);
        if self.r.from.const_of(v).is_some() || self.quant(v)?.codes.bits <= Codes::I8.bits || !self.quant(v)?.is_result() || q.is_wide() {
            return Ok(None);
        }
        let x = self.r.computed(v)?;
        let y = self.rescaled(x, &q, &node.name, &node.outs[0].name)?;
        let attrs = &mut self.r.to.node_mut(y.node).attrs;
        attrs.set("lo", i64::from(q.code(lo)));
        attrs.set("hi", i64::from(q.code(hi)));
        self.r.fused(y, id);
        Ok(Some(y))
    }

    /// Arithmetic with one number: a function of the other operand, which stands at input `port`.
    pub(super) fn with_number(&mut self, id: NodeId, node: &Node, port: usize, k: f64) -> Result<ValueId> {
        let (lo, hi) = act(node)?;
        let op = node.op.as_str();
        self.table(id, move |x| {
            let (a, b) = if port == 0 { (x, k) } else { (k, x) };
            let y = match op {
                "Add" => a + b,
                "Sub" => a - b,
                "Mul" => a * b,
                _ => a / b,
            };
            if y.is_nan() { y } else { y.max(lo).min(hi) }
        })
    }

    /// The number that one operand of a node is, with the port of the other.
    pub(super) fn number(&self, id: NodeId) -> Result<Option<(usize, f64)>> {
        for (port, v) in self.r.from.inputs_of(id).into_iter().enumerate() {
            if self.r.from.const_of(v).is_some_and(|t| t.elems() == 1) && self.r.from.value(v).quant.is_none() {
                return Ok(Some((1 - port.min(1), reals(self.r.from, v)?[0].into())));
            }
        }
        Ok(None)
    }

    /// q.lut of `f`, computed in f64 and rounded to the nearest code; `libm` and not the host's library, so that every host builds the
    /// same table.
    pub(super) fn table(&mut self, id: NodeId, f: impl Fn(f64) -> f64) -> Result<ValueId> {
        let v = self.r.from.inputs_of(id).into_iter().find(|&v| self.r.from.const_of(v).is_none());
        let v =
            v.ok_or_else(|| Error::new(Code::NoInteger, "a function of constants only").hint("store its result in the model instead"))?;
        let (node, q) = (self.r.from.node(id), self.result(id)?);
        let y = self.look_up(v, &q, f, &node.name, &node.outs[0].name)?;
        self.r.fused(y, id);
        Ok(y)
    }

    /// A table of the codes under `q` of a function of `v`'s reals. Codes are read as they are: one scale says what they mean.
    pub(super) fn look_up(&mut self, v: ValueId, q: &Quant, f: impl Fn(f64) -> f64, name: &str, out: &str) -> Result<ValueId> {
        let (x, xq) = (self.r.computed(v)?, self.quant(v)?);
        if xq.is_wide() || q.is_wide() {
            return self.curve(v, q, &f, name, out);
        }
        let Some((s, o)) = xq.uniform() else {
            return no_integer(format!("`{}` has no single scale, which only layers with weights can read", self.r.from.value(v).name));
        };
        if xq.codes.bits <= Codes::I8.bits {
            let (lo, hi) = xq.codes.range();
            let table = codes_of((lo..=hi).map(|c| f(s * (f64::from(c) - o))), q);
            return self.tabled(x, table, q, name, out);
        }
        // A table of i16 makes i16; fewer bits follow by a rescale.
        let finer = Codes::I8.count() as i32;
        let wide =
            if q.codes == Codes::I16 { q.clone() } else { Quant::new(Codes::I16, q.step() / f64::from(finer), q.zero_point() * finer) };
        let table = knots(&|c| f(s * (c - o)), &wide);
        if *q == wide {
            return self.tabled(x, table, q, name, out);
        }
        let [inner, last] = [name, out].map(|n| format!("{n}.wide"));
        let y = self.tabled(x, table, &wide, &inner, &last)?;
        self.rescaled(y, q, name, out)
    }

    fn tabled(&mut self, x: ValueId, table: Vec<i32>, q: &Quant, name: &str, out: &str) -> Result<ValueId> {
        let table = self.r.to.add_const(format!("{name}.table"), Tensor::from_ints(q.codes.dtype(), [table.len()], &table)?);
        self.emit_as(name, "q.lut", Attrs::new(), &[x, table], out, Some(q.clone()))
    }
}

/// The codes of reals. A pole (division by the code of 0) has no real value to round; it takes what the format has for "large", as does
/// what is not a number.
fn codes_of(reals: impl Iterator<Item = f64>, q: &Quant) -> Vec<i32> {
    reals.map(|y| if y.is_nan() { q.code(0.0) } else { q.code(y) }).collect()
}

/// The table of a function of 16-bit codes, given as a function of the code: its codes under `q` at every 128th, and at the one behind the last.
/// Between them the result is linear (q.lut): where the second derivative, in steps of both sides, is at most d it is off by 128^2 / 8 * d steps
/// and one for the rounding of entries and result.
pub fn knots(f: &dyn Fn(f64) -> f64, q: &Quant) -> Vec<i32> {
    let least = f64::from(Codes::I16.min());
    codes_of((0..=Codes::I16.count() >> FINE).map(|i| f(least + libm::ldexp(i as f64, FINE))), q)
}

/// Bits of a code between two entries of a table for 16 bits (q.lut).
const FINE: i32 = 7;
