//! Logistic function.

use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "Sigmoid",
    doc: "1 / (1 + exp(-x)).",
    inputs: &["x"],
    attrs: &[],
    infer: |c| c.like_first(),
    eval: |_, t| super::map(t, |x| 1.0 / (1.0 + libm::exp(-x))),
};
