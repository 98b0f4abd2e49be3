//! Calibration and evaluation data: what raw form the caller has (`--input`), and `.npz`/`.npy` files read in constant memory.
//!
//! Arrays carry samples on axis 0; the graph input's batch dimension is left out or present as 1. Nothing is allocated from a size that
//! a file merely states: a sample's buffer has the size of the graph's input, and everything else grows as bytes arrive.
#![forbid(unsafe_code)]

mod convert;
mod dataset;
mod fit;
mod npy;
mod spec;
mod stream;
mod zip;

pub use dataset::{Dataset, Sample, Samples};
pub use spec::{Input, InputSpec};
