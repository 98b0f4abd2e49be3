//! Round down.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Floor", "The largest integer not above x.", 7, |_| Ok(Box::new(libm::floor)));
