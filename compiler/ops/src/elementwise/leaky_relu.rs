//! Leaky rectifier.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("alpha", Kind::Float, "slope below zero")];
const DEFAULTS: &[Default] = &[Default::Number(0.01)];

pub(crate) const F: Spec = with("LeakyRelu", "x where x >= 0, else alpha * x.", 7, ATTRS, DEFAULTS, |a| {
    let alpha = a.float("alpha")?;
    Ok(Box::new(move |x| if x >= 0.0 { x } else { alpha * x }))
});
