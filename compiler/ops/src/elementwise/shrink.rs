//! Shrinkage.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Default, Spec, with};

const ATTRS: &[AttrDef] = &[req("bias", Kind::Float, "how far values move towards zero"), req("lambd", Kind::Float, "half the width of what becomes 0")];
const DEFAULTS: &[Default] = &[Default::Number(0.0), Default::Number(0.5)];

pub(crate) const F: Spec = with("Shrink", "x + bias where x < -lambd, x - bias where x > lambd, else 0.", 9, ATTRS, DEFAULTS, |a| {
    let (bias, lambd) = (a.float("bias")?, a.float("lambd")?);
    Ok(Box::new(move |x| {
        if x < -lambd {
            x + bias
        } else if x > lambd {
            x - bias
        } else {
            0.0
        }
    }))
});
