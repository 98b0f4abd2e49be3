//! Natural logarithm.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Log", "ln(x); not a number below 0.", 7, |_| Ok(Box::new(libm::log))).within(0.25, 64.0);
