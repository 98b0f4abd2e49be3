//! Functions of one value: a table of 256 codes.

use super::{Ctx, code};
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Result, Tensor, ValueId};

impl Ctx<'_> {
    pub(super) fn unary(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let a = &node.attrs;
        match node.op.as_str() {
            "Relu" => self.table(id, |x| x.max(0.0)),
            "Sigmoid" => self.table(id, |x| 1.0 / (1.0 + libm::exp(-x))),
            "Tanh" => self.table(id, libm::tanh),
            "HardSwish" => self.table(id, |x| x * ((x + 3.0) / 6.0).clamp(0.0, 1.0)),
            "Clip" => {
                let (lo, hi) = (a.float("min")?, a.float("max")?);
                self.table(id, |x| x.max(lo).min(hi))
            }
            "HardSigmoid" => {
                let (alpha, beta) = (a.float("alpha")?, a.float("beta")?);
                self.table(id, |x| (alpha * x + beta).clamp(0.0, 1.0))
            }
            "LeakyRelu" => {
                let alpha = a.float("alpha")?;
                self.table(id, |x| if x < 0.0 { alpha * x } else { x })
            }
            "Elu" => {
                let alpha = a.float("alpha")?;
                self.table(id, |x| if x < 0.0 { alpha * libm::expm1(x) } else { x })
            }
            op => Err(Error::new(Code::Internal, format!("{op} is not a function of one value"))),
        }
    }

    /// q.lut of `f`, computed in f64 and rounded to the nearest code; `libm` and not the host's library, so that every host builds the
    /// same table.
    pub(super) fn table(&mut self, id: NodeId, f: impl Fn(f64) -> f64) -> Result<ValueId> {
        let v = self.g.inputs_of(id).into_iter().find(|&v| self.g.const_of(v).is_none());
        let v =
            v.ok_or_else(|| Error::new(Code::NoInteger, "a function of constants only").hint("store its result in the model instead"))?;
        let q = self.quant(self.g.out(id))?;
        // Raw codes may be read as they are where one scale says what they mean.
        let (x, (s, o)) = match self.raw.get(&v) {
            Some(r) if r.uniform().is_some() => (self.direct(v)?, r.along(0)),
            _ => {
                let x = self.plain(v)?;
                let xq = self.codes(x)?;
                (x, xq.along(0))
            }
        };
        let codes = self.codes(x)?.codes;
        let (lo, hi) = codes.range();
        let reals = (lo..=hi).map(|c| f(s * (f64::from(c) - o)));
        // A pole (division by the code of 0) has no real value to round; it takes what the format has for "large".
        let table: Vec<i8> = reals.map(|y| if y.is_nan() { code(0.0, &q) } else { code(y, &q) }).collect();
        let table = self.out.add_const(format!("{}.table", self.g.node(id).name), Tensor::from_i8([codes.count()], &table)?);
        self.emit(id, "q.lut", Attrs::new(), &[x, table], q)
    }
}
