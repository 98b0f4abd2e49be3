//! Constants made of sizes.

use super::args::Args;
use super::numbers::{Data, Numbers, few, misfit};
use crate::attrs::unsupported;
use crate::dtype::dtype_of;
use crate::source::SideFiles;
use crate::tensor::TensorReader;
use mcompc_ir::{Code, DType, Error, Result, Tensor};

/// Shape 1, 13, 15 (start, end), 19 to 25.
pub(super) fn shape(a: &Args<'_, '_>) -> Result<Tensor> {
    let rank = a.shape.len() as i64;
    let clamp = |v: i64| (if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank) as usize;
    let (start, end) = if a.opset >= 15 { (a.attrs.int_or("start", 0)?, a.attrs.int_or("end", rank)?) } else { (0, rank) };
    let dims = a.shape.get(clamp(start)..clamp(end)).unwrap_or(&[]);
    Tensor::from_i64([dims.len()], &dims.iter().map(|&d| d as i64).collect::<Vec<_>>())
}

/// Size 1, 13, 19 to 25.
pub(super) fn size(a: &Args<'_, '_>) -> Result<Tensor> {
    Tensor::from_i64(Vec::new(), &[a.shape.iter().product::<usize>() as i64])
}

/// Sizes as given in a constant.
fn sizes(a: &Args<'_, '_>, v: &[i64]) -> Result<Vec<usize>> {
    let shape = v.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>().ok_or_else(|| misfit(format!("sizes {v:?}")))?;
    few(a.limits, &shape)?;
    Ok(shape)
}

/// ConstantOfShape 9, 20 to 25.
pub(super) fn constant_of_shape(a: &Args<'_, '_>) -> Result<Tensor> {
    let shape = sizes(a, a.numbers(0)?.integers()?)?;
    let n: usize = shape.iter().product();
    let one = match a.attrs.tensor("value")? {
        None => Tensor::from_f32([1], &[0.0])?,
        Some(t) => TensorReader { limits: a.limits, side: SideFiles::new(None, a.limits), folded: 0 }.read(t)?,
    };
    if one.elems() != 1 {
        return Err(unsupported("value", format!("a tensor of shape {:?}", one.shape)).hint("the standard asks for one element"));
    }
    Tensor::new(one.dtype, shape, one.bytes().repeat(n).into())
}

/// EyeLike 9, 22.
pub(super) fn eye_like(a: &Args<'_, '_>) -> Result<Tensor> {
    let [rows, columns] = a.shape[..] else { return Err(misfit(format!("EyeLike of shape {:?}", a.shape))) };
    let dtype = a.attrs.int("dtype")?.ok_or_else(|| unsupported("dtype", "left out").hint("give the type of the result"))?;
    let dtype = dtype_of(i32::try_from(dtype).unwrap_or(0))?;
    let k = a.attrs.int_or("k", 0)?;
    let ones: Vec<i64> = (0..rows * columns).map(|i| i64::from((i % columns) as i64 == ((i / columns) as i64).saturating_add(k))).collect();
    let data =
        if matches!(dtype, DType::F32 | DType::F64) { Data::Real(ones.iter().map(|&x| x as f64).collect()) } else { Data::Int(ones) };
    Numbers { dtype, shape: a.shape.clone(), data }.tensor()
}

/// Range 11, 27.
pub(super) fn range(a: &Args<'_, '_>) -> Result<Tensor> {
    if a.opset >= 27 {
        // The type in which reals of 16 bits are summed; here they have 32.
        a.attrs.int("stash_type")?;
    }
    let [start, limit, step] = [a.numbers(0)?, a.numbers(1)?, a.numbers(2)?];
    if [&start, &limit, &step].iter().any(|n| n.dtype != start.dtype || n.shape.iter().product::<usize>() != 1) {
        return Err(misfit("Range takes three scalars of one type".into()));
    }
    let still = || Error::new(Code::UnsupportedAttr, "Range with a step of 0").hint("the standard asks for another step");
    let count = |n: f64| -> Result<usize> {
        let n = n.max(0.0).min(u64::MAX as f64) as u64;
        crate::limits::Limits::check("elements of a tensor", n, a.limits.elements, "elements")?;
        Ok(n as usize)
    };
    let numbers = match (&start.data, &limit.data, &step.data) {
        (Data::Int(s), Data::Int(l), Data::Int(d)) => {
            let (s, l, d) = (i128::from(s[0]), i128::from(l[0]), i128::from(d[0]));
            if d == 0 {
                return Err(still());
            }
            // Rounded up in both directions.
            let span = if d > 0 { l - s } else { s - l };
            let n = count(((span + d.abs() - 1).max(0) / d.abs()) as f64)?;
            Numbers::ints(start.dtype, vec![n], (0..n as i128).map(|i| (s + i * d) as i64).collect())
        }
        _ => {
            let (s, l, d) = (start.reals()[0], limit.reals()[0], step.reals()[0]);
            if d == 0.0 || !(s.is_finite() && l.is_finite() && d.is_finite()) {
                return Err(still());
            }
            let n = count(((l - s) / d).ceil())?;
            Numbers { dtype: start.dtype, shape: vec![n], data: Data::Real((0..n).map(|i| s + i as f64 * d).collect()) }
        }
    };
    numbers.tensor()
}
