//! Clamp.

use super::bound;
use crate::def::{Ctx, Kind, OpDef, attr_error, req};
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "Clip",
    doc: "min(max(x, min), max). Relu6 is this with 0 and 6.",
    inputs: &["x"],
    attrs: &[req("min", Kind::Float, "lower bound; -inf for none"), req("max", Kind::Float, "upper bound; inf for none")],
    infer: |c| {
        range(c)?;
        c.like_first()
    },
    eval: |c, t| {
        let (lo, hi) = range(c)?;
        super::map(t, |x| x.clamp(bound(lo), bound(hi)))
    },
};

fn range(c: &Ctx<'_>) -> Result<(f64, f64)> {
    let (lo, hi) = (c.node.attrs.float("min")?, c.node.attrs.float("max")?);
    if lo <= hi { Ok((lo, hi)) } else { attr_error("min", format_args!("is {lo:?}, above max {hi:?}")) }
}
