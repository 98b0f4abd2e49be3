//! Hyperbolic tangent.

use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "Tanh",
    doc: "The hyperbolic tangent of x.",
    inputs: &["x"],
    attrs: &[],
    infer: |c| c.like_first(),
    eval: |_, t| super::map(t, libm::tanh),
};
