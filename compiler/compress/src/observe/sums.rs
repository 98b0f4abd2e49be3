//! Sums of products of the columns of two matrices: runs of rows in f32, added up in f64. Every sum has one order, whatever the number of threads.

use rayon::prelude::*;

/// Rows that are summed in f32 before their sum is added in f64.
const RUN: usize = 128;
/// Columns of a panel.
const LANES: usize = 8;

/// A matrix as panels of [`LANES`] columns, `[panel][row]`.
pub(super) struct Panels {
    rows: usize,
    columns: usize,
    of: Vec<[f32; LANES]>,
}

impl Panels {
    /// Columns `from..from + columns` of a matrix with rows of `width`.
    pub(super) fn new(x: &[f32], width: usize, from: usize, columns: usize) -> Self {
        let rows = x.len() / width.max(1);
        let mut of = vec![[0f32; LANES]; columns.div_ceil(LANES) * rows];
        if rows > 0 {
            of.par_chunks_mut(rows).enumerate().for_each(|(p, panel)| {
                let (at, n) = (from + p * LANES, LANES.min(columns - p * LANES));
                panel.iter_mut().zip(x.chunks_exact(width)).for_each(|(to, row)| to[..n].copy_from_slice(&row[at..at + n]));
            });
        }
        Self { rows, columns, of }
    }
    fn panel(&self, p: usize) -> &[[f32; LANES]] {
        &self.of[p * self.rows..(p + 1) * self.rows]
    }
    fn count(&self) -> usize {
        self.columns.div_ceil(LANES)
    }
}

/// Sums of 4 columns of `a` (from column `half` of its panel) with 8 of `b`.
fn run(a: &[[f32; LANES]], half: usize, b: &[[f32; LANES]]) -> [[f32; LANES]; 4] {
    let mut acc = [[0f32; LANES]; 4];
    for (x, y) in a.iter().zip(b) {
        for (r, sums) in acc.iter_mut().enumerate() {
            let x = x[half + r];
            for (s, y) in sums.iter_mut().zip(y) {
                *s += x * y;
            }
        }
    }
    acc
}

/// a^T b, `[columns of a][columns of b]`, over their common rows. Of a symmetric one (`b` is `a`) half is computed.
pub(super) fn product(a: &Panels, b: &Panels, symmetric: bool) -> Vec<f64> {
    let n = b.columns;
    let mut out = vec![0f64; a.columns * n];
    out.par_chunks_mut((LANES * n).max(1)).enumerate().for_each(|(p, rows)| {
        for q in if symmetric { p } else { 0 }..b.count() {
            let mut sums = [[0f64; LANES]; LANES];
            for (x, y) in a.panel(p).chunks(RUN).zip(b.panel(q).chunks(RUN)) {
                for half in [0, 4] {
                    for (to, from) in sums[half..half + 4].iter_mut().zip(run(x, half, y)) {
                        to.iter_mut().zip(from).for_each(|(t, f)| *t += f64::from(f));
                    }
                }
            }
            for (row, sums) in rows.chunks_mut(n).zip(sums) {
                row[q * LANES..].iter_mut().zip(sums).for_each(|(t, s)| *t = s);
            }
        }
    });
    if symmetric {
        for i in 0..n {
            for j in 0..i / LANES * LANES {
                out[i * n + j] = out[j * n + i];
            }
        }
    }
    out
}

/// For every channel c of `channels`: x_c^T x_c of its `taps` columns (column t of channel c is t * channels + c), `[channels][taps][taps]`, and x_c^T y_o
/// for its `per` outputs o = c * per .., `[outputs][taps]`.
pub(super) fn by_channel(x: &[f32], y: &[f32], channels: usize, taps: usize, per: usize) -> (Vec<f64>, Vec<f64>) {
    let (width, outs) = (channels * taps, channels * per);
    let blocks: Vec<(Vec<f64>, Vec<f64>)> = (0..channels.div_ceil(LANES))
        .into_par_iter()
        .map(|b| {
            let (first, n) = (b * LANES, LANES.min(channels - b * LANES));
            let (mut gram, mut cross) = (vec![[0f64; LANES]; taps * taps], vec![[0f64; LANES]; per * taps]);
            let mut part = vec![[0f32; LANES]; taps * taps + per * taps];
            let (mut xs, mut ys) = (vec![[0f32; LANES]; taps], vec![[0f32; LANES]; per]);
            for (x, y) in x.chunks(RUN * width).zip(y.chunks(RUN * outs)) {
                part.iter_mut().for_each(|p| *p = [0.0; LANES]);
                for (x, y) in x.chunks_exact(width).zip(y.chunks_exact(outs)) {
                    xs.iter_mut().enumerate().for_each(|(t, v)| v[..n].copy_from_slice(&x[t * channels + first..][..n]));
                    for (m, v) in ys.iter_mut().enumerate() {
                        (0..n).for_each(|c| v[c] = y[(first + c) * per + m]);
                    }
                    let (pg, pc) = part.split_at_mut(taps * taps);
                    for t in 0..taps {
                        for (sum, u) in pg[t * taps + t..(t + 1) * taps].iter_mut().zip(&xs[t..]) {
                            (0..LANES).for_each(|l| sum[l] += xs[t][l] * u[l]);
                        }
                    }
                    for (m, v) in ys.iter().enumerate() {
                        for (sum, u) in pc[m * taps..(m + 1) * taps].iter_mut().zip(&xs) {
                            (0..LANES).for_each(|l| sum[l] += v[l] * u[l]);
                        }
                    }
                }
                for (to, from) in gram.iter_mut().chain(&mut cross).zip(&part) {
                    to.iter_mut().zip(from).for_each(|(t, f)| *t += f64::from(*f));
                }
            }
            let mut of = (Vec::with_capacity(n * taps * taps), Vec::with_capacity(n * per * taps));
            for c in 0..n {
                of.0.extend((0..taps * taps).map(|i| gram[(i / taps).min(i % taps) * taps + (i / taps).max(i % taps)][c]));
                of.1.extend(cross.iter().map(|v| v[c]));
            }
            of
        })
        .collect();
    let (mut gram, mut cross) = (Vec::new(), Vec::new());
    for (g, c) in blocks {
        gram.extend(g);
        cross.extend(c);
    }
    (gram, cross)
}

/// Sums of the columns.
pub(super) fn columns(x: &[f32], width: usize) -> Vec<f64> {
    let mut sums = vec![0f64; width];
    for row in x.chunks_exact(width.max(1)) {
        sums.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_definition() {
        let (n, kx, ky) = (300, 11, 5);
        let value = |i: usize| ((i * 7919 % 211) as f32 - 100.0) / 64.0;
        let x: Vec<f32> = (0..n * kx).map(value).collect();
        let y: Vec<f32> = (0..n * ky).map(|i| value(i + 3)).collect();
        let sum = |a: &[f32], ka: usize, i: usize, b: &[f32], kb: usize, j: usize| -> f64 {
            (0..n).map(|r| f64::from(a[r * ka + i]) * f64::from(b[r * kb + j])).sum()
        };
        let (px, py) = (Panels::new(&x, kx, 0, kx), Panels::new(&y, ky, 0, ky));
        for (i, v) in product(&px, &px, true).iter().enumerate() {
            assert!((v - sum(&x, kx, i / kx, &x, kx, i % kx)).abs() < 1e-3, "{i}");
        }
        for (i, v) in product(&py, &px, false).iter().enumerate() {
            assert!((v - sum(&y, ky, i / kx, &x, kx, i % kx)).abs() < 1e-3, "{i}");
        }
        // 12 columns as 3 channels of 4 taps, two outputs a channel.
        let x: Vec<f32> = (0..n * 12).map(value).collect();
        let y: Vec<f32> = (0..n * 6).map(|i| value(i + 1)).collect();
        let (gram, cross) = by_channel(&x, &y, 3, 4, 2);
        for (i, v) in gram.iter().enumerate() {
            let (c, t, u) = (i / 16, i / 4 % 4, i % 4);
            assert!((v - sum(&x, 12, t * 3 + c, &x, 12, u * 3 + c)).abs() < 1e-3);
        }
        for (i, v) in cross.iter().enumerate() {
            let (o, t) = (i / 4, i % 4);
            assert!((v - sum(&y, 6, o, &x, 12, t * 3 + o / 2)).abs() < 1e-3);
        }
    }
}
