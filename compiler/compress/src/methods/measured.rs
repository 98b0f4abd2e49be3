//! Methods that know what a layer reads: how they are put together of a goal, a search and an improvement.

use super::goal::Goal;
use super::gptq::{Found, Job};
use super::search::Narrow;
use super::task::{Rounded, Settle, Task};
use super::{descent, kbest, nearest};
use crate::observe::Observed;
use mcompc_ir::Codes;
use rayon::prelude::*;

/// How codes are first found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// To nearest, under the scale of least weight error.
    Nearest,
    /// GPTQ.
    Gptq,
    /// K-best.
    KBest,
    /// K-best where a channel has few weights, else GPTQ.
    Either,
}

/// What makes a method.
#[derive(Clone, Copy)]
pub(super) struct Recipe {
    /// Whether weights are first corrected for the operand's errors.
    pub ridge: bool,
    pub first: First,
    /// Whether scales and codes are improved one by one.
    pub improve: bool,
    /// Scales that are tried of a channel, as shares of that of the largest weight.
    pub shares: usize,
}

/// Weights of a channel up to which K-best is preferred.
const FEW: usize = 32;
/// Scales that a method tries of a channel, as shares of that of the largest weight.
pub(super) const SHARES: usize = 15;

/// Rounds. Without observations to nearest.
pub(super) fn round(t: &Task<'_>, settle: Settle<'_>, r: Recipe) -> Rounded {
    let plain = || match (t.codes == Codes::I8, t.group) {
        _ if t.step.is_some() => super::step::round(t, settle),
        (true, _) => nearest::round(t, settle),
        (_, None) => super::search::round(t, settle),
        (_, Some(_)) => super::group::round(t, settle),
    };
    t.seen.and_then(|seen| rounded(t, seen, settle, r)).unwrap_or_else(plain)
}

fn rounded(t: &Task<'_>, seen: &Observed, settle: Settle<'_>, r: Recipe) -> Option<Rounded> {
    if !fits(t, seen) {
        return None;
    }
    let goal = if r.ridge { Goal::ridge(t, seen) } else { Goal::plain(t, seen) };
    towards(t, &goal, settle, r)
}

/// Whether what was seen is of these weights.
pub(super) fn fits(t: &Task<'_>, seen: &Observed) -> bool {
    seen.all.k == t.k && seen.all.y.len() * t.k == t.w.len()
}

/// Rounds towards a goal.
pub(super) fn towards(t: &Task<'_>, goal: &Goal, settle: Settle<'_>, r: Recipe) -> Option<Rounded> {
    let (k, n) = (t.k, Narrow::new(t.codes));
    // Codes are found under a step that is given, but for sums that need a coarser one.
    let free = settle;
    let given = |scales: Vec<f64>| settle(t.step.map_or(scales.clone(), |s| vec![s; scales.len()]));
    let settle: Settle<'_> = &given;
    let towards: Vec<f32> = goal.w.iter().map(|&w| w as f32).collect();
    // The scale of least weight error, and with it the multipliers of runs.
    let plain = Task { w: &towards, ..*t };
    let base = match (t.codes == Codes::I8, t.group) {
        (true, _) => nearest::scales(&plain),
        (_, None) => super::search::scales(&plain),
        (_, Some(_)) => super::group::scales(&plain),
    };
    let multipliers: Option<Vec<i8>> = t.group.map(|len| {
        let of = |(row, &s): (&[f32], &f64)| n.multipliers(row, len, s);
        towards.chunks_exact(k).zip(&base).flat_map(of).map(|m| m as i8).collect()
    });
    let runs: Option<Vec<f64>> = multipliers.as_ref().zip(t.group).map(|(m, len)| {
        let per = k.div_ceil(len);
        (0..t.w.len()).map(|i| f64::from(m[i / k * per + i % k / len].max(1))).collect()
    });
    let tried: Vec<Vec<f64>> = towards.chunks_exact(k).zip(&base).map(|(row, &s)| tried(t, row, s, r.shares)).collect();
    let found = first(goal, r.first, runs.as_deref(), n, &tried)?;
    let wanted = found.iter().map(|f| f.as_ref().map_or(0.0, |f| f.scale)).collect();
    let mut scales = settle(wanted);
    // Those that had to be coarser are found anew.
    let other = |(f, &s): (&Option<Found>, &f64)| if f.as_ref().is_some_and(|f| f.scale == s) { vec![] } else { vec![s] };
    let again: Vec<Vec<f64>> = found.iter().zip(&scales).map(other).collect();
    let coarser =
        if again.iter().any(|s| !s.is_empty()) { first(goal, r.first, runs.as_deref(), n, &again)? } else { vec![None; found.len()] };
    let mut codes: Vec<f64> = Vec::with_capacity(t.w.len());
    for (f, c) in found.into_iter().zip(coarser) {
        codes.extend(c.or(f).map_or_else(|| vec![0.0; k], |f| f.codes));
    }
    if r.improve {
        scales = descent::improve(goal, runs.as_deref(), n, &mut codes, scales, settle);
    }
    // What codes cost does not depend on scales, so each channel then takes the one that suits its codes best.
    if t.step.is_some() {
        scales = free(descent::refit(goal, &codes, &scales));
    }
    Some(Rounded { codes: codes.iter().map(|&c| c as i16).collect(), scales, multipliers })
}

/// Scales to try for a channel; none for one of zeros.
fn tried(t: &Task<'_>, row: &[f32], base: f64, shares: usize) -> Vec<f64> {
    if let Some(step) = t.step {
        return vec![step];
    }
    if base == 0.0 {
        return vec![];
    }
    if t.group.is_some() {
        return vec![base];
    }
    let top = f64::from(row.iter().fold(0f32, |a, v| a.max(v.abs())));
    let (least, whole) = match t.codes.bits {
        2 => (0.25, 1.5),
        3..=4 => (0.35, f64::from(t.codes.max())),
        5..=7 => (0.6, f64::from(t.codes.max())),
        _ => return vec![base * 0.9, base * 0.97, base],
    };
    let share = |i: usize| least + (1.0 - least) * i as f64 / (shares - 1).max(1) as f64;
    (0..shares).map(|i| top / whole * share(i)).chain([base]).collect()
}

/// The best codes of every channel under one of the scales tried for it.
fn first(goal: &Goal, how: First, runs: Option<&[f64]>, range: Narrow, tried: &[Vec<f64>]) -> Option<Vec<Option<Found>>> {
    let (k, per) = (goal.k, goal.per());
    let group = |g: usize| -> Option<Vec<Option<Found>>> {
        let (w, runs, h) = (&goal.w[g * per * k..][..per * k], runs.map(|r| &r[g * per * k..][..per * k]), goal.cost(g));
        let scales = (0..per).flat_map(|row| tried[g * per + row].iter().map(move |&scale| Job { row, scale }));
        let jobs: Vec<Job> = scales.collect();
        match how {
            First::Nearest => {
                let one = |row: usize| {
                    let &scale = tried[g * per + row].last()?;
                    let code = |i: usize| range.whole(w[i] / (scale * runs.map_or(1.0, |r| r[i])));
                    Some(Found { cost: 0.0, scale, codes: (row * k..(row + 1) * k).map(code).collect() })
                };
                Some((0..per).map(one).collect())
            }
            First::KBest => kbest::best(h, k, w, runs, range, &jobs),
            First::Either if k <= FEW => kbest::best(h, k, w, runs, range, &jobs),
            _ => Some(goal.solver(g)?.best(w, runs, range, &jobs)),
        }
    };
    let all: Vec<Option<Vec<Option<Found>>>> = (0..goal.groups).into_par_iter().map(group).collect();
    Some(all.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{dot, product};
    use crate::observe::Moments;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut x = seed;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 40) as f64 / (1u64 << 23) as f64 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    /// A layer of `outs` channels of `k` weights on correlated inputs, whose operand is slightly off.
    fn layer(k: usize, outs: usize) -> (Vec<f32>, Observed) {
        let w: Vec<f32> = noise(outs * k, 5).iter().map(|&v| v as f32).collect();
        let mut folds = Vec::new();
        for f in 0..4 {
            let (n, mut m) =
                (4 * k, Moments { n: 4.0 * k as f64, groups: 1, k, x: vec![0.0; k], y: vec![0.0; outs], xx: vec![], xy: vec![] });
            let raw = noise(n * k, 17 + f);
            let rows: Vec<Vec<f64>> = raw.chunks(k).map(|r| (0..k).map(|i| r[i] + 0.8 * r[(i + 1) % k] + 0.3).collect()).collect();
            let off: Vec<f64> = noise(n * k, 91 + f).iter().map(|v| 0.1 * v).collect();
            let y: Vec<Vec<f64>> =
                rows.iter().map(|r| w.chunks(k).map(|w| (0..k).map(|i| f64::from(w[i]) * r[i]).sum()).collect()).collect();
            let x: Vec<Vec<f64>> = rows.iter().zip(off.chunks(k)).map(|(r, o)| r.iter().zip(o).map(|(a, b)| a + b).collect()).collect();
            m.x = (0..k).map(|i| x.iter().map(|r| r[i]).sum::<f64>() / n as f64).collect();
            m.y = (0..outs).map(|i| y.iter().map(|r| r[i]).sum::<f64>() / n as f64).collect();
            let cov = |a: &dyn Fn(usize) -> f64, b: &dyn Fn(usize) -> f64| (0..n).map(|r| a(r) * b(r)).sum::<f64>() / n as f64;
            m.xx = (0..k * k).map(|i| cov(&|r| x[r][i / k] - m.x[i / k], &|r| x[r][i % k] - m.x[i % k])).collect();
            m.xy = (0..outs * k).map(|i| cov(&|r| y[r][i / k] - m.y[i / k], &|r| x[r][i % k] - m.x[i % k])).collect();
            folds.push(m);
        }
        let all = Moments::pool(&folds.iter().collect::<Vec<_>>()).unwrap();
        (w, Observed { all, folds, prior: None })
    }

    /// What rounded weights cost, towards `goal`.
    fn cost(goal: &Goal, r: &Rounded, k: usize, group: Option<usize>) -> f64 {
        let products = r.products(k, group);
        let e: Vec<f64> = goal.w.iter().enumerate().map(|(i, w)| w - f64::from(products[i]) * r.scales[i / k]).collect();
        dot(&e, &product(&e, k, goal.cost(0), k))
    }

    const METHODS: [Recipe; 4] = [
        Recipe { ridge: false, first: First::Gptq, improve: false, shares: SHARES },
        Recipe { ridge: false, first: First::Nearest, improve: true, shares: SHARES },
        Recipe { ridge: false, first: First::KBest, improve: false, shares: SHARES },
        Recipe { ridge: false, first: First::Either, improve: true, shares: SHARES },
    ];

    #[test]
    fn nothing_costs_more_than_rounding_to_nearest() {
        for (k, outs, bits, group) in [(12, 5, 4, None), (40, 6, 3, None), (33, 3, 2, None), (24, 4, 4, Some(8)), (20, 3, 8, None)] {
            let (w, seen) = layer(k, outs);
            let codes = Codes::signed(bits);
            let task = Task { w: &w, k, codes, group, step: None, seen: Some(&seen) };
            let blind = Task { seen: None, ..task };
            let goal = Goal::plain(&task, &seen);
            let of = |t: &Task<'_>, r: Recipe| cost(&goal, &round(t, &|s| s, r), k, group);
            let nearest = of(&blind, METHODS[0]);
            let costs: Vec<f64> = METHODS.iter().map(|&r| of(&task, r)).collect();
            assert!(costs.iter().all(|&c| c <= nearest * 1.0001), "{bits} bits, {k}: {costs:?}, nearest {nearest}");
            // What is improved is no worse than what it began with.
            assert!(costs[3] <= costs[if k <= FEW { 2 } else { 0 }] * 1.0001, "{costs:?}");
            assert!(bits == 8 || costs[3] < 0.8 * nearest, "{costs:?}, nearest {nearest}");
        }
    }

    #[test]
    fn ridge_weights_come_nearer_to_what_is_wanted() {
        let (w, seen) = layer(16, 4);
        let task = Task { w: &w, k: 16, codes: Codes::signed(4), group: None, step: None, seen: Some(&seen) };
        let m = &seen.all;
        // Mean squared error of y - w x but for a constant.
        let error = |w: &[f64]| -> f64 {
            w.chunks(16).zip(m.xy.chunks(16)).map(|(w, c)| dot(w, &product(w, 16, m.gram(0), 16)) - 2.0 * dot(w, c)).sum()
        };
        let (plain, ridge) = (Goal::plain(&task, &seen), Goal::ridge(&task, &seen));
        assert!(error(&ridge.w) < error(&plain.w));
    }

    #[test]
    fn k_best_is_the_optimum_of_small_problems() {
        let (w, seen) = layer(4, 3);
        let task = Task { w: &w, k: 4, codes: Codes::signed(2), group: None, step: None, seen: Some(&seen) };
        let (goal, n) = (Goal::plain(&task, &seen), Narrow::new(task.codes));
        for row in 0..3 {
            let scale = 0.4;
            let found = kbest::best(goal.cost(0), 4, &goal.w, None, n, &[Job { row, scale }]).unwrap()[row].clone().unwrap();
            let least = (0..256).map(|i| {
                let e: Vec<f64> = (0..4).map(|j| goal.w[row * 4 + j] - scale * f64::from((i >> (2 * j) & 3) - 2)).collect();
                dot(&e, &product(&e, 4, goal.cost(0), 4))
            });
            let least = least.fold(f64::INFINITY, f64::min);
            assert!((found.cost - least).abs() < 1e-9 * least.max(1.0), "{} {least}", found.cost);
        }
    }

    #[test]
    fn scales_are_as_coarse_as_asked() {
        let (w, seen) = layer(12, 5);
        let task = Task { w: &w, k: 12, codes: Codes::signed(4), group: None, step: None, seen: Some(&seen) };
        let settle = |s: Vec<f64>| s.into_iter().map(|s| s.max(0.3)).collect();
        for r in METHODS {
            assert!(round(&task, &settle, r).scales.iter().all(|&s| s >= 0.3));
        }
    }
}
