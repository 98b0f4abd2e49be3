//! Elementwise sum.

use super::{ACT_MAX, ACT_MIN, FINE, bound};
use crate::broadcast;
use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "Add",
    doc: "a + b, with numpy broadcasting.",
    inputs: &["a", "b"],
    attrs: &[ACT_MIN, ACT_MAX, FINE],
    infer: |c| {
        c.act()?;
        broadcast::infer(c)
    },
    eval: |c, t| {
        let (lo, hi) = c.act()?;
        broadcast::eval(t, |a, b| (a + b).clamp(bound(lo), bound(hi)))
    },
};
