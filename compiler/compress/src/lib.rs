//! From a trained float graph to integers only: calibration statistics, ranges, weights of eight bits or fewer, dyadic rescaling, and the
//! proof that no accumulator leaves 32 bits. docs/numerics.md is the definition of what comes out.
#![forbid(unsafe_code)]

mod audit;
mod calibrate;
mod datafree;
pub mod dyadic;
mod integerize;
mod narrow;
pub mod proof;
mod range;
mod stats;
mod weights;

pub use audit::Audit;
pub use calibrate::{CalibOptions, calibrate};
pub use datafree::calibrate_without_data;
pub use integerize::{Integerized, LayerNote, Options, WeightBits, integerize, problems, supported};
pub use range::RangeMethod;
pub use stats::{BINS, Hist, Stats, ValueStats};
