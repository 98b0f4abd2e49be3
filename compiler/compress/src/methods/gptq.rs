//! Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2023), section 3.3:
//! one weight after the other is rounded, and the weights that are still to come make good what that did. In order of falling diagonal, for
//! several scales of each channel at once, of which the one of least cost is kept.

use super::search::Narrow;
use crate::linalg;
use rayon::prelude::*;

/// Problems that run side by side.
const LANES: usize = 16;
/// Adding and taking away rounds f32 of magnitude up to 2^22 to whole numbers, ties to even.
const WHOLE: f32 = 12_582_912.0;

/// One channel of a group under one scale.
pub(super) struct Job {
    pub row: usize,
    pub scale: f64,
}

/// The best found of a channel.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub cost: f64,
    pub scale: f64,
    pub codes: Vec<f64>,
}

/// Of all that was found of each of `rows` channels what costs least, the first of equals.
pub(super) fn cheapest(rows: usize, found: impl IntoIterator<Item = (usize, Found)>) -> Vec<Option<Found>> {
    let mut best: Vec<Option<Found>> = vec![None; rows];
    for (row, f) in found {
        if best[row].as_ref().is_none_or(|b| f.cost < b.cost) {
            best[row] = Some(f);
        }
    }
    best
}

/// What all channels of a group share.
pub(super) struct Solver {
    k: usize,
    /// Position -> weight.
    order: Vec<usize>,
    /// The upper factor u of the inverse cost matrix in that order, h^-1 = u^T u.
    u: Vec<f32>,
}

impl Solver {
    /// `None` where `h` is not positive definite.
    pub(super) fn new(h: &[f64], k: usize) -> Option<Self> {
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| h[b * k + b].total_cmp(&h[a * k + a]).then(a.cmp(&b)));
        let u = linalg::inverse_factor(h, &order)?.into_iter().map(|v| v as f32).collect();
        Some(Self { k, order, u })
    }

    /// The best of all jobs of each of `rows` channels. `w` are the channels' weights, `runs` multipliers of the scale for each weight.
    pub(super) fn best(&self, w: &[f64], runs: Option<&[f64]>, range: Narrow, jobs: &[Job]) -> Vec<Option<Found>> {
        let found: Vec<Vec<(usize, Found)>> = jobs.par_chunks(LANES).map(|jobs| self.lanes(w, runs, range, jobs)).collect();
        cheapest(w.len() / self.k, found.into_iter().flatten())
    }

    fn lanes(&self, w: &[f64], runs: Option<&[f64]>, range: Narrow, jobs: &[Job]) -> Vec<(usize, Found)> {
        let k = self.k;
        let job = |l: usize| &jobs[l.min(jobs.len() - 1)];
        let at = |l: usize, i: usize| job(l).row * k + self.order[i];
        let mut rest: Vec<[f32; LANES]> = (0..k).map(|i| std::array::from_fn(|l| w[at(l, i)] as f32)).collect();
        let scale: [f32; LANES] = std::array::from_fn(|l| job(l).scale as f32);
        let (lo, hi) = (range.lo as f32, range.hi as f32);
        let mut codes = vec![[0f32; LANES]; k];
        let mut cost = [0f64; LANES];
        for j in 0..k {
            let u = &self.u[j * k..(j + 1) * k];
            let step = match runs {
                Some(runs) => std::array::from_fn(|l| scale[l] * runs[at(l, j)] as f32),
                None => scale,
            };
            let mut error = [0f32; LANES];
            for l in 0..LANES {
                let c = (rest[j][l] / step[l]).max(lo).min(hi);
                codes[j][l] = c + WHOLE - WHOLE;
                error[l] = (rest[j][l] - codes[j][l] * step[l]) / u[j];
                cost[l] += f64::from(error[l] * error[l]);
            }
            for (rest, u) in rest[j + 1..].iter_mut().zip(&u[j + 1..]) {
                for l in 0..LANES {
                    rest[l] -= error[l] * u;
                }
            }
        }
        let mut found: Vec<(usize, Found)> = Vec::new();
        for (l, job) in jobs.iter().enumerate() {
            if !cost[l].is_finite() {
                continue;
            }
            let f = || {
                let mut own = vec![0.0; k];
                codes.iter().zip(&self.order).for_each(|(c, &i)| own[i] = c[l].into());
                Found { cost: cost[l], scale: job.scale, codes: own }
            };
            match found.last_mut().filter(|f| f.0 == job.row) {
                Some(best) if cost[l] < best.1.cost => best.1 = f(),
                Some(_) => {}
                None => found.push((job.row, f())),
            }
        }
        found
    }
}
