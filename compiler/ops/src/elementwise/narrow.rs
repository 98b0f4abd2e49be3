//! Rounding to floats of few bits.

use crate::def::{AttrDef, Kind, req};
use crate::map::{Spec, inner};

const ATTRS: &[AttrDef] = &[
    req("fraction", Kind::Int, "bits of the fraction"),
    req("least", Kind::Int, "exponent of the smallest normal number"),
    req("most", Kind::Float, "the largest number"),
    req("beyond", Kind::Int, "what larger ones become: 0 the largest, 1 infinite, 2 not a number"),
    req("nan", Kind::Int, "what is not a number becomes: 0 zero, 1 itself"),
];

pub(crate) const F: Spec = inner("Narrow", "The nearest number of a float type of few bits, of two the even one.", ATTRS, |a| {
    // Wider ones are no numbers of few bits; f64 holds the steps of these.
    let few = |x: f64| x.clamp(-500.0, 500.0) as i32;
    let (fraction, least, most) = (few(a.float("fraction")?), few(a.float("least")?), a.float("most")?);
    let (beyond, nan) = (a.float("beyond")?, a.float("nan")? != 0.0);
    Ok(Box::new(move |x| {
        if x.is_nan() {
            return if nan { x } else { 0.0 };
        }
        let exponent = if x == 0.0 || x.is_infinite() { least } else { libm::ilogb(x).max(least) };
        let step = libm::ldexp(1.0, exponent - fraction);
        let y = if x.is_infinite() { x } else { libm::rint(x / step) * step };
        if y.abs() <= most {
            y
        } else if beyond == 0.0 {
            most.copysign(x)
        } else if beyond == 1.0 {
            f64::INFINITY.copysign(x)
        } else {
            f64::NAN
        }
    }))
});
