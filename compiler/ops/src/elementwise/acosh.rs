//! Inverse hyperbolic cosine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Acosh", "ln(x + sqrt(x * x - 1)); not a number below 1.", 9, |_| Ok(Box::new(libm::acosh))).within(1.0, 64.0);
