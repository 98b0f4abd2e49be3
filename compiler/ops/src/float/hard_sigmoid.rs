//! Hard sigmoid.

use crate::def::{Kind, OpDef, req};

pub(crate) const OP: OpDef = OpDef {
    name: "HardSigmoid",
    doc: "clamp(alpha * x + beta, 0, 1).",
    inputs: &["x"],
    attrs: &[req("alpha", Kind::Float, "slope"), req("beta", Kind::Float, "value at 0")],
    infer: |c| c.like_first(),
    eval: |c, t| {
        let (alpha, beta) = (c.node.attrs.float("alpha")?, c.node.attrs.float("beta")?);
        super::map(t, |x| (alpha * x + beta).clamp(0.0, 1.0))
    },
};
