//! Rectifier.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Relu", "max(x, 0).", 7, |_| Ok(Box::new(|x| x.max(0.0))));
