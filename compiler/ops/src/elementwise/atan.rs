//! Inverse tangent.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Atan", "The angle in -pi/2..=pi/2 whose tangent is x.", 7, |_| Ok(Box::new(libm::atan)));
