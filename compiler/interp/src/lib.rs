//! Two ways to run a graph: by the book (any graph, any type, slow) and fast (float graphs only, for calibration and for the float side
//! of `verify`). They share no arithmetic; tests hold them together.
#![forbid(unsafe_code)]

mod fast;
mod reference;

pub use fast::{FastExec, Scratch};
pub use reference::{Trace, run, run_all};
