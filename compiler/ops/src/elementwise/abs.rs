//! Absolute value.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Abs", "The absolute value, |x|.", 7, |_| Ok(Box::new(|x| x.abs())));
