//! Functions of one value: a table with an entry for each code.

use super::{Ctx, code, no_integer, reals};
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Quant, Result, Tensor, ValueId};
use mcompc_ops::act;

impl Ctx<'_> {
    pub(super) fn unary(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        self.table(id, mcompc_ops::function(&node.op, &node.attrs)?)
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
        let Some((s, o)) = xq.uniform() else {
            return no_integer(format!("`{}` has no single scale, which only layers with weights can read", self.r.from.value(v).name));
        };
        let (lo, hi) = xq.codes.range();
        let reals = (lo..=hi).map(|c| f(s * (f64::from(c) - o)));
        // A pole (division by the code of 0) has no real value to round; it takes what the format has for "large".
        let table: Vec<i8> = reals.map(|y| if y.is_nan() { code(0.0, q) } else { code(y, q) }).collect();
        let table = self.r.to.add_const(format!("{name}.table"), Tensor::from_i8([xq.codes.count()], &table)?);
        self.emit_as(name, "q.lut", Attrs::new(), &[x, table], out, Some(q.clone()))
    }
}
