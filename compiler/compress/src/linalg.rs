//! Dense linear algebra in f64 whose bits are the same on every host and with any number of threads: every element is one sum in a fixed order,
//! without fused multiply-add. Matrices are row-major slices.

use rayon::prelude::*;

/// Columns that are eliminated at once.
const BLOCK: usize = 32;
/// Rows and columns of a tile of sums: as many registers as every host has.
const TILE: usize = 4;
/// Rows that a task takes.
const ROWS: usize = 32;

/// `TILE` columns of a factor side by side, [columns / TILE][depth].
struct Panels {
    depth: usize,
    of: Vec<[f64; TILE]>,
}

impl Panels {
    /// Element (p, j) of a matrix of `depth` rows and `columns` columns.
    fn new(depth: usize, columns: usize, at: impl Fn(usize, usize) -> f64) -> Self {
        let mut of = Vec::with_capacity(columns.div_ceil(TILE) * depth);
        for j in (0..columns).step_by(TILE) {
            of.extend((0..depth).map(|p| std::array::from_fn(|q| if j + q < columns { at(p, j + q) } else { 0.0 })));
        }
        Self { depth, of }
    }
    /// Rows `from..` of each panel.
    fn rows(&self, panel: usize, from: usize) -> &[[f64; TILE]] {
        &self.of[panel * self.depth + from..(panel + 1) * self.depth]
    }
}

fn tile(a: [&[f64]; TILE], b: &[[f64; TILE]]) -> [[f64; TILE]; TILE] {
    let mut acc = [[0f64; TILE]; TILE];
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

/// For each row of `rows` (of length `n`): row[to..to + w] -= row[from..from + depth] * panels, from their row `skip` on.
fn update(rows: &mut [f64], n: usize, from: usize, (to, w): (usize, usize), panels: &Panels, skip: usize) {
    let depth = panels.depth - skip;
    if depth == 0 {
        return;
    }
    let count = rows.len() / n;
    for i in (0..count).step_by(TILE) {
        let last = TILE.min(count - i);
        for j in (0..w).step_by(TILE) {
            let acc = {
                let at = |r: usize| &rows[(i + r.min(last - 1)) * n + from..][..depth];
                tile([at(0), at(1), at(2), at(3)], panels.rows(j / TILE, skip))
            };
            for (r, sums) in acc[..last].iter().enumerate() {
                let row = &mut rows[(i + r) * n + to + j..(i + r) * n + to + w];
                row.iter_mut().zip(sums).for_each(|(x, s)| *x -= s);
            }
        }
    }
}

/// Factors the symmetric positive definite `a` of order `n` as L L^T, of which the lower triangle is read and replaced by L. `None` where it is
/// not positive definite.
pub(crate) fn cholesky(a: &mut [f64], n: usize) -> Option<()> {
    for j in (0..n).step_by(BLOCK) {
        let w = BLOCK.min(n - j);
        let panels = Panels::new(j, w, |p, c| a[(j + c) * n + p]);
        a[j * n..].par_chunks_mut(ROWS * n).for_each(|rows| update(rows, n, 0, (j, w), &panels, 0));
        let (top, below) = a[j * n..].split_at_mut(w * n);
        let mut d = [[0f64; BLOCK]; BLOCK];
        for c in 0..w {
            let row = &top[c * n + j..c * n + j + w];
            for e in 0..=c {
                let sum: f64 = (0..e).map(|p| d[c][p] * d[e][p]).sum();
                let rest = row[e] - sum;
                d[c][e] = if e < c { rest / d[e][e] } else { rest.sqrt() };
                if e == c && !(rest > 0.0 && rest.is_finite()) {
                    return None;
                }
            }
        }
        for c in 0..w {
            top[c * n + j..][..w].copy_from_slice(&d[c][..w]);
        }
        below.par_chunks_mut(n * ROWS).for_each(|rows| rows.chunks_mut(n).for_each(|r| forward(&mut r[j..j + w], &d)));
    }
    Some(())
}

type Corner = [[f64; BLOCK]; BLOCK];

/// x := x D^-T for a lower triangle D.
fn forward(x: &mut [f64], d: &Corner) {
    for c in 0..x.len() {
        let sum: f64 = (0..c).map(|p| x[p] * d[c][p]).sum();
        x[c] = (x[c] - sum) / d[c][c];
    }
}

/// x := x D^-1.
fn backward(x: &mut [f64], d: &Corner) {
    for c in (0..x.len()).rev() {
        let sum: f64 = (c + 1..x.len()).map(|p| x[p] * d[p][c]).sum();
        x[c] = (x[c] - sum) / d[c][c];
    }
}

fn corner(l: &[f64], n: usize, j: usize, w: usize) -> Corner {
    let mut d = [[0f64; BLOCK]; BLOCK];
    (0..w).for_each(|c| d[c][..w].copy_from_slice(&l[(j + c) * n + j..][..w]));
    d
}

/// Replaces every row x of `rows` by x (L L^T)^-1.
pub(crate) fn solve(l: &[f64], n: usize, rows: &mut [f64]) {
    for j in (0..n).step_by(BLOCK) {
        let w = BLOCK.min(n - j);
        let (panels, d) = (Panels::new(j, w, |p, c| l[(j + c) * n + p]), corner(l, n, j, w));
        rows.par_chunks_mut(ROWS * n).for_each(|rows| {
            update(rows, n, 0, (j, w), &panels, 0);
            rows.chunks_mut(n).for_each(|r| forward(&mut r[j..j + w], &d));
        });
    }
    for j in (0..n).step_by(BLOCK).rev() {
        let w = BLOCK.min(n - j);
        let (panels, d) = (Panels::new(n - j - w, w, |p, c| l[(j + w + p) * n + j + c]), corner(l, n, j, w));
        rows.par_chunks_mut(ROWS * n).for_each(|rows| {
            update(rows, n, j + w, (j, w), &panels, 0);
            rows.chunks_mut(n).for_each(|r| backward(&mut r[j..j + w], &d));
        });
    }
}

/// L^-T, whose lower triangle is zero.
pub(crate) fn inverse_transposed(l: &[f64], n: usize) -> Vec<f64> {
    let mut x = vec![0.0; n * n];
    (0..n).for_each(|i| x[i * n + i] = 1.0);
    for j in (0..n).step_by(BLOCK) {
        let w = BLOCK.min(n - j);
        let (panels, d) = (Panels::new(j, w, |p, c| l[(j + c) * n + p]), corner(l, n, j, w));
        x[..(j + w) * n].par_chunks_mut(ROWS * n).enumerate().for_each(|(i, rows)| {
            // Row r is zero before column r.
            let first = (i * ROWS).min(j);
            update(rows, n, first, (j, w), &panels, first);
            rows.chunks_mut(n).for_each(|r| forward(&mut r[j..j + w], &d));
        });
    }
    x
}

/// The upper factor u of the inverse of `h` with rows and columns in this order: h^-1 = u^T u. `None` where `h` is not positive definite.
pub(crate) fn inverse_factor(h: &[f64], order: &[usize]) -> Option<Vec<f64>> {
    let k = order.len();
    // Backwards, the lower factor's inverse is the upper factor of the inverse.
    let mut l: Vec<f64> = (0..k * k).map(|i| h[order[k - 1 - i / k] * k + order[k - 1 - i % k]]).collect();
    cholesky(&mut l, k)?;
    let t = inverse_transposed(&l, k);
    Some((0..k * k).map(|i| t[(k - 1 - i % k) * k + k - 1 - i / k]).collect())
}

/// a * b for a of rows of `k` and b `[k][n]`.
pub(crate) fn product(a: &[f64], k: usize, b: &[f64], n: usize) -> Vec<f64> {
    let panels = Panels::new(k, n, |p, j| b[p * n + j]);
    let mut c = vec![0.0; a.len() / k * n];
    c.par_chunks_mut(ROWS * n).zip(a.par_chunks(ROWS * k)).for_each(|(c, a)| {
        let count = a.len() / k;
        for i in (0..count).step_by(TILE) {
            let last = TILE.min(count - i);
            let at = |r: usize| &a[(i + r.min(last - 1)) * k..][..k];
            for j in (0..n).step_by(TILE) {
                let acc = tile([at(0), at(1), at(2), at(3)], panels.rows(j / TILE, 0));
                for (r, sums) in acc[..last].iter().enumerate() {
                    c[(i + r) * n + j..(i + r + 1) * n].iter_mut().zip(sums).for_each(|(x, s)| *x = *s);
                }
            }
        }
    });
    c
}

/// x^T y.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f64> {
        let mut x = 7u64;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 40) as f64 / (1u64 << 23) as f64 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn positive(n: usize) -> Vec<f64> {
        let (x, mut g) = (noise(n * (n + 3)), vec![0.0; n * n]);
        for row in x.chunks(n) {
            (0..n * n).for_each(|i| g[i] += row[i / n] * row[i % n]);
        }
        (0..n).for_each(|i| g[i * n + i] += 0.1);
        g
    }

    #[test]
    fn factors_solve_and_invert() {
        for n in [1, 3, 4, 31, 33, 70] {
            let g = positive(n);
            let mut l = g.clone();
            cholesky(&mut l, n).unwrap();
            let b = noise(5 * n);
            let mut x = b.clone();
            solve(&l, n, &mut x);
            let back = product(&x, n, &g, n);
            assert!(back.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-8), "{n}");
            // L^T times L^-T is the identity.
            let inverse = inverse_transposed(&l, n);
            let mut lt = vec![0.0; n * n];
            for r in 0..n {
                (0..=r).for_each(|c| lt[c * n + r] = l[r * n + c]);
            }
            for (i, v) in product(&lt, n, &inverse, n).iter().enumerate() {
                assert!((v - f64::from(u8::from(i / n == i % n))).abs() < 1e-8, "{n} {i}");
            }
        }
        assert!(cholesky(&mut [1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
