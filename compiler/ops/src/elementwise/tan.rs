//! Tangent.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Tan", "tan(x), x in radians.", 7, |_| Ok(Box::new(libm::tan))).within(-1.25, 1.25);
