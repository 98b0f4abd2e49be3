//! Operators that only move elements, of any type: quantized values keep their quantization.

pub(crate) mod concat;
pub(crate) mod constant;
pub mod gather;
pub(crate) mod input;
pub(crate) mod pad;
pub(crate) mod reduce_max;
pub(crate) mod reduce_min;
pub(crate) mod reshape;
pub(crate) mod slice;
pub(crate) mod transpose;
