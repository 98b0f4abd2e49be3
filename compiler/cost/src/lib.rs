//! What a kernel will cost on a target.
//!
//! Kernels are loops with constant bounds over operations that each become a fixed handful of instructions, so the work of a call is
//! known without running it ([`Work`]: how often each class of operation runs), and its cost is close to a sum over classes. The price
//! of each class is data: `targets/<name>/cost.toml`, fitted ([`fit`]) to measurements of generated layers that lie beside it in
//! `cost.txt`, one table for each back end. No constant of a CPU is in this code.
#![forbid(unsafe_code)]

mod fit;
mod table;
mod work;

pub use fit::{Fit, fit};
pub use table::{Prices, Unit, prices, table_toml};
pub use work::{CLASSES, Work, work};
