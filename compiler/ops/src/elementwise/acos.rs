//! Inverse cosine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Acos", "The angle in 0..=pi whose cosine is x; not a number outside -1..=1.", 7, |_| Ok(Box::new(libm::acos))).within(-1.0, 1.0);
