//! Sign.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Sign", "-1, 0 or 1.", 9, |_| Ok(Box::new(|x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x })));
