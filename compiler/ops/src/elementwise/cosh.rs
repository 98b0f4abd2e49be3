//! Hyperbolic cosine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Cosh", "(exp(x) + exp(-x)) / 2.", 9, |_| Ok(Box::new(libm::cosh))).within(-4.0, 4.0);
