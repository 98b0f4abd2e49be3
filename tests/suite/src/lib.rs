//! Executors for whole-path tests: one lowered graph, run by the kernel interpreter, natively and under QEMU.
#![forbid(unsafe_code)]

mod graphs;
pub mod matrix;
mod run;
mod zoo;

pub use graphs::{Random, conv_graph, inputs_for};
pub use run::{Measured, compile, compile_with, emulate, interpret, native, needs, reference};
pub use zoo::{MODELS, Model, Prepared, RARE, prepare, prepare_at, prepare_with};
