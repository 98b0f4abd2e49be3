//! Truncation.

use crate::map::{Spec, inner};

pub(crate) const F: Spec = inner("Trunc", "The integer next to x towards 0.", &[], |_| Ok(Box::new(libm::trunc)));
