//! Largest element over axes.

use crate::def::OpDef;
use crate::reduce::{self, AXES, KEEPDIMS};

pub(crate) const OP: OpDef = OpDef {
    name: "ReduceMax",
    doc: "Largest element over the named axes, which stay as dimensions of 1 with keepdims and go without.",
    inputs: &["x"],
    attrs: &[AXES, KEEPDIMS],
    infer: reduce::infer_extreme,
    eval: |c, t| reduce::extreme(c, t, true),
};
