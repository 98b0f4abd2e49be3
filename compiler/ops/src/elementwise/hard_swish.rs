//! Hard swish (MobileNetV3).

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("HardSwish", "x * clamp(x / 6 + 1/2, 0, 1).", 14, |_| Ok(Box::new(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0))));
