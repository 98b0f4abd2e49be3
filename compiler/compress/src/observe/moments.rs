//! Second moments of a layer's rows and their cross moments with what the layer should give.

use super::patches::Patches;
use super::sums::{self, Panels};

/// Moments of some rows; x is what a group of the layer reads, y what the float network gives before the clamp.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    /// Rows.
    pub n: f64,
    /// Groups of channels, each with its own x.
    pub groups: usize,
    /// Elements of x.
    pub k: usize,
    /// Means of x, `[groups][k]`.
    pub x: Vec<f64>,
    /// Means of y.
    pub y: Vec<f64>,
    /// Covariance of x, `[groups][k][k]`.
    pub xx: Vec<f64>,
    /// Covariance of y and the x of its group, `[outputs][k]`.
    pub xy: Vec<f64>,
}

/// What was seen of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// All rows.
    pub all: Moments,
    /// Rows of disjoint sets of samples.
    pub folds: Vec<Moments>,
    /// What is known of the covariance of x beside its rows, `[k][k]`: that of what x is the mean of.
    pub prior: Option<Vec<f64>>,
}

impl Moments {
    /// Of rows x and y, less `shift` already, which is (of x, of y): something near their means.
    pub(super) fn of(p: &Patches, x: &[f32], y: &[f32], shift: (&[f32], &[f32])) -> Self {
        let (width, groups, k, outs) = (p.width(), p.groups, p.k, p.outs);
        let n = (y.len() / outs) as f64;
        let taps = p.taps();
        let inner = k / taps;
        // Element i of group g's x is column (i / inner) * channels + g * inner + i % inner.
        let column = |g: usize, i: usize| i / inner * (groups * inner) + g * inner + i % inner;
        let (sx, sy) = (sums::columns(x, width), sums::columns(y, outs));
        let (mut xx, mut xy) = if groups > 1 && inner == 1 {
            sums::by_channel(x, y, groups, taps, outs / groups)
        } else {
            let (mut xx, mut xy) = (Vec::with_capacity(groups * k * k), Vec::with_capacity(outs * k));
            let per = outs / groups;
            for g in 0..groups {
                let own: Vec<f32>;
                let a = if groups == 1 {
                    Panels::new(x, width, 0, k)
                } else {
                    own = x.chunks_exact(width).flat_map(|row| (0..k).map(move |i| row[column(g, i)])).collect();
                    Panels::new(&own, k, 0, k)
                };
                xx.extend(sums::product(&a, &a, true));
                xy.extend(sums::product(&Panels::new(y, outs, g * per, per), &a, false));
            }
            (xx, xy)
        };
        let mx: Vec<f64> = (0..groups * k).map(|i| sx[column(i / k, i % k)] / n).collect();
        let my: Vec<f64> = sy.iter().map(|s| s / n).collect();
        for (g, xx) in xx.chunks_exact_mut(k * k).enumerate() {
            let m = &mx[g * k..][..k];
            xx.iter_mut().enumerate().for_each(|(i, v)| *v = *v / n - m[i / k] * m[i % k]);
        }
        for (o, xy) in xy.chunks_exact_mut(k).enumerate() {
            let m = &mx[o / (outs / groups) * k..][..k];
            xy.iter_mut().zip(m).for_each(|(v, m)| *v = *v / n - m * my[o]);
        }
        let x = mx.iter().enumerate().map(|(i, m)| m + f64::from(shift.0[column(i / k, i % k)])).collect();
        let y = my.iter().zip(shift.1).map(|(m, s)| m + f64::from(*s)).collect();
        Self { n, groups, k, x, y, xx, xy }
    }

    /// Of the rows of all of `parts`.
    pub(crate) fn pool(parts: &[&Self]) -> Option<Self> {
        let first = parts.first()?;
        let n: f64 = parts.iter().map(|p| p.n).sum();
        let (groups, k, per) = (first.groups, first.k, first.y.len() / first.groups);
        let mean = |of: fn(&Self) -> &[f64]| -> Vec<f64> {
            let mut m = vec![0.0; of(first).len()];
            parts.iter().for_each(|p| m.iter_mut().zip(of(p)).for_each(|(m, v)| *m += v * (p.n / n)));
            m
        };
        let (x, y) = (mean(|p| &p.x), mean(|p| &p.y));
        let (mut xx, mut xy) = (mean(|p| &p.xx), mean(|p| &p.xy));
        for p in parts {
            let (dx, share) = (p.x.iter().zip(&x).map(|(a, b)| a - b).collect::<Vec<f64>>(), p.n / n);
            for (g, xx) in xx.chunks_exact_mut(k * k).enumerate() {
                let d = &dx[g * k..][..k];
                for (row, a) in xx.chunks_exact_mut(k).zip(d) {
                    row.iter_mut().zip(d).for_each(|(v, b)| *v += share * a * b);
                }
            }
            for (o, xy) in xy.chunks_exact_mut(k).enumerate() {
                let dy = share * (p.y[o] - y[o]);
                xy.iter_mut().zip(&dx[o / per * k..]).for_each(|(v, d)| *v += d * dy);
            }
        }
        Some(Self { n, groups, k, x, y, xx, xy })
    }

    /// The same with element i of group g's x as x * scale + offset, which `unit(g, i)` gives.
    fn in_units(&mut self, unit: &dyn Fn(usize, usize) -> (f64, f64)) {
        let (k, per) = (self.k, self.y.len() / self.groups);
        let units: Vec<(f64, f64)> = (0..self.groups * k).map(|i| unit(i / k, i % k)).collect();
        self.x.iter_mut().zip(&units).for_each(|(x, (s, o))| *x = *x * s + o);
        for (g, xx) in self.xx.chunks_exact_mut(k * k).enumerate() {
            let u = &units[g * k..][..k];
            xx.iter_mut().enumerate().for_each(|(i, v)| *v *= u[i / k].0 * u[i % k].0);
        }
        for (o, xy) in self.xy.chunks_exact_mut(k).enumerate() {
            xy.iter_mut().zip(&units[o / per * k..]).for_each(|(v, u)| *v *= u.0);
        }
    }

    /// Output channels of a group.
    pub(crate) fn per(&self) -> usize {
        self.y.len() / self.groups
    }

    /// Covariance of group `g`'s x.
    pub(crate) fn gram(&self, g: usize) -> &[f64] {
        &self.xx[g * self.k * self.k..][..self.k * self.k]
    }
}

impl Observed {
    /// Of the same rows in other units: element i of group g's x is x * scale + offset, which `unit(g, i)` gives.
    pub(crate) fn in_units(mut self, unit: &dyn Fn(usize, usize) -> (f64, f64)) -> Self {
        self.folds.iter_mut().chain([&mut self.all]).for_each(|m| m.in_units(unit));
        let k = self.all.k;
        if let Some(p) = &mut self.prior {
            p.iter_mut().enumerate().for_each(|(i, v)| *v *= unit(0, i / k).0 * unit(0, i % k).0);
        }
        self
    }
}

/// Covariance of the columns of a matrix with rows of `width`.
pub(super) fn covariance(x: &[f32], width: usize) -> Vec<f64> {
    let n = (x.len() / width) as f64;
    let mean: Vec<f64> = sums::columns(x, width).iter().map(|s| s / n).collect();
    let centred: Vec<f32> = x.chunks_exact(width).flat_map(|r| r.iter().zip(&mean).map(|(v, m)| v - *m as f32)).collect();
    let panels = Panels::new(&centred, width, 0, width);
    sums::product(&panels, &panels, true).iter().map(|v| v / n).collect()
}
