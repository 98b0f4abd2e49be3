//! Power with a constant exponent; the base is what is computed.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Spec, inner};

const ATTRS: &[AttrDef] = &[req("exponent", Kind::Float, "the exponent")];

pub(crate) const F: Spec = inner("Power", "x to the power of the exponent; IEEE 754's pow.", ATTRS, |a| {
    let exponent = a.float("exponent")?;
    if exponent == 2.0 {
        return Ok(Box::new(|x| x * x));
    }
    Ok(Box::new(move |x| libm::pow(x, exponent)))
});
