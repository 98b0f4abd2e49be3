//! Hyperbolic tangent.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Tanh", "tanh(x).", 7, |_| Ok(Box::new(libm::tanh)));
