//! The driver: from a model to a library, to its cost, to the proof that it computes the right bytes, as functions over values. Options
//! are plain structures, results are values; nothing here reads a command line or prints. Long stages tell a [`Progress`].
//!
//! Whole tasks: [`compile`], [`plan`], [`library`], [`verify()`], [`run()`], [`bench()`], [`cost::tables`]. Their stages, for callers that enter and
//! leave in between: [`front`] -> [`quantize`] -> [`build`] -> [`check()`] -> [`measure`] -> [`describe()`] -> [`package`].
#![forbid(unsafe_code)]

mod allocate;
mod audit;
pub mod bench;
mod blame;
mod bundle;
mod check;
mod clock;
mod compile;
pub mod cost;
mod decoding;
mod describe;
mod firmware;
mod inputs;
mod limit;
mod loss;
mod matrix;
mod progress;
mod request;
mod run;
mod sequence;
mod size;
pub mod specimens;
mod stages;
mod states;
mod tasks;
pub mod verify;

pub use audit::audit;
pub use bundle::bundle;
pub use check::check;
pub use clock::Time;
pub use compile::{compile, quantize};
pub use describe::{describe, package, specs};
pub use firmware::{Firmware, Weights};
pub use inputs::inputs;
pub use limit::MaxLoss;
pub use loss::measure;
pub use matrix::operators;
pub use mcompc_onnx::Cut;
pub use progress::{Progress, Silent, Step, Timed, timed};
pub use request::{Amount, Ask, Request, States, default_backend};
pub use run::{Array, Means, Ran, RunRequest, run, run_compiled};
pub use sequence::Sequence;
pub use stages::{
    Built, Compiled, Front, LayerNote, Quantized, VERSION, build, codes, external_files, float_outputs, front, reals, trace_passes,
};
pub use tasks::{BenchRequest, Benched, Library, VerifyRequest, bench, finish, library, plan, verify};
