//! Clamp.

use crate::def::{AttrDef, Kind, attr_error, req};
use crate::map::{Spec, inner};

const ATTRS: &[AttrDef] = &[req("min", Kind::Float, "lower bound; -inf for none"), req("max", Kind::Float, "upper bound; inf for none")];

pub(crate) const F: Spec = inner("Clip", "min(max(x, min), max). Relu6 is this with 0 and 6.", ATTRS, |a| {
    // Rounded to f32 first, so that a clamp gives a value inside its own f32 bounds.
    let (lo, hi) = (f64::from(a.float("min")? as f32), f64::from(a.float("max")? as f32));
    if lo <= hi { Ok(Box::new(move |x| x.clamp(lo, hi))) } else { attr_error("min", format_args!("is {lo:?}, above max {hi:?}")) }
});
