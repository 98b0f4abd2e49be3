//! Round up.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Ceil", "The smallest integer not below x.", 7, |_| Ok(Box::new(libm::ceil)));
