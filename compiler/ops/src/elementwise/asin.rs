//! Inverse sine.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Asin", "The angle in -pi/2..=pi/2 whose sine is x; not a number outside -1..=1.", 7, |_| Ok(Box::new(libm::asin))).within(-1.0, 1.0);
