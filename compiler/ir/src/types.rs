//! Data types and typed values.

use crate::{Codes, Quant};
use std::fmt;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum DType {
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    I64,
    Bool,
}

impl DType {
    /// Every type, in text order.
    pub const ALL: &'static [DType] =
        &[DType::F32, DType::F64, DType::I8, DType::U8, DType::I16, DType::U16, DType::I32, DType::I64, DType::Bool];
    /// Bytes per element.
    pub fn size(self) -> usize {
        match self {
            DType::I8 | DType::U8 | DType::Bool => 1,
            DType::I16 | DType::U16 => 2,
            DType::F32 | DType::I32 => 4,
            DType::F64 | DType::I64 => 8,
        }
    }
    /// Name in text forms and flags.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I8 => "i8",
            DType::U8 => "u8",
            DType::I16 => "i16",
            DType::U16 => "u16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::Bool => "bool",
        }
    }
    /// Inverse of [`DType::name`].
    pub fn from_name(s: &str) -> Option<DType> {
        DType::ALL.iter().copied().find(|d| d.name() == s)
    }
    /// Smallest and largest value of an integer type that fits i32; `None` for the others.
    pub fn int_range(self) -> Option<(i32, i32)> {
        Codes::of(self).map(Codes::range)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
