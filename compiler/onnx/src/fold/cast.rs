//! Changes of type.

use super::args::Args;
use super::numbers::{Data, Numbers};
use crate::attrs::{NodeAttrs, unsupported};
use crate::dtype::dtype_of;
use mcompc_ir::{Code, DType, Error, Result, Tensor};

/// Cast 6, 9, 13, 19 (saturate), 21, 23 to 25 (round_mode) of a constant.
pub(super) fn cast(a: &Args<'_, '_>) -> Result<Tensor> {
    let to = a
        .attrs
        .int("to")?
        .ok_or_else(|| Error::new(Code::MissingAttr, "attribute `to` is missing").hint("the ONNX standard requires it"))?;
    options(a.attrs, a.opset)?;
    convert(a, dtype_of(i32::try_from(to).unwrap_or(0))?)
}

/// CastLike 15, 19, 21, 23 to 25: the type of the second input.
pub(super) fn cast_like(a: &Args<'_, '_>) -> Result<Tensor> {
    options(a.attrs, a.opset)?;
    convert(a, a.input(1)?.dtype)
}

/// Reads what only conversions to floats of 8 bits ask for; those types are refused.
pub(crate) fn options(attrs: &NodeAttrs<'_>, opset: i64) -> Result<()> {
    if opset >= 19 {
        attrs.flag("saturate", true)?;
    }
    if opset >= 24 {
        let mode = attrs.str_or("round_mode", "up")?;
        if !matches!(mode, "up" | "down" | "nearest") {
            return Err(unsupported("round_mode", mode).hint("the standard has up, down and nearest"));
        }
    }
    Ok(())
}

fn convert(a: &Args<'_, '_>, dtype: DType) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let real = matches!(dtype, DType::F32 | DType::F64);
    let data = match (x.data, real) {
        (Data::Real(v), true) => Data::Real(v),
        (Data::Int(v), true) => Data::Real(v.into_iter().map(|x| x as f64).collect()),
        (Data::Int(v), false) => Data::Int(v),
        // Towards zero; a truth is anything but 0.
        (Data::Real(v), false) if dtype == DType::Bool => Data::Int(v.into_iter().map(|x| i64::from(x != 0.0)).collect()),
        (Data::Real(v), false) => {
            if let Some(x) = v.iter().find(|x| x.is_nan() || x.abs() >= 9.2e18) {
                return Err(Error::new(Code::BadTensor, format!("{x} as {dtype}")).hint("the value is no integer of this type"));
            }
            Data::Int(v.into_iter().map(|x| x as i64).collect())
        }
    };
    Numbers { dtype, shape: x.shape, data }.tensor()
}
