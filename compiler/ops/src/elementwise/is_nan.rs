//! Whether a value is not a number.

use crate::map::{Spec, inner};

pub(crate) const F: Spec = inner("IsNaN", "1 where x is not a number, else 0.", &[], |_| Ok(Box::new(|x| f64::from(u8::from(x.is_nan())))));
