//! Operators that move codes: reshape, transpose, pad, maximum pool, concatenation. Input and output share one quantization.

use super::{Ctx, no_integer, reach};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Node, NodeId, Quant, Result, ValueId};

impl Ctx<'_> {
    pub(super) fn moves(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.g.inputs_of(id);
        if self.raw.contains_key(&self.g.out(id)) {
            let x = self.direct(ins[0])?;
            let q = self.codes(x)?;
            return self.emit(id, &node.op, node.attrs.clone(), &[x], q);
        }
        let q = self.quant(self.g.out(id))?;
        let mut xs = Vec::with_capacity(ins.len());
        for &v in &ins {
            let x = self.plain(v)?;
            xs.push(self.rescaled(x, q)?);
        }
        match node.op.as_str() {
            "MaxPool" => {
                let mut attrs = node.attrs.clone();
                attrs.0.remove("layout");
                self.emit(id, "q.maxpool", attrs, &xs, q)
            }
            "Pad" => {
                let value = node.attrs.float("value")?;
                if value != 0.0 {
                    return no_integer(format!("padding with {value}; only 0 has an integer form here"));
                }
                self.emit(id, "Pad", node.attrs.clone(), &xs, q)
            }
            op => self.emit(id, op, node.attrs.clone(), &xs, q),
        }
    }

    /// `x` under quantization `q`: itself where that is its own.
    fn rescaled(&mut self, x: ValueId, q: Quant) -> Result<ValueId> {
        let xq = self.codes(x)?;
        if xq == q {
            return Ok(x);
        }
        let d = dyadic(&[xq.scale / q.scale], reach(self.out.value(x).dtype, xq))?;
        let attrs = Attrs::new()
            .with("m", i64::from(d.m[0]))
            .with("pre", i64::from(d.pre))
            .with("shift", i64::from(d.shift))
            .with("lo", -128i64)
            .with("hi", 127i64);
        let name = format!("{}.rescaled", self.out.value(x).name);
        self.emit_as(&name, "q.rescale", attrs, &[x], &name, Some(q))
    }
}
