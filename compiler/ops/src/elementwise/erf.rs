//! Error function.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Erf", "The integral of 2 / sqrt(pi) * exp(-t * t) from 0 to x.", 9, |_| Ok(Box::new(libm::erf)));
