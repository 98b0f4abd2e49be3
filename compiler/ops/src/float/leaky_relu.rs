//! Leaky rectifier.

use crate::def::{Kind, OpDef, req};

pub(crate) const OP: OpDef = OpDef {
    name: "LeakyRelu",
    doc: "x where x >= 0, else alpha * x.",
    inputs: &["x"],
    attrs: &[req("alpha", Kind::Float, "slope below zero")],
    infer: |c| c.like_first(),
    eval: |c, t| {
        let alpha = c.node.attrs.float("alpha")?;
        super::map(t, |x| if x >= 0.0 { x } else { alpha * x })
    },
};
