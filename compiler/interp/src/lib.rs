//! Ways to run a graph: by the book (any graph, any type, slow); [`FastExec`] for float graphs (calibration, the float side of `verify`);
//! [`FastInt`] for integer graphs (whole data files). The fast ones share no arithmetic with the book; tests hold them together.
#![forbid(unsafe_code)]

mod carry;
mod fast;
mod fast_int;
mod reference;

pub use carry::Carry;
pub use fast::{FastExec, FastNode, Scratch, is_fast};
pub use fast_int::FastInt;
pub use reference::{Trace, run, run_all};
