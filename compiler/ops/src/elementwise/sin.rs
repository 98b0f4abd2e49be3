//! Sine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Sin", "sin(x), x in radians.", 7, |_| Ok(Box::new(libm::sin)));
