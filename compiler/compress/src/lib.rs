//! From a trained float graph to codes: [`calibrate`] observes, [`decide`] chooses a [`Scheme`], [`apply`] makes the coded graph of it, in which
//! every value has its codes and weights are codes. docs/numerics.md says how they are chosen.
#![forbid(unsafe_code)]

mod allocate;
mod apply;
mod audit;
mod calibrate;
mod datafree;
mod decide;
mod linalg;
mod methods;
mod observe;
mod range;
mod scheme;
mod stats;

pub use allocate::{
    Attempt, Candidate, Choice, Form, Judge, Limits, Lost, Price, Row, Survey, Table, Want, largest, less_probable, survey,
};
pub use apply::{Coded, LayerNote, apply};
pub use audit::Audit;
pub use calibrate::{CalibOptions, calibrate};
pub use datafree::calibrate_without_data;
pub use decide::{ActBits, Options, WeightBits, check, decide, pinned, warnings, with_forms};
pub use methods::{METHODS, Method, Rounded, Settle, Task};
pub use range::RangeMethod;
pub use scheme::{LayerScheme, Scheme, layer_names as layers};
pub use stats::{BINS, Hist, Stats, ValueStats};
