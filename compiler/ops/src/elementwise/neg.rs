//! Negation.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Neg", "The negative, -x.", 7, |_| Ok(Box::new(|x| -x)));
