//! Typed values.

use crate::dtype::DType;
use crate::{Codes, Quant};

/// A typed value: one output port of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// ONNX name of the tensor (kept through rewrites).
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Static dimensions, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// What the codes of an integer tensor stand for; on a float tensor, which codes its reals are rounded to.
    pub quant: Option<Quant>,
}

impl Value {
    /// A value without quantization.
    pub fn new(name: impl Into<String>, dtype: DType, shape: impl Into<Vec<usize>>) -> Self {
        Self { name: name.into(), dtype, shape: shape.into(), quant: None }
    }
    /// The same under one step and one zero point, with all codes of its type (eight bits for floats).
    pub fn with_quant(mut self, scale: f64, zero_point: i32) -> Self {
        self.quant = Some(Quant::new(Codes::of(self.dtype).unwrap_or(Codes::I8), scale, zero_point));
        self
    }
    /// Number of elements.
    pub fn elems(&self) -> usize {
        self.shape.iter().product()
    }
    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.elems() * self.dtype.size()
    }
}
