//! Round to the nearest integer.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Round", "The nearest integer, the even one of two.", 11, |_| Ok(Box::new(libm::rint)));
