//! Square root.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Sqrt", "The square root of x; not a number below 0.", 7, |_| Ok(Box::new(libm::sqrt))).within(0.0, 64.0);
