//! Inverse hyperbolic tangent.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Atanh", "ln((1 + x) / (1 - x)) / 2; not a number outside -1..=1.", 9, |_| Ok(Box::new(libm::atanh))).within(-0.875, 0.875);
