//! What a method rounds towards, and how it weighs errors: weights for which the layer, on the operand that the coded network gives it, comes
//! nearest to what the float network gives.
//!
//! Ridge regression towards the weights as they were trained, its strength chosen for each layer by cross-validation over samples. The idea of
//! correcting a layer for the error of those before it is that of "GPTAQ: Efficient Finetuning-Free Quantization for Asymmetric
//! Calibration" (Li et al. 2025).

use super::gptq::Solver;
use super::task::Task;
use crate::linalg;
use crate::observe::{Moments, Observed};
use rayon::prelude::*;
use std::sync::OnceLock;

/// Weights and what an error in them costs.
pub(super) struct Goal {
    /// `[channels][k]`.
    pub w: Vec<f64>,
    /// Symmetric and positive definite: an error e in a channel of group g costs e^T h e. `[groups][k][k]`.
    pub h: Vec<f64>,
    pub k: usize,
    pub groups: usize,
    /// What GPTQ knows of each group's cost matrix, once it has been asked for.
    solvers: Vec<OnceLock<Option<Solver>>>,
}

/// Share of the mean diagonal that is added to the covariance for the cost of errors.
const DAMPING: f64 = 0.03;
/// As [`DAMPING`] where a layer has as few rows as there are samples, because it is behind a global mean.
const FEW_ROWS: f64 = 0.3;
/// The strengths of the ridge that are tried, in the same unit.
const RIDGES: [f64; 9] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0];
/// Weights of a channel from which on not all strengths are tried, but those around the best.
const MANY: usize = 128;
/// Output channels of a group that cross-validation looks at.
const CHANNELS: usize = 64;

impl Goal {
    /// The weights themselves.
    pub(super) fn plain(t: &Task<'_>, seen: &Observed) -> Self {
        let groups = seen.all.groups;
        let solvers = (0..groups).map(|_| OnceLock::new()).collect();
        Self { w: t.w.iter().map(|&v| v.into()).collect(), h: metric(seen), k: t.k, groups, solvers }
    }
    /// Weights corrected for what is wrong with the operand.
    pub(super) fn ridge(t: &Task<'_>, seen: &Observed) -> Self {
        let mut goal = Self::plain(t, seen);
        let m = &seen.all;
        let off: Vec<f64> = (0..m.y.len()).into_par_iter().flat_map_iter(|o| residual(&goal.w[o * m.k..][..m.k], m, o)).collect();
        let strength = strength(&goal.w, seen);
        if let Some(change) = change(m, seen.prior.as_deref(), strength, off) {
            goal.w.iter_mut().zip(change).for_each(|(w, d)| *w += d);
        }
        goal
    }
    /// The cost matrix of group `g`.
    pub(super) fn cost(&self, g: usize) -> &[f64] {
        &self.h[g * self.k * self.k..][..self.k * self.k]
    }
    /// GPTQ under the cost matrix of group `g`; `None` where that is not positive definite.
    pub(super) fn solver(&self, g: usize) -> Option<&Solver> {
        self.solvers[g].get_or_init(|| Solver::new(self.cost(g), self.k)).as_ref()
    }
    /// Output channels of a group.
    pub(super) fn per(&self) -> usize {
        self.w.len() / self.k / self.groups
    }
}

/// Mean diagonals; that of a group whose operand hardly moves is lifted to a share of the others'.
fn diagonals(m: &Moments, prior: Option<&[f64]>) -> Vec<f64> {
    let extra = prior.map_or(0.0, |p| p.iter().step_by(m.k + 1).sum());
    let all: Vec<f64> = (0..m.groups).map(|g| (m.gram(g).iter().step_by(m.k + 1).sum::<f64>() + extra) / m.k as f64).collect();
    let mut sorted = all.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let least = 1e-2 * sorted[sorted.len() / 2] + f64::from(f32::MIN_POSITIVE);
    all.into_iter().map(|d| d.max(least)).collect()
}

fn damped(m: &Moments, prior: Option<&[f64]>, g: usize, by: f64) -> Vec<f64> {
    let mut h = m.gram(g).to_vec();
    if let Some(p) = prior {
        h.iter_mut().zip(p).for_each(|(h, p)| *h += p);
    }
    h.iter_mut().step_by(m.k + 1).for_each(|d| *d += by);
    h
}

fn metric(seen: &Observed) -> Vec<f64> {
    let prior = seen.prior.as_deref();
    let (d, damping) = (diagonals(&seen.all, prior), if prior.is_some() { FEW_ROWS } else { DAMPING });
    (0..seen.all.groups).flat_map(|g| damped(&seen.all, prior, g, damping * d[g])).collect()
}

/// Covariance of x and what channel `o` is off by: y - w x.
fn residual(w: &[f64], m: &Moments, o: usize) -> Vec<f64> {
    let g = m.gram(o / m.per());
    m.xy[o * m.k..][..m.k].iter().zip(g.chunks_exact(m.k)).map(|(c, row)| c - linalg::dot(row, w)).collect()
}

/// The change of weights of least squares for what they are off by (`[channels][k]`), so many channels of each group.
fn change(m: &Moments, prior: Option<&[f64]>, strength: f64, mut off: Vec<f64>) -> Option<Vec<f64>> {
    let d = diagonals(m, prior);
    let per = off.len() / m.k / m.groups;
    let done = off.par_chunks_mut(per * m.k).enumerate().map(|(g, rows)| {
        let mut l = damped(m, prior, g, strength * d[g]);
        linalg::cholesky(&mut l, m.k)?;
        linalg::solve(&l, m.k, rows);
        Some(())
    });
    done.collect::<Option<Vec<()>>>()?;
    Some(off)
}

/// The strength of least error on samples that the regression has not seen.
fn strength(w: &[f64], seen: &Observed) -> f64 {
    let k = seen.all.k;
    let per = seen.all.per();
    // Some channels of each group tell as much as all.
    let step = per.div_ceil(CHANNELS);
    let channels: Vec<usize> = (0..seen.all.y.len()).filter(|o| (o % per).is_multiple_of(step)).collect();
    let w_of = |o: usize| &w[o * k..][..k];
    let of = |m: &Moments| -> Vec<f64> { channels.par_iter().flat_map_iter(|&o| residual(w_of(o), m, o)).collect() };
    let mean_off =
        |m: &Moments| -> Vec<f64> { channels.iter().map(|&o| m.y[o] - linalg::dot(w_of(o), &m.x[o / per * k..][..k])).collect() };
    let held: Vec<(Moments, Vec<f64>, &Moments, Vec<f64>)> = (0..seen.folds.len())
        .filter_map(|f| {
            let others: Vec<&Moments> = seen.folds.iter().enumerate().filter(|(i, _)| *i != f).map(|(_, m)| m).collect();
            let train = Moments::pool(&others)?;
            let off = of(&train);
            Some((train, off, &seen.folds[f], of(&seen.folds[f])))
        })
        .collect();
    let error = |i: usize| -> f64 {
        let one = |(train, off, test, off_test): &(Moments, Vec<f64>, &Moments, Vec<f64>)| {
            let Some(d) = change(train, seen.prior.as_deref(), RIDGES[i], off.clone()) else { return f64::INFINITY };
            let (a, b) = (mean_off(train), mean_off(test));
            let per_held = channels.len() / train.groups;
            let mut sum = 0.0;
            for g in 0..train.groups {
                let rows = &d[g * per_held * k..][..per_held * k];
                let moved = linalg::product(rows, k, test.gram(g), k);
                for (j, (row, moved)) in rows.chunks_exact(k).zip(moved.chunks_exact(k)).enumerate() {
                    let at = g * per_held + j;
                    let o = channels[at] / per;
                    let shift: f64 = (0..k).map(|i| row[i] * (test.x[o * k + i] - train.x[o * k + i])).sum();
                    let mean = b[at] - a[at] - shift;
                    sum += linalg::dot(row, moved) - 2.0 * linalg::dot(row, &off_test[at * k..][..k]) + mean * mean;
                }
            }
            sum * test.n
        };
        held.par_iter().map(one).collect::<Vec<f64>>().iter().sum()
    };
    let mut known = [None; RIDGES.len()];
    let mut at = |i: usize| *known[i].get_or_insert_with(|| error(i));
    let mut best = RIDGES.len() / 2;
    if k <= MANY {
        for i in 0..RIDGES.len() {
            if at(i) < at(best) {
                best = i;
            }
        }
        return RIDGES[best];
    }
    loop {
        let near = [best.saturating_sub(1), (best + 1).min(RIDGES.len() - 1)];
        match near.into_iter().find(|&i| at(i) < at(best)) {
            Some(i) => best = i,
            None => return RIDGES[best],
        }
    }
}
