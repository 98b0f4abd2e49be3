//! Sum over axes.

use crate::def::OpDef;
use crate::reduce::{self, AXES, KEEPDIMS};

pub(crate) const OP: OpDef = OpDef {
    name: "ReduceSum",
    doc: "Sum over the named axes, which stay as dimensions of 1 with keepdims and go without.",
    inputs: &["x"],
    attrs: &[AXES, KEEPDIMS],
    infer: reduce::infer,
    eval: |c, t| reduce::sum(c, t, false),
};
