//! Hard sigmoid.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("alpha", Kind::Float, "slope"), req("beta", Kind::Float, "value at 0")];
const DEFAULTS: &[Default] = &[Default::Number(0.2), Default::Number(0.5)];

pub(crate) const F: Spec = with("HardSigmoid", "clamp(alpha * x + beta, 0, 1).", 7, ATTRS, DEFAULTS, |a| {
    let (alpha, beta) = (a.float("alpha")?, a.float("beta")?);
    Ok(Box::new(move |x| (alpha * x + beta).clamp(0.0, 1.0)))
});
