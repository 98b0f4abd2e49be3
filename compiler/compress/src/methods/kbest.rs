//! The integer least squares problem of one channel by a search that keeps the best few of all beginnings (the K-best sphere decoder: Guo,
//! Nilsson, "Algorithm and Implementation of the K-Best Sphere Decoding for MIMO Detection", 2006): near the optimum where a channel has few
//! weights.

use super::gptq::{Found, Job, cheapest};
use super::search::Narrow;
use crate::linalg;
use rayon::prelude::*;

/// Beginnings that are kept.
const KEPT: usize = 16;
/// The most weights of a channel.
pub(super) const MOST: usize = 64;

#[derive(Clone)]
struct Beginning {
    cost: f64,
    codes: Vec<f64>,
    /// What the weights to come should be.
    rest: Vec<f64>,
}

/// The best of all jobs of each channel; see `Solver::best` of gptq.
pub(super) fn best(h: &[f64], k: usize, w: &[f64], runs: Option<&[f64]>, range: Narrow, jobs: &[Job]) -> Option<Vec<Option<Found>>> {
    let u = linalg::inverse_factor(h, &(0..k).collect::<Vec<_>>())?;
    let one = |job: &Job| (job.row, search(&u, k, &w[job.row * k..][..k], runs.map(|r| &r[job.row * k..][..k]), range, job.scale));
    let found: Vec<(usize, Found)> = jobs.par_iter().map(one).collect();
    Some(cheapest(w.len() / k, found))
}

fn search(u: &[f64], k: usize, w: &[f64], runs: Option<&[f64]>, range: Narrow, scale: f64) -> Found {
    let mut kept = vec![Beginning { cost: 0.0, codes: Vec::with_capacity(k), rest: w.to_vec() }];
    for j in 0..k {
        let step = scale * runs.map_or(1.0, |r| r[j]);
        // (cost, beginning, code, error).
        let mut next: Vec<(f64, usize, f64, f64)> = Vec::with_capacity(3 * kept.len());
        for (b, from) in kept.iter().enumerate() {
            let t = from.rest[j] / step;
            let near = t.round().clamp(range.lo, range.hi);
            let other = if t >= near { near + 1.0 } else { near - 1.0 };
            for c in [near, other, 2.0 * near - other] {
                if (range.lo..=range.hi).contains(&c) {
                    let e = (from.rest[j] - c * step) / u[j * k + j];
                    next.push((from.cost + e * e, b, c, e));
                }
            }
        }
        next.sort_by(|a, b| a.0.total_cmp(&b.0));
        next.truncate(KEPT);
        let grow = |&(cost, b, code, e): &(f64, usize, f64, f64)| {
            let mut new = kept[b].clone();
            new.cost = cost;
            new.codes.push(code);
            new.rest[j + 1..].iter_mut().zip(&u[j * k + j + 1..(j + 1) * k]).for_each(|(r, u)| *r -= e * u);
            new
        };
        kept = next.iter().map(grow).collect();
    }
    let best = kept.into_iter().next();
    best.map_or(Found { cost: f64::INFINITY, scale, codes: vec![0.0; k] }, |b| Found { cost: b.cost, scale, codes: b.codes })
}
