//! Operators that move codes: reshape, transpose, slice, pad, maximum pool, concatenation. Operands come under the result's quantization.

use super::{Ctx, unclamped};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Node, NodeId, Quant, Result, ValueId};
use mcompc_ops::{is_move, pad_value};

impl Ctx<'_> {
    pub(super) fn moves(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.r.from.inputs_of(id);
        let out = self.quant(self.r.from.out(id))?;
        if is_move(&node.op) && !out.is_result() && !out.is_wide() && self.same(ins[0], out) {
            // Codes that only layers read are moved as they are.
            let x = self.r.computed(ins[0])?;
            let q = self.codes(x)?.clone();
            return self.emit(id, &node.op, node.attrs.clone(), &[x], q);
        }
        let q = self.result(id)?;
        let xs = ins.iter().map(|&v| self.operand_as(v, &q)).collect::<Result<Vec<_>>>()?;
        let mut attrs = node.attrs.clone();
        match node.op.as_str() {
            "MaxPool" => {
                attrs.0.remove("layout");
                self.emit(id, "q.maxpool", attrs, &xs, q)
            }
            "Pad" => {
                let value = pad_value(self.r.from, id)?;
                attrs.set("value", 0.0);
                if value != 0.0 {
                    attrs.set("code", i64::from(q.code(value)));
                }
                self.emit(id, "Pad", attrs, &xs, q)
            }
            op => self.emit(id, op, attrs, &xs, q),
        }
    }

    pub(super) fn recode(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let q = self.result(id)?;
        let y = self.recoded(self.r.from.inputs_of(id)[0], &q, &node.name, &node.outs[0].name)?;
        self.r.fused(y, id);
        Ok(y)
    }

    /// `v` under quantization `q`, as the value `out`.
    pub(super) fn recoded(&mut self, v: ValueId, q: &Quant, name: &str, out: &str) -> Result<ValueId> {
        let xq = self.quant(v)?;
        if !xq.is_result() && !xq.is_wide() {
            return self.look_up(v, q, |x| x, name, out);
        }
        let x = self.r.computed(v)?;
        self.rescaled(x, q, name, out)
    }

    /// An integer value under quantization `q`.
    pub(super) fn rescaled(&mut self, x: ValueId, q: &Quant, name: &str, out: &str) -> Result<ValueId> {
        let xq = self.codes(x)?;
        let d = dyadic(&[xq.step() / q.step()], xq.span())?;
        let attrs = Attrs::new().with("m", i64::from(d.m[0])).with("pre", i64::from(d.pre)).with("shift", i64::from(d.shift));
        self.emit_as(name, "q.rescale", unclamped(attrs, q), &[x], out, Some(q.clone()))
    }

    /// Whether a value's codes mean what those of another do, but for where the axis is that they differ along.
    fn same(&self, v: ValueId, q: &Quant) -> bool {
        let x = self.r.from.value(v).quant.as_ref().filter(|_| self.r.from.const_of(v).is_none());
        x.is_some_and(|x| x.codes == q.codes && x.scale.all() == q.scale.all() && x.zero.all() == q.zero.all())
    }
}
