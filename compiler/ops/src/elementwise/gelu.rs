//! Gaussian error linear unit (Hendrycks and Gimpel, 2016).

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("approximate", Kind::Str, "none: the exact function; tanh: its approximation by one")];
const DEFAULTS: &[Default] = &[Default::Word(&["none", "tanh"])];
const DOC: &str = "x / 2 * (1 + erf(x / sqrt 2)), or x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))).";

pub(crate) const F: Spec = with("Gelu", DOC, 20, ATTRS, DEFAULTS, |a| {
    if a.str("approximate")? == "none" {
        return Ok(Box::new(|x| x / 2.0 * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))));
    }
    let k = libm::sqrt(2.0 / std::f64::consts::PI);
    Ok(Box::new(move |x| x / 2.0 * (1.0 + libm::tanh(k * (x + 0.044715 * x * x * x)))))
});
