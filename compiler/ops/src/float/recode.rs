//! A change of codes.

use crate::def::OpDef;

pub(crate) const OP: OpDef = OpDef {
    name: "Recode",
    doc: "x itself: at the coded level a value under other codes than those it has. The integer level says how (q.lut, q.rescale).",
    inputs: &["x"],
    attrs: &[],
    infer: |c| c.like_first(),
    eval: |_, t| super::map(t, |x| x),
};
