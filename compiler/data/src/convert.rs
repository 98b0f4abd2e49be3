//! Elements of an array file as elements of the declared raw type.

use crate::npy::Elem;
use bytemuck::pod_collect_to_vec;
use mcompc_ir::{DType, Result, Tensor};

/// Whether every value of `e` is a value of `d`: integers may widen, floats may become f32, nothing crosses over.
pub(crate) fn fits(e: Elem, d: DType) -> bool {
    match d {
        DType::F32 => e.is_float(),
        DType::U8 => matches!(e, Elem::U1 | Elem::Bool),
        DType::I8 => matches!(e, Elem::I1 | Elem::Bool),
        DType::I16 => matches!(e, Elem::I2 | Elem::I1 | Elem::U1 | Elem::Bool),
        DType::I32 => matches!(e, Elem::I4 | Elem::U2 | Elem::I2 | Elem::I1 | Elem::U1 | Elem::Bool),
        DType::I64 => !e.is_float(),
        _ => false,
    }
}

/// Index of the first NaN or infinity, if any (f64 beyond f32 counts as infinite).
pub(crate) fn first_non_finite(t: &Tensor) -> Result<Option<usize>> {
    Ok(if t.dtype == DType::F32 { t.as_f32()?.iter().position(|v| !v.is_finite()) } else { None })
}

/// Little-endian bytes of `e` as a tensor of type `d`, which [`fits`].
pub(crate) fn tensor(bytes: &[u8], e: Elem, d: DType, shape: &[usize]) -> Result<Tensor> {
    if e.is_float() {
        let v: Vec<f32> = match e {
            Elem::F2 => pod_collect_to_vec::<u8, u16>(bytes).into_iter().map(|h| half::f16::from_bits(h).to_f32()).collect(),
            Elem::F8 => pod_collect_to_vec::<u8, f64>(bytes).into_iter().map(|v| v as f32).collect(),
            _ => pod_collect_to_vec::<u8, f32>(bytes),
        };
        return Tensor::from_f32(shape, &v);
    }
    let ints: Vec<i64> = match e {
        Elem::Bool => bytes.iter().map(|&v| i64::from(v != 0)).collect(),
        Elem::U1 => bytes.iter().map(|&v| v.into()).collect(),
        Elem::I1 => bytes.iter().map(|&v| (v as i8).into()).collect(),
        Elem::U2 => pod_collect_to_vec::<u8, u16>(bytes).into_iter().map(i64::from).collect(),
        Elem::I2 => pod_collect_to_vec::<u8, i16>(bytes).into_iter().map(i64::from).collect(),
        Elem::I4 => pod_collect_to_vec::<u8, i32>(bytes).into_iter().map(i64::from).collect(),
        _ => pod_collect_to_vec::<u8, i64>(bytes),
    };
    match d {
        DType::U8 => Tensor::from_u8(shape, &ints.iter().map(|&v| v as u8).collect::<Vec<_>>()),
        DType::I8 => Tensor::from_i8(shape, &ints.iter().map(|&v| v as i8).collect::<Vec<_>>()),
        DType::I16 => Tensor::from_i16(shape, &ints.iter().map(|&v| v as i16).collect::<Vec<_>>()),
        DType::I32 => Tensor::from_i32(shape, &ints.iter().map(|&v| v as i32).collect::<Vec<_>>()),
        _ => Tensor::from_i64(shape, &ints),
    }
}
