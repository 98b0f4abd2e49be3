//! Zhang, Zhang, Liu, Wang, Yin, "COMQ: A Backpropagation-Free Algorithm for Post-Training Quantization" (2024): one code after the other, and
//! the channel's scale, is set to its best value while all others stay.

use super::goal::Goal;
use super::search::Narrow;
use crate::linalg;
use rayon::prelude::*;

/// Rounds of scale and codes, and sweeps over the codes in each.
const ROUNDS: usize = 3;
const SWEEPS: usize = 3;

/// Improves codes (`[channels][k]`) and scales; `runs` are multipliers of the scale for each weight, `settle` makes scales coarse enough.
pub(super) fn improve(
    goal: &Goal,
    runs: Option<&[f64]>,
    range: Narrow,
    codes: &mut [f64],
    mut scales: Vec<f64>,
    settle: &dyn Fn(Vec<f64>) -> Vec<f64>,
) -> Vec<f64> {
    let (k, per) = (goal.k, goal.per());
    let by = |at: usize| runs.map_or(1.0, |r| r[at]);
    let reach: Vec<f64> = codes.iter().enumerate().map(|(i, c)| c * by(i)).collect();
    let (want, mut have) = (through(goal, &goal.w), through(goal, &reach));
    drop(reach);
    for _ in 0..ROUNDS {
        let reach: Vec<f64> = codes.iter().enumerate().map(|(i, c)| c * by(i)).collect();
        scales = settle(fitted(&reach, (&want, &have), &scales));
        let rows = codes.par_chunks_mut(k).zip(have.par_chunks_mut(k)).enumerate();
        rows.for_each(|(o, (codes, have))| {
            let (h, want) = (goal.cost(o / per), &want[o * k..][..k]);
            for _ in 0..SWEEPS {
                let mut moved = false;
                for j in 0..k {
                    let step = scales[o] * by(o * k + j);
                    let better = codes[j] + (want[j] - scales[o] * have[j]) / (step * h[j * k + j]);
                    let better = range.whole(better);
                    let d = (better - codes[j]) * by(o * k + j);
                    if d != 0.0 {
                        codes[j] = better;
                        have.iter_mut().zip(&h[j * k..][..k]).for_each(|(x, h)| *x += d * h);
                        moved = true;
                    }
                }
                if !moved {
                    break;
                }
            }
        });
    }
    scales
}

/// The scales of least cost for codes that stay, one for each of as many channels as there are `scales`.
pub(super) fn refit(goal: &Goal, codes: &[f64], scales: &[f64]) -> Vec<f64> {
    fitted(codes, (&through(goal, &goal.w), &through(goal, codes)), scales)
}

/// Rows of all channels times the cost matrices of their groups.
fn through(goal: &Goal, rows: &[f64]) -> Vec<f64> {
    let (k, per) = (goal.k, goal.per());
    rows.par_chunks(per * k).enumerate().flat_map_iter(|(g, rows)| linalg::product(rows, k, goal.cost(g), k)).collect()
}

/// s = c H w / c H c of every channel, c its codes times the multipliers of their runs; `want` is H w and `have` H c. Where that is no scale, what it was.
fn fitted(reach: &[f64], (want, have): (&[f64], &[f64]), scales: &[f64]) -> Vec<f64> {
    let k = reach.len() / scales.len().max(1);
    let one = |(o, &s): (usize, &f64)| {
        let of = |to: &[f64]| linalg::dot(&reach[o * k..][..k], &to[o * k..][..k]);
        let (up, down) = (of(want), of(have));
        let new = up / down;
        if down > 0.0 && new.is_normal() && new > 0.0 { new } else { s }
    };
    scales.iter().enumerate().map(one).collect()
}
