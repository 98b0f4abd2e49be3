//! Scaled exponential linear unit (Klambauer et al., 2017).

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("alpha", Kind::Float, "minus the limit for very negative x, over gamma"), req("gamma", Kind::Float, "slope above zero")];
const DEFAULTS: &[Default] = &[Default::Number(1.673_263_2), Default::Number(1.050_701)];

pub(crate) const F: Spec = with("Selu", "gamma * x where x > 0, else gamma * (alpha * exp(x) - alpha).", 7, ATTRS, DEFAULTS, |a| {
    let (alpha, gamma) = (a.float("alpha")?, a.float("gamma")?);
    Ok(Box::new(move |x| if x > 0.0 { gamma * x } else { gamma * alpha * libm::expm1(x) }))
});
