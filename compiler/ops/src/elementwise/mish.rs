//! Mish (Misra, 2019).

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Mish", "x * tanh(ln(1 + exp(x))).", 18, |_| Ok(Box::new(mish)));

// The quotient of polynomials in e = exp(x) that tanh(ln(1 + e)) is: ln would lose what is below 1 in 2^53.
fn mish(x: f64) -> f64 {
    if x > 20.0 {
        return x;
    }
    let e = libm::exp(x);
    let n = e * (e + 2.0);
    x * n / (n + 2.0)
}
