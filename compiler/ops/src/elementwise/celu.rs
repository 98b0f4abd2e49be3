//! Continuously differentiable exponential linear unit (Barron, 2017).

use crate::def::{AttrDef, Kind, attr_error, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("alpha", Kind::Float, "not 0")];
const DEFAULTS: &[Default] = &[Default::Number(1.0)];

pub(crate) const F: Spec = with("Celu", "max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).", 12, ATTRS, DEFAULTS, |a| {
    let alpha = a.float("alpha")?;
    if alpha == 0.0 {
        return attr_error("alpha", "is 0");
    }
    Ok(Box::new(move |x: f64| x.max(0.0) + (alpha * libm::expm1(x / alpha)).min(0.0)))
});
