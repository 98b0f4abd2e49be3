//! Swish, for alpha 1 called SiLU (Ramachandran et al., 2017).

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("alpha", Kind::Float, "steepness of the gate")];
const DEFAULTS: &[Default] = &[Default::Number(1.0)];

pub(crate) const F: Spec = with("Swish", "x / (1 + exp(-alpha * x)).", 24, ATTRS, DEFAULTS, |a| {
    let alpha = a.float("alpha")?;
    Ok(Box::new(move |x| x / (1.0 + libm::exp(-alpha * x))))
});
