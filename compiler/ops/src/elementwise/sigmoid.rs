//! Logistic function.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Sigmoid", "1 / (1 + exp(-x)).", 7, |_| Ok(Box::new(|x| 1.0 / (1.0 + libm::exp(-x)))));
