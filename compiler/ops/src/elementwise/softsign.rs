//! Softsign.

use crate::map::{Spec, plain};

pub(crate) const F: Spec = plain("Softsign", "x / (1 + |x|).", 7, |_| Ok(Box::new(|x| x / (1.0 + x.abs()))));
