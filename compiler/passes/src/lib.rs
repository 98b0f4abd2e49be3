//! Meaning-preserving rewrites of the float graph. [`pipeline::PASSES`] is the list; each pass is one file.
#![forbid(unsafe_code)]

mod activations;
mod batch_norm;
mod biases;
mod broadcasts;
mod channels_last;
mod constants;
mod dead_channels;
mod dense;
mod divisions;
mod edit;
mod functions;
mod global_pool;
mod magnitudes;
mod norms;
mod pads;
pub mod pipeline;
mod reshapes;
mod softmax_axis;
mod transposes;

pub use pipeline::{PASSES, Pass, PassReport, run_pipeline, run_pipeline_seen};
