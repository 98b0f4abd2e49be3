//! Operators that move codes: reshape, transpose, slice, pad, maximum pool, concatenation. Operands come under the result's quantization.

use super::classes::pad_value;
use super::{Ctx, code, unclamped};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Quant, Result, ValueId};

impl Ctx<'_> {
    pub(super) fn moves(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.g.inputs_of(id);
        if self.raw.contains_key(&self.g.out(id)) {
            let x = self.direct(ins[0])?;
            let q = self.codes(x)?.clone();
            return self.emit(id, &node.op, node.attrs.clone(), &[x], q);
        }
        let q = self.quant(self.g.out(id))?;
        let xs = ins.iter().map(|&v| self.plain_as(v, q.clone())).collect::<Result<Vec<_>>>()?;
        let mut attrs = node.attrs.clone();
        match node.op.as_str() {
            "MaxPool" => {
                attrs.0.remove("layout");
                self.emit(id, "q.maxpool", attrs, &xs, q)
            }
            "Pad" => {
                let value = pad_value(self.g, id)?;
                if !value.is_finite() {
                    return Err(Error::new(Code::NoInteger, format!("padding with {value} has no code"))
                        .hint("a maximum pool leaves its own padding out: give it the pads; other operators need a finite value"));
                }
                attrs.set("value", 0.0);
                if value != 0.0 {
                    attrs.set("code", i64::from(code(value, &q)));
                }
                self.emit(id, "Pad", attrs, &xs, q)
            }
            op => self.emit(id, op, attrs, &xs, q),
        }
    }

    /// `x` under quantization `q`, as the value `name`.
    pub(super) fn rescaled(&mut self, x: ValueId, q: Quant, name: &str) -> Result<ValueId> {
        let xq = self.codes(x)?;
        let d = dyadic(&[xq.step() / q.step()], xq.span())?;
        let attrs = Attrs::new().with("m", i64::from(d.m[0])).with("pre", i64::from(d.pre)).with("shift", i64::from(d.shift));
        self.emit_as(name, "q.rescale", unclamped(attrs), &[x], name, Some(q))
    }
}
