//! Whether a value is infinite.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Spec, inner};

const ATTRS: &[AttrDef] =
    &[req("negative", Kind::Int, "whether minus infinity counts"), req("positive", Kind::Int, "whether plus infinity counts")];

pub(crate) const F: Spec = inner("IsInf", "1 where x is an infinity that counts, else 0.", ATTRS, |a| {
    let (negative, positive) = (a.float("negative")? != 0.0, a.float("positive")? != 0.0);
    Ok(Box::new(move |x| f64::from(u8::from(x == f64::INFINITY && positive || x == f64::NEG_INFINITY && negative))))
});
