//! The tensor graph every stage above works on: operators as data over typed values, ONNX names kept.
#![forbid(unsafe_code)]

mod attrs;
mod dtype;
mod error;
mod graph;
mod quant;
mod state;
mod tensor;
mod text;
mod tie;
mod types;
mod verify;

pub use attrs::{Attr, Attrs};
pub use dtype::DType;
pub use error::{Code, Error, Result};
pub use graph::{Graph, Node, NodeId, Output, ValueId};
pub use quant::{Codes, Per, Quant};
pub use state::State;
pub use tensor::Tensor;
pub use text::{parse, print, print_short};
pub use types::Value;
pub use verify::verify;

/// Left shifts of the accumulator that the rescaling rule has (docs/numerics.md, section 2), of operators and of kernels.
pub const RESCALE_PRE: std::ops::RangeInclusive<i64> = 0..=30;
/// Rounding right shifts that it has.
pub const RESCALE_SHIFT: std::ops::RangeInclusive<i64> = 1..=15;
