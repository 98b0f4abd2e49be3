//! Weights of fewer than eight bits by round-to-nearest: per output channel the scale of least squared error, with runs of weights the
//! best small multiplier of each.

use super::task::{Rounded, Settle, Task};
use mcompc_ir::Codes;

/// Of least squared error; 0 for a channel of zeros.
pub(super) fn scales(t: &Task<'_>) -> Vec<f64> {
    let n = Narrow::new(t.codes);
    t.w.chunks_exact(t.k).map(|row| n.scale(row)).collect()
}

/// Rounds.
pub(super) fn round(t: &Task<'_>, settle: Settle<'_>) -> Rounded {
    let (n, scales) = (Narrow::new(t.codes), settle(scales(t)));
    let codes = t.w.iter().enumerate().map(|(i, &v)| n.code(v.into(), scales[i / t.k])).collect();
    Rounded { codes, scales, multipliers: None }
}

/// Scales tried of a run, as shares of the one that just reaches the largest weight.
const SHARES: std::ops::RangeInclusive<u32> = 24..=64;
/// What [`SHARES`] are shares of.
const WHOLE: f64 = 64.0;
/// Largest magnitude of multiplier times code: i8, and its negation too.
const MOST: i32 = Codes::I8.max();

/// Rounding to codes of a width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow {
    pub lo: f64,
    pub hi: f64,
}

impl Narrow {
    /// These codes.
    pub(super) fn new(codes: Codes) -> Self {
        let (lo, hi) = codes.range();
        // Of eight bits the smallest stays unused, so that negation and pairwise products keep their width.
        Self { lo: lo.max(-MOST).into(), hi: hi.into() }
    }
    /// The whole number nearest to `code` that is a code.
    pub(super) fn whole(self, code: f64) -> f64 {
        code.round().clamp(self.lo, self.hi)
    }
    /// Largest multiplier of a run.
    pub(super) fn most(self) -> u8 {
        (MOST / -self.lo as i32) as u8
    }
    /// The nearest code.
    pub(super) fn code(self, w: f64, scale: f64) -> i16 {
        if scale == 0.0 { 0 } else { (w / scale).round().clamp(self.lo, self.hi) as i16 }
    }
    fn error(self, run: &[f32], scale: f64) -> f64 {
        let e = |&v: &f32| f64::from(v) - f64::from(self.code(v.into(), scale)) * scale;
        run.iter().map(e).map(|e| e * e).sum()
    }

    /// Scale of least squared error of a run of weights; 0 where all are (nearly) zero.
    pub(super) fn scale(self, run: &[f32]) -> f64 {
        // The smallest scale at which nothing is clipped.
        let widest = run.iter().map(|&v| f64::from(v)).fold(0f64, |s, v| s.max(v / if v < 0.0 { self.lo } else { self.hi }));
        if widest < f64::from(f32::MIN_POSITIVE) {
            return 0.0;
        }
        let (mut best, mut least) = (widest, self.error(run, widest));
        let mut try_scale = |s: f64| {
            let e = self.error(run, s);
            if e < least {
                (best, least) = (s, e);
            }
        };
        SHARES.for_each(|share| try_scale(widest * f64::from(share) / WHOLE));
        // The codes found fix the scale of least error for them, and that scale may move some codes.
        for _ in 0..3 {
            let (mut wc, mut cc) = (0.0, 0.0);
            for &v in run {
                let c = f64::from(self.code(v.into(), best));
                wc += f64::from(v) * c;
                cc += c * c;
            }
            let s = wc / cc;
            let e = self.error(run, s);
            if !s.is_normal() || s < 0.0 || e >= least {
                break;
            }
            (best, least) = (s, e);
        }
        best
    }

    /// Multiplier of a run under the channel's scale.
    fn multiplier(self, run: &[f32], wanted: f64, scale: f64) -> (u8, f64) {
        // A channel of zeros has no scale yet.
        if scale <= 0.0 {
            return (1, 0.0);
        }
        let most = f64::from(self.most());
        let at = (wanted / scale).clamp(1.0, most);
        let near = [at.floor(), at.ceil()].map(|r| (r as u8, self.error(run, r * scale)));
        if near[1].1 < near[0].1 { near[1] } else { near[0] }
    }

    /// Scale of a channel whose runs of `len` weights have multipliers.
    pub(super) fn scale_of_runs(self, row: &[f32], len: usize) -> f64 {
        let wanted: Vec<f64> = row.chunks(len).map(|run| self.scale(run)).collect();
        let top = wanted.iter().copied().fold(0.0, f64::max);
        let total = |s: f64| row.chunks(len).zip(&wanted).map(|(run, &w)| self.multiplier(run, w, s).1).sum::<f64>();
        let most = self.most();
        let tried = (most / 2 + 1..=most).map(|r| top / f64::from(r)).map(|s| (s, total(s)));
        tried.reduce(|a, b| if b.1 <= a.1 { b } else { a }).map_or(0.0, |best| best.0)
    }

    /// Multipliers of a channel's runs under its scale.
    pub(super) fn multipliers(self, row: &[f32], len: usize, scale: f64) -> Vec<u8> {
        row.chunks(len).map(|run| self.multiplier(run, self.scale(run), scale).0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize, seed: u64) -> Vec<f32> {
        let mut x = seed;
        let mut next = || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (x >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        // Sums of uniform numbers have tails, as weights do.
        (0..n).map(|_| next() + next() + next()).collect()
    }

    #[test]
    fn no_scale_is_better() {
        for (bits, seed) in [(2, 1), (3, 2), (4, 3), (4, 4)] {
            let (c, w) = (Narrow::new(Codes::signed(bits)), row(200, seed));
            let e = c.error(&w, c.scale(&w));
            let top = w.iter().fold(0f32, |a, v| a.max(v.abs()));
            for i in 1..2000 {
                let s = f64::from(top) * f64::from(i) / 1000.0;
                assert!(e <= c.error(&w, s) * 1.02, "{bits} bits: {e} against {} at {s}", c.error(&w, s));
            }
        }
    }

    #[test]
    fn runs_of_different_size_gain_by_their_multipliers() {
        let c = Narrow::new(Codes::signed(4));
        let mut w = row(128, 5);
        w[32..64].iter_mut().for_each(|v| *v *= 0.2);
        w[96..].fill(0.0);
        let s = c.scale_of_runs(&w, 32);
        let r = c.multipliers(&w, 32, s);
        assert!(r.len() == 4 && r.iter().all(|&r| (1..=15).contains(&r)) && r[1] < r[0] / 3, "{r:?}");
        let with: f64 = w.chunks(32).zip(&r).map(|(run, &r)| c.error(run, s * f64::from(r))).sum();
        assert!(with < 0.8 * c.error(&w, c.scale(&w)), "{with}");
    }

    #[test]
    fn zeros_and_exact_codes() {
        let c = Narrow::new(Codes::signed(4));
        assert_eq!((c.scale(&[0.0; 5]), c.scale_of_runs(&[0.0; 5], 2)), (0.0, 0.0));
        let w: Vec<f32> = (-8..8).map(|v| v as f32 * 0.25).collect();
        assert_eq!(c.scale(&w), 0.25);
        assert_eq!(c.error(&w, 0.25), 0.0);
    }
}
