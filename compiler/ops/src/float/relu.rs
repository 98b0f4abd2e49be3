//! Rectifier.

use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "Relu",
    doc: "max(x, 0).",
    inputs: &["x"],
    attrs: &[],
    infer: |c| c.like_first(),
    eval: |_, t| super::map(t, |x| x.max(0.0)),
};
