//! Inverse hyperbolic sine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Asinh", "ln(x + sqrt(x * x + 1)).", 9, |_| Ok(Box::new(libm::asinh)));
