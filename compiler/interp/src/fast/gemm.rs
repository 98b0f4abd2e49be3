//! Matrix products, by the matrixmultiply crate behind ndarray (packed panels, AVX2/FMA where the CPU has it).

use super::geometry::act;
use super::{Kernel, Site, not_float};
use mcompc_ir::{Code, Error, Result};
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder, linalg::general_mat_mul};

/// rows, columns, row stride, column stride.
pub(super) type Form = [usize; 4];

/// c = a * b.
pub(super) fn product(a: (&[f32], Form), b: (&[f32], Form), c: (&mut [f32], Form)) -> Result<()> {
    let bad = |_| Error::new(Code::Internal, "a matrix view passes its slice");
    let [m, n, rs, cs] = a.1;
    let av = ArrayView2::from_shape((m, n).strides((rs, cs)), a.0).map_err(bad)?;
    let [m, n, rs, cs] = b.1;
    let bv = ArrayView2::from_shape((m, n).strides((rs, cs)), b.0).map_err(bad)?;
    let [m, n, rs, cs] = c.1;
    let mut cv = ArrayViewMut2::from_shape((m, n).strides((rs, cs)), c.0).map_err(bad)?;
    general_mat_mul(1.0, &av, &bv, 0.0, &mut cv);
    Ok(())
}

/// Inner product with eight running sums, so that it vectorises.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (ac, bc) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f32 = ac.remainder().iter().zip(bc.remainder()).map(|(x, y)| x * y).sum();
    let mut s = [0f32; 8];
    for (x, y) in ac.zip(bc) {
        for i in 0..8 {
            s[i] += x[i] * y[i];
        }
    }
    s.iter().sum::<f32>() + tail
}

struct Dense {
    n: usize,
    k: usize,
    o: usize,
    act: (f32, f32),
}

impl Kernel for Dense {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let Self { n, k, o, act: (lo, hi) } = *self;
        if n == 1 {
            for (y, w) in out.iter_mut().zip(ins[1].chunks_exact(k)) {
                *y = dot(ins[0], w);
            }
        } else {
            product((ins[0], [n, k, k, 1]), (ins[1], [k, o, 1, k]), (out, [n, o, o, 1]))?;
        }
        for row in out.chunks_exact_mut(o) {
            finish(row, ins.get(2).copied(), lo, hi);
        }
        Ok(())
    }
}

/// Adds a bias per element and clamps.
pub(super) fn finish(row: &mut [f32], bias: Option<&[f32]>, lo: f32, hi: f32) {
    match bias {
        Some(b) => row.iter_mut().zip(b).for_each(|(y, b)| *y = (*y + b).max(lo).min(hi)),
        None if lo == f32::NEG_INFINITY && hi == f32::INFINITY => {}
        None => row.iter_mut().for_each(|y| *y = y.max(lo).min(hi)),
    }
}

struct MatMul {
    m: usize,
    k: usize,
    n: usize,
    /// Offsets of the two matrices of every product.
    at: Vec<(usize, usize)>,
}

impl Kernel for MatMul {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let Self { m, k, n, at } = self;
        let (m, k, n) = (*m, *k, *n);
        for (&(a, b), y) in at.iter().zip(out.chunks_exact_mut(m * n)) {
            product((&ins[0][a..a + m * k], [m, k, k, 1]), (&ins[1][b..b + k * n], [k, n, n, 1]), (y, [m, n, n, 1]))?;
        }
        Ok(())
    }
}

pub(super) fn plan(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    let (a, b) = (&s.ins[0].shape, &s.ins[1].shape);
    match s.node.op.as_str() {
        "Dense" => Ok(Box::new(Dense { n: a[0], k: a[1], o: b[0], act: act(s)? })),
        "MatMul" => {
            let (mut a, mut b) = (a.clone(), b.clone());
            if a.len() == 1 {
                a.insert(0, 1);
            }
            if b.len() == 1 {
                b.push(1);
            }
            let ([la @ .., m, k], [lb @ .., _, n]) = (a.as_slice(), b.as_slice()) else { return Err(not_float("MatMul")) };
            let (m, k, n) = (*m, *k, *n);
            let rank = la.len().max(lb.len());
            let lead: Vec<usize> = (0..rank).map(|i| dim(la, i, rank).max(dim(lb, i, rank))).collect();
            let (oa, ob) = (super::moves::repeat(la, &lead), super::moves::repeat(lb, &lead));
            let at = oa.iter().zip(&ob).map(|(&i, &j)| (i as usize * m * k, j as usize * k * n)).collect();
            Ok(Box::new(MatMul { m, k, n, at }))
        }
        op => Err(not_float(op)),
    }
}

fn dim(s: &[usize], i: usize, rank: usize) -> usize {
    (i + s.len()).checked_sub(rank).map_or(1, |j| s[j])
}
