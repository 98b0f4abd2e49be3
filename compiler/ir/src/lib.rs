//! The tensor graph every stage above works on: operators as data over typed values, ONNX names kept.
#![forbid(unsafe_code)]

mod attrs;
mod error;
mod graph;
mod tensor;
mod types;

pub use attrs::{Attr, Attrs};
pub use error::{Code, Error, Result};
pub use graph::{Graph, Node, NodeId, Output, ValueId};
pub use tensor::Tensor;
pub use types::{DType, Quant, Value};
