//! Operators that choose elements by booleans or by index.

use super::args::Args;
use super::numbers::{Data, Numbers, common, few, misfit, spread};
use mcompc_ir::{Code, DType, Error, Result, Tensor};

/// Where 9, 16 of constants.
pub(super) fn choose(a: &Args<'_, '_>) -> Result<Tensor> {
    let [c, x, y] = [a.numbers(0)?, a.numbers(1)?, a.numbers(2)?];
    if c.dtype != DType::Bool || x.dtype != y.dtype {
        return Err(Error::new(Code::UnsupportedType, format!("Where of {}, {} and {}", c.dtype, x.dtype, y.dtype))
            .hint("the ONNX standard asks for booleans and two tensors of one type; export the model again"));
    }
    let to = common(a.limits, &common(a.limits, &c.shape, &x.shape)?, &y.shape)?;
    let take = spread(c.integers()?, &c.shape, &to);
    let data = match (&x.data, &y.data) {
        (Data::Int(p), Data::Int(q)) => {
            let (p, q) = (spread(p, &x.shape, &to), spread(q, &y.shape, &to));
            Data::Int(take.iter().zip(p.iter().zip(&q)).map(|(&c, (&p, &q))| if c != 0 { p } else { q }).collect())
        }
        _ => {
            let (p, q) = (spread(&x.reals(), &x.shape, &to), spread(&y.reals(), &y.shape, &to));
            Data::Real(take.iter().zip(p.iter().zip(&q)).map(|(&c, (&p, &q))| if c != 0 { p } else { q }).collect())
        }
    };
    Numbers { dtype: x.dtype, shape: to, data }.tensor()
}

/// NonZero 9, 13: a row of indices for each dimension.
pub(super) fn non_zero(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let at: Vec<usize> = x.reals().iter().enumerate().filter(|(_, v)| **v != 0.0).map(|(i, _)| i).collect();
    let mut rows = Vec::new();
    for d in 0..x.shape.len() {
        let inner: usize = x.shape[d + 1..].iter().product();
        rows.extend(at.iter().map(|i| (i / inner % x.shape[d]) as i64));
    }
    Tensor::from_i64([x.shape.len(), at.len()], &rows)
}

/// Trilu 14 of a constant.
pub(super) fn triangle(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let upper = a.attrs.flag("upper", true)?;
    let k = a.integers(1)?.and_then(|v| v.first().copied()).unwrap_or(0);
    let [.., rows, columns] = x.shape[..] else { return Err(misfit(format!("Trilu of shape {:?}", x.shape))) };
    let keeps = |i: usize| {
        let (r, c) = ((i / columns % rows) as i64, (i % columns) as i64);
        if upper { c >= r.saturating_add(k) } else { c <= r.saturating_add(k) }
    };
    let data = match x.data {
        Data::Int(v) => Data::Int(v.into_iter().enumerate().map(|(i, v)| if keeps(i) { v } else { 0 }).collect()),
        Data::Real(v) => Data::Real(v.into_iter().enumerate().map(|(i, v)| if keeps(i) { v } else { 0.0 }).collect()),
    };
    Numbers { dtype: x.dtype, shape: x.shape, data }.tensor()
}

/// OneHot 9, 11 of constants.
pub(super) fn one_hot(a: &Args<'_, '_>) -> Result<Tensor> {
    let (indices, values) = (a.numbers(0)?, a.numbers(2)?);
    let depth = a.numbers(1)?.reals().first().copied().unwrap_or(0.0);
    let rank = indices.shape.len() + 1;
    let axis = a.axis(a.attrs.int_or("axis", -1)?, rank)?;
    if !(1.0..1e9).contains(&depth) || values.shape != [2] {
        return Err(misfit(format!("OneHot of depth {depth} with values of shape {:?}", values.shape)));
    }
    let depth = depth as usize;
    let mut shape = indices.shape.clone();
    shape.insert(axis, depth);
    let n = few(a.limits, &shape)?;
    let inner: usize = shape[axis + 1..].iter().product();
    let at = indices.reals();
    let hot = |i: usize| {
        let v = at[i / (depth * inner) * inner + i % inner];
        let v = if v < 0.0 { v + depth as f64 } else { v };
        usize::from(v == (i / inner % depth) as f64)
    };
    let data = match values.data {
        Data::Int(v) => Data::Int((0..n).map(|i| v[hot(i)]).collect()),
        Data::Real(v) => Data::Real((0..n).map(|i| v[hot(i)]).collect()),
    };
    Numbers { dtype: values.dtype, shape, data }.tensor()
}
