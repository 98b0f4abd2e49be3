//! Softplus (Dugas et al., 2001).

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Softplus", "ln(1 + exp(x)).", 7, |_| Ok(Box::new(softplus)));

// exp of what is not positive neither overflows nor takes the digits of what is added to it.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}
