//! Elementwise quotient.

use crate::broadcast;
use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "Div",
    doc: "a / b, with numpy broadcasting; IEEE 754 where b is 0.",
    inputs: &["a", "b"],
    attrs: &[],
    infer: broadcast::infer,
    eval: |_, t| broadcast::eval(t, |a, b| a / b),
};
