//! Numpy broadcasting: shapes are aligned at their last dimension, and a dimension of 1 repeats.

use crate::def::{Ctx, shape_error};
use mcompc_ir::{DType, Result, Tensor, Value};

/// The common shape of two.
///
/// # Errors
/// [`mcompc_ir::Code::BadShape`] where there is none.
pub fn shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let r = a.len().max(b.len());
    let dim = |s: &[usize], i: usize| (i + s.len()).checked_sub(r).map_or(1, |j| s[j]);
    (0..r)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => shape_error(format!("shapes {a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

/// For each element of `to`, in order, the offset of the element of `from` that it repeats.
pub fn offsets(from: &[usize], to: &[usize]) -> Vec<usize> {
    let mut off = vec![0usize];
    let mut stride = 1;
    // From the last dimension outwards: the offsets of the inner block, repeated with this dimension's stride.
    for i in (0..to.len()).rev() {
        let d = (i + from.len()).checked_sub(to.len()).map_or(1, |j| from[j]);
        let step = if d == 1 { 0 } else { stride };
        off = (0..to[i]).flat_map(|k| off.iter().map(move |o| o + k * step)).collect();
        stride *= d;
    }
    off
}

/// Inference of a binary float operator.
pub(crate) fn infer(c: &Ctx<'_>) -> Result<Vec<Value>> {
    c.floats()?;
    c.out(DType::F32, shape(&c.ins[0].shape, &c.ins[1].shape)?, None)
}

/// The shape of a result, and for each of its elements in order the offsets of the two that it is made of.
pub(crate) fn pairs(t: &[&Tensor]) -> Result<(Vec<usize>, impl Iterator<Item = (usize, usize)>)> {
    let to = shape(&t[0].shape, &t[1].shape)?;
    let (a, b) = (offsets(&t[0].shape, &to), offsets(&t[1].shape, &to));
    Ok((to, a.into_iter().zip(b)))
}

/// `f` on every pair, in f64, rounded at the end.
pub(crate) fn eval(t: &[&Tensor], f: impl Fn(f64, f64) -> f64) -> Result<Vec<Tensor>> {
    let (a, b) = (t[0].as_f32()?, t[1].as_f32()?);
    let (to, pairs) = pairs(t)?;
    let y: Vec<f32> = pairs.map(|(i, j)| f(a[i].into(), b[j].into()) as f32).collect();
    Ok(vec![Tensor::from_f32(to, &y)?])
}

#[cfg(test)]
mod tests {
    #[test]
    fn broadcasts_like_numpy() {
        let b = |data: &[f64], from: &[usize], to: &[usize]| super::offsets(from, to).into_iter().map(|at| data[at]).collect::<Vec<_>>();
        assert_eq!(b(&[1.0, 2.0], &[2, 1], &[2, 2, 3]), [1., 1., 1., 2., 2., 2., 1., 1., 1., 2., 2., 2.]);
        assert_eq!(b(&[1.0, 2.0, 3.0], &[3], &[2, 3]), [1., 2., 3., 1., 2., 3.]);
    }
}
