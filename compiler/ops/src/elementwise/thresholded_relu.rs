//! Thresholded rectifier.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("alpha", Kind::Float, "the threshold")];
const DEFAULTS: &[Default] = &[Default::Number(1.0)];

pub(crate) const F: Spec = with("ThresholdedRelu", "x where x > alpha, else 0.", 10, ATTRS, DEFAULTS, |a| {
    let alpha = a.float("alpha")?;
    Ok(Box::new(move |x| if x > alpha { x } else { 0.0 }))
});
