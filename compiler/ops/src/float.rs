//! Float operators: ONNX's names and meaning, attributes normalised.

pub(crate) mod add;
pub mod arg_max;
pub(crate) mod average_pool;
pub(crate) mod batch_normalization;
pub(crate) mod conv;
pub(crate) mod dense;
pub(crate) mod div;
pub(crate) mod hypot;
pub(crate) mod matmul;
pub(crate) mod max_pool;
pub(crate) mod mul;
pub(crate) mod norm;
pub mod quantize;
pub(crate) mod recode;
pub(crate) mod reduce_mean;
pub(crate) mod reduce_sum;
pub(crate) mod softmax;
pub(crate) mod sub;

use crate::def::{AttrDef, Kind, opt};
use mcompc_ir::{Result, Tensor};

pub(crate) const FINE: AttrDef =
    opt("fine", Kind::Int, "1: integers compute it as finely as 32 bits allow; coded graphs of quantized models");
pub(crate) const ACT_MIN: AttrDef = opt("act_min", Kind::Float, "lower bound of the result (a fused clamp); none when absent");
pub(crate) const ACT_MAX: AttrDef = opt("act_max", Kind::Float, "upper bound of the result (a fused clamp); none when absent");

/// `f` on every element, in f64, rounded at the end.
pub(crate) fn map(t: &[&Tensor], f: impl Fn(f64) -> f64) -> Result<Vec<Tensor>> {
    let y: Vec<f32> = t[0].as_f32()?.iter().map(|&x| f(x.into()) as f32).collect();
    Ok(vec![Tensor::from_f32(t[0].shape.clone(), &y)?])
}

/// The bound rounded to f32 first, so that a clamp gives a value inside its own f32 bounds.
pub(crate) fn bound(v: f64) -> f64 {
    f64::from(v as f32)
}
