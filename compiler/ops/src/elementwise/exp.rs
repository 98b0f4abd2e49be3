//! Exponential.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Exp", "e to the power of x.", 7, |_| Ok(Box::new(libm::exp))).within(-8.0, 4.0);
