//! Hard swish (MobileNetV3).

use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "HardSwish",
    doc: "x * clamp(x / 6 + 1/2, 0, 1).",
    inputs: &["x"],
    attrs: &[],
    infer: |c| c.like_first(),
    eval: |_, t| super::map(t, |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
};
