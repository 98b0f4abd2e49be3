//! Cosine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Cos", "cos(x), x in radians.", 7, |_| Ok(Box::new(libm::cos)));
