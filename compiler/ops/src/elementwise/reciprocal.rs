//! Reciprocal.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Reciprocal", "1 / x; IEEE 754 at 0.", 7, |_| Ok(Box::new(|x| 1.0 / x))).within(0.25, 8.0);
