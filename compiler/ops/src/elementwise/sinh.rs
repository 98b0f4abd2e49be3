//! Hyperbolic sine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Sinh", "(exp(x) - exp(-x)) / 2.", 9, |_| Ok(Box::new(libm::sinh))).within(-4.0, 4.0);
