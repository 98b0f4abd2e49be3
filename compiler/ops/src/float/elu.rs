//! Exponential linear unit.

use crate::def::{Kind, OpDef, req};

pub(crate) const OP: OpDef = OpDef {
    name: "Elu",
    doc: "x where x >= 0, else alpha * (exp(x) - 1).",
    inputs: &["x"],
    attrs: &[req("alpha", Kind::Float, "minus the limit for very negative x")],
    infer: |c| c.like_first(),
    eval: |c, t| {
        let alpha = c.node.attrs.float("alpha")?;
        super::map(t, |x| if x >= 0.0 { x } else { alpha * libm::expm1(x) })
    },
};
