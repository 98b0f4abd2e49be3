//! Elementwise difference.

use super::FINE;
use crate::broadcast;
use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "Sub",
    doc: "a - b, with numpy broadcasting.",
    inputs: &["a", "b"],
    attrs: &[FINE],
    infer: broadcast::infer,
    eval: |_, t| broadcast::eval(t, |a, b| a - b),
};
