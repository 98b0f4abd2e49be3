//! Matrix products whose bits are the same on every host: each element is one sum in the order of k, without fused multiply-add (calibration
//! decides constants of the emitted code). Vectors run over columns, so their width does not matter.

use super::geometry::act;
use super::{Kernel, Site, not_float};
use mcompc_ir::{Code, Error, Result};
use mcompc_ops::Product;

/// rows, columns, row stride, column stride.
pub(super) type Form = [usize; 4];

/// Rows and columns of c that are summed at once: as many registers as every host has.
const MR: usize = 4;
const NR: usize = 8;

/// Whether every element of the matrix lies in a slice of `len`.
fn inside([m, n, rs, cs]: Form, len: usize) -> bool {
    m == 0 || n == 0 || (m - 1) * rs + (n - 1) * cs < len
}

/// c = a * b; the rows of a are contiguous.
pub(super) fn product((a, af): (&[f32], Form), (b, bf): (&[f32], Form), (c, cf): (&mut [f32], Form)) -> Result<()> {
    let [m, k, ras, cas] = af;
    let ([_, n, rbs, cbs], [_, _, rcs, ccs]) = (bf, cf);
    let fits = inside(af, a.len()) && inside(bf, b.len()) && inside(cf, c.len()) && bf[0] == k && cf[0] == m && cf[1] == n && cas == 1;
    if !fits {
        return Err(Error::new(Code::Internal, "a matrix view passes its slice"));
    }
    let mut panel = vec![[0f32; NR]; k];
    for j in (0..n).step_by(NR) {
        let cols = NR.min(n - j);
        for (p, row) in panel.iter_mut().enumerate() {
            for (q, v) in row[..cols].iter_mut().enumerate() {
                *v = b[p * rbs + (j + q) * cbs];
            }
        }
        for i in (0..m).step_by(MR) {
            let rows = MR.min(m - i);
            // Rows past the end repeat the last one; their sums are dropped.
            let at = |r: usize| &a[(i + r.min(rows - 1)) * ras..][..k];
            let acc = tile([at(0), at(1), at(2), at(3)], &panel);
            for (r, sums) in acc[..rows].iter().enumerate() {
                for (q, v) in sums[..cols].iter().enumerate() {
                    c[(i + r) * rcs + (j + q) * ccs] = *v;
                }
            }
        }
    }
    Ok(())
}

/// The sums of MR rows of a with NR packed columns of b.
fn tile(a: [&[f32]; MR], b: &[[f32; NR]]) -> [[f32; NR]; MR] {
    let mut acc = [[0f32; NR]; MR];
    let [a0, a1, a2, a3] = a.map(|r| &r[..b.len()]);
    for (p, row) in b.iter().enumerate() {
        for (sums, x) in acc.iter_mut().zip([a0[p], a1[p], a2[p], a3[p]]) {
            for (s, y) in sums.iter_mut().zip(row) {
                *s += x * y;
            }
        }
    }
    acc
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
            let p = Product::of(a, b)?;
            let (m, k, n) = (p.m, p.k, p.n);
            let at = p.pairs().map(|(i, j)| (i * m * k, j * k * n)).collect();
            Ok(Box::new(MatMul { m, k, n, at }))
        }
        op => Err(not_float(op)),
    }
}
