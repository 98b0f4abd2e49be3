//! Reductions over axes: what stays, and where every element goes.

use crate::def::{AttrDef, Ctx, Kind, attr_error, req};
use mcompc_ir::{DType, Result, Tensor, Value};

pub(crate) const AXES: AttrDef = req("axes", Kind::Ints, "distinct, non-negative; none given reduces nothing");
pub(crate) const KEEPDIMS: AttrDef = req("keepdims", Kind::Int, "0 or 1");

/// Sizes of a reduction.
pub(crate) struct Reduction {
    /// The operand's shape with every reduced dimension 1.
    ones: Vec<usize>,
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// Elements that make one.
    pub count: usize,
}

impl Reduction {
    pub(crate) fn of(c: &Ctx<'_>) -> Result<Self> {
        let s = &c.ins[0].shape;
        let keep = c.int_in("keepdims", 0, 1)? == 1;
        let mut kept: Vec<Option<usize>> = s.iter().copied().map(Some).collect();
        let mut count = 1;
        for a in c.node.attrs.usizes("axes")? {
            match kept.get_mut(a).and_then(Option::take) {
                Some(d) => count *= d,
                None => return attr_error("axes", format_args!("names {a} twice, or beyond shape {s:?}")),
            }
        }
        let ones: Vec<usize> = kept.iter().map(|d| d.unwrap_or(1)).collect();
        let shape = if keep { ones.clone() } else { kept.into_iter().flatten().collect() };
        Ok(Self { ones, shape, count })
    }
    /// `f` over the elements of `x` that make each element of the result, from `start` on.
    pub(crate) fn fold<A: Clone, X>(&self, s: &[usize], x: impl IntoIterator<Item = X>, start: A, f: impl Fn(&A, X) -> A) -> Vec<A> {
        let mut y = vec![start; self.ones.iter().product()];
        for (x, o) in x.into_iter().zip(crate::broadcast::offsets(&self.ones, s)) {
            y[o] = f(&y[o], x);
        }
        y
    }
}

/// Inference of a float reduction.
pub(crate) fn infer(c: &Ctx<'_>) -> Result<Vec<Value>> {
    c.floats()?;
    c.out(DType::F32, Reduction::of(c)?.shape, None)
}

/// A sum, divided by the number of its elements where it is a mean; in f64, rounded at the end.
pub(crate) fn sum(c: &Ctx<'_>, t: &[&Tensor], mean: bool) -> Result<Vec<Tensor>> {
    let r = Reduction::of(c)?;
    let by = if mean { r.count as f64 } else { 1.0 };
    let sums = r.fold(&t[0].shape, t[0].as_f32()?.iter(), 0f64, |a, &x| a + f64::from(x));
    let y: Vec<f32> = sums.iter().map(|v| (v / by) as f32).collect();
    Ok(vec![Tensor::from_f32(r.shape, &y)?])
}

/// The largest element, or the smallest; of codes a code.
pub(crate) fn extreme(c: &Ctx<'_>, t: &[&Tensor], largest: bool) -> Result<Vec<Tensor>> {
    let (r, x) = (Reduction::of(c)?, t[0]);
    if x.dtype == DType::F32 {
        let (start, pick): (f32, fn(f32, f32) -> f32) = if largest { (f32::NEG_INFINITY, f32::max) } else { (f32::INFINITY, f32::min) };
        let y = r.fold(&x.shape, x.as_f32()?.iter(), start, |a, &x| pick(*a, x));
        return Ok(vec![Tensor::from_f32(r.shape, &y)?]);
    }
    let (start, pick): (i64, fn(i64, i64) -> i64) = if largest { (i64::MIN, i64::max) } else { (i64::MAX, i64::min) };
    let y = r.fold(&x.shape, x.to_i64_vec()?, start, |a, x| pick(*a, x));
    // A choice of codes is a code.
    Ok(vec![Tensor::from_ints(x.dtype, r.shape, &y)?])
}

/// Inference of the largest or smallest element: floats, or codes under their quantization.
pub(crate) fn infer_extreme(c: &Ctx<'_>) -> Result<Vec<Value>> {
    let x = c.ins[0];
    if x.dtype != DType::F32 {
        c.codes(0)?;
    }
    c.out(x.dtype, Reduction::of(c)?.shape, x.quant.clone())
}
