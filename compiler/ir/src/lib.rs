//! The tensor graph every stage above works on: operators as data over typed values, ONNX names kept.
#![forbid(unsafe_code)]

mod attrs;
mod dtype;
mod error;
mod graph;
mod quant;
mod tensor;
mod text;
mod types;
mod verify;

pub use attrs::{Attr, Attrs};
pub use dtype::DType;
pub use error::{Code, Error, Result};
pub use graph::{Graph, Node, NodeId, Output, ValueId};
pub use quant::{Codes, Per, Quant};
pub use tensor::Tensor;
pub use text::{parse, print, print_short};
pub use types::Value;
pub use verify::verify;
