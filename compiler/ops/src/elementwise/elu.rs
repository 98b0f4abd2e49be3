//! Exponential linear unit.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("alpha", Kind::Float, "minus the limit for very negative x")];
const DEFAULTS: &[Default] = &[Default::Number(1.0)];

pub(crate) const F: Spec = with("Elu", "x where x >= 0, else alpha * (exp(x) - 1).", 7, ATTRS, DEFAULTS, |a| {
    let alpha = a.float("alpha")?;
    Ok(Box::new(move |x| if x >= 0.0 { x } else { alpha * libm::expm1(x) }))
});
