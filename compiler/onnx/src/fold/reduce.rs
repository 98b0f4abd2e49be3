//! Reductions of constants, running sums, and places of extremes.

use super::args::Args;
use super::numbers::{Data, Numbers, misfit};
use mcompc_ir::{Code, DType, Error, Result, Tensor};

/// The axes over which the node reduces: an attribute, or input 1 from `since` on; none is all, or nothing with noop_with_empty_axes.
fn axes(a: &Args<'_, '_>, rank: usize) -> Result<Vec<usize>> {
    let since = if a.op == "ReduceSum" { 13 } else { 18 };
    let given = if a.opset >= since { a.integers(1)? } else { a.attrs.ints("axes")?.map(<[i64]>::to_vec) };
    let noop = a.opset >= since && a.attrs.flag("noop_with_empty_axes", false)?;
    match given {
        Some(v) if !v.is_empty() => v.iter().map(|&i| a.axis(i, rank)).collect(),
        _ if noop => Ok(Vec::new()),
        _ => Ok((0..rank).collect()),
    }
}

/// For each element, the one of the result that it goes to.
fn goes_to(shape: &[usize], axes: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let ones: Vec<usize> = shape.iter().enumerate().map(|(i, &d)| if axes.contains(&i) { 1 } else { d }).collect();
    let to = mcompc_ops::offsets(&ones, shape);
    (ones, to)
}

fn gather<T: Copy>(v: &[T], to: &[usize], start: T, n: usize, f: impl Fn(T, T) -> T) -> Vec<T> {
    let mut y = vec![start; n];
    v.iter().zip(to).for_each(|(&v, &o)| y[o] = f(y[o], v));
    y
}

/// ReduceSum, ReduceProd, ReduceMax, ReduceMin, ReduceMean 1, 11, 13, 18, 20.
pub(super) fn reduce(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let axes = axes(a, x.shape.len())?;
    let keep = a.attrs.flag("keepdims", true)?;
    let (ones, to) = goes_to(&x.shape, &axes);
    let n: usize = ones.iter().product();
    let count = x.shape.iter().product::<usize>().checked_div(n).unwrap_or(0);
    if count == 0 && matches!(a.op, "ReduceMax" | "ReduceMin" | "ReduceMean") {
        return Err(misfit(format!("{} of nothing", a.op)));
    }
    let data = match x.data {
        Data::Int(v) => Data::Int(match a.op {
            "ReduceProd" => gather(&v, &to, 1, n, i64::wrapping_mul),
            "ReduceMax" => gather(&v, &to, i64::MIN, n, i64::max),
            "ReduceMin" => gather(&v, &to, i64::MAX, n, i64::min),
            "ReduceSum" => gather(&v, &to, 0, n, i64::wrapping_add),
            _ => gather(&v, &to, 0, n, i64::wrapping_add).into_iter().map(|s| s / count.max(1) as i64).collect(),
        }),
        Data::Real(v) => Data::Real(match a.op {
            "ReduceProd" => gather(&v, &to, 1.0, n, |p, q| p * q),
            "ReduceMax" => gather(&v, &to, f64::NEG_INFINITY, n, f64::max),
            "ReduceMin" => gather(&v, &to, f64::INFINITY, n, f64::min),
            "ReduceSum" => gather(&v, &to, 0.0, n, |p, q| p + q),
            _ => gather(&v, &to, 0.0, n, |p, q| p + q).into_iter().map(|s| s / count as f64).collect(),
        }),
    };
    let shape = if keep { ones } else { (0..x.shape.len()).filter(|i| !axes.contains(i)).map(|i| x.shape[i]).collect() };
    Numbers { dtype: x.dtype, shape, data }.tensor()
}

/// CumSum 11, 14.
pub(super) fn running(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let axis = a.integers(1)?.and_then(|v| v.first().copied());
    let axis = a.axis(axis.ok_or_else(|| misfit("CumSum without an axis".into()))?, x.shape.len())?;
    let (exclusive, reverse) = (a.attrs.flag("exclusive", false)?, a.attrs.flag("reverse", false)?);
    let (n, inner) = (x.shape[axis], x.shape[axis + 1..].iter().product::<usize>());
    fn sums<T: Copy>(v: &[T], n: usize, inner: usize, exclusive: bool, reverse: bool, zero: T, add: impl Fn(T, T) -> T) -> Vec<T> {
        let mut y = v.to_vec();
        for first in (0..v.len()).filter(|i| (i / inner).is_multiple_of(n)) {
            let mut sum = zero;
            for k in 0..n {
                let at = first + if reverse { n - 1 - k } else { k } * inner;
                let next = add(sum, v[at]);
                y[at] = if exclusive { sum } else { next };
                sum = next;
            }
        }
        y
    }
    let data = match x.data {
        Data::Int(v) => Data::Int(sums(&v, n, inner, exclusive, reverse, 0, i64::wrapping_add)),
        Data::Real(v) => Data::Real(sums(&v, n, inner, exclusive, reverse, 0.0, |p, q| p + q)),
    };
    Numbers { dtype: x.dtype, shape: x.shape, data }.tensor()
}

/// ArgMax, ArgMin 1, 11, 12 (select_last_index), 13.
pub(super) fn place(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let axis = a.axis(a.attrs.int_or("axis", 0)?, x.shape.len())?;
    let keep = a.attrs.flag("keepdims", true)?;
    let last = a.opset >= 12 && a.attrs.flag("select_last_index", false)?;
    let (n, inner) = (x.shape[axis], x.shape[axis + 1..].iter().product::<usize>());
    let v = x.reals();
    if v.iter().any(|v| v.is_nan()) || n == 0 {
        return Err(Error::new(Code::BadTensor, format!("{} of NaN or of nothing", a.op)).hint("the constant is damaged"));
    }
    let largest = a.op == "ArgMax";
    let best = |first: usize| {
        (1..n).fold(0, |b, k| {
            let (p, q) = (v[first + b * inner], v[first + k * inner]);
            if (if largest { q > p } else { q < p }) || last && p == q { k } else { b }
        }) as i64
    };
    let y: Vec<i64> = (0..v.len()).filter(|i| (i / inner).is_multiple_of(n)).map(best).collect();
    let mut shape = x.shape;
    if keep {
        shape[axis] = 1;
    } else {
        shape.remove(axis);
    }
    Numbers::ints(DType::I64, shape, y).tensor()
}
