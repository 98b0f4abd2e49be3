//! From statistics to the range of reals that 256 codes shall cover.

use crate::ValueStats;
use mcompc_ir::{Codes, Quant};

/// How a range is taken from statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeMethod {
    /// Everything seen.
    MinMax,
    /// Everything but this share of the elements at either end, for instance 0.9999.
    Percentile(f64),
    /// The range of least squared error among those that keep at least [`MIN_KEPT`] of either extreme.
    Mse,
}

impl RangeMethod {
    /// Its name in flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            RangeMethod::MinMax => "minmax",
            RangeMethod::Percentile(_) => "percentile",
            RangeMethod::Mse => "mse",
        }
    }
}

/// Unbounded, the search clips rare but decisive activations; with this bound it is at least as good as the extremes on every model of
/// the accuracy tests.
pub const MIN_KEPT: f64 = 0.7;
/// What codes of sixteen bits hold beyond what was seen: a bit of resolution that nobody misses, against saturation on other data.
const HEADROOM: f64 = 2.0;
/// Bits that a value of 32 has at least.
const LEAST_WIDE: u8 = 17;
/// Points at which a bin's error is sampled, so that bins wider than a step are judged rightly.
const POINTS: u32 = 8;

/// A range that contains zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub lo: f64,
    pub hi: f64,
}

impl Range {
    pub(crate) fn new(lo: f64, hi: f64) -> Self {
        Self { lo: lo.min(0.0), hi: hi.max(0.0) }
    }
    pub(crate) fn union(self, o: Range) -> Self {
        Self { lo: self.lo.min(o.lo), hi: self.hi.max(o.hi) }
    }
    /// Restricted to a clamp.
    pub(crate) fn within(self, lo: f64, hi: f64) -> Self {
        Self::new(self.lo.max(lo), self.hi.min(hi))
    }
    /// Nothing but 0, or so little that f32 holds no multiples of it.
    pub(crate) fn is_empty(self) -> bool {
        self.width() < f64::from(f32::MIN_POSITIVE)
    }
    pub(crate) fn width(self) -> f64 {
        self.hi - self.lo
    }
    /// Both ends by a factor.
    pub(crate) fn times(self, by: f64) -> Self {
        Self { lo: self.lo * by, hi: self.hi * by }
    }
    /// The step of these codes for this range, which is not empty.
    pub(crate) fn step(self, codes: Codes) -> f64 {
        self.quant(codes, 0.0).step()
    }
    /// Codes for this range; zero is one. Of more than eight bits it is code 0, and the range is taken [`HEADROOM`] times. Values of 32 bits have as
    /// many as that takes in steps of at least `least`.
    pub(crate) fn quant(self, codes: Codes, least: f64) -> Quant {
        if codes.bits <= Codes::I8.bits {
            return Quant::covering(codes, self.lo, self.hi);
        }
        let reach = HEADROOM * self.hi.max(-self.lo);
        if codes != Codes::WIDE {
            return Quant::symmetric(codes, reach);
        }
        let step = least.max(reach / f64::from(codes.max()));
        let bits = (LEAST_WIDE..codes.bits).find(|&b| f64::from(Codes::signed(b).max()) * step >= reach).unwrap_or(codes.bits);
        Quant::new(Codes::signed(bits), step, 0)
    }
}

/// The range of a value by a method; it contains zero and may be empty (a value that is always zero).
pub(crate) fn range(s: &ValueStats, method: RangeMethod) -> Range {
    if s.count == 0 {
        return Range::new(0.0, 0.0);
    }
    let all = Range::new(s.min.into(), s.max.into());
    match method {
        RangeMethod::MinMax => all,
        RangeMethod::Percentile(p) => percentile(s, all, p),
        RangeMethod::Mse => mse(s, all),
    }
}

fn percentile(s: &ValueStats, all: Range, p: f64) -> Range {
    let out = ((1.0 - p) * s.count as f64) as u64;
    let bins: Vec<(f64, u64)> = s.hist.filled().collect();
    let lo = after(bins.iter(), out).unwrap_or(0.0);
    let hi = after(bins.iter().rev(), out).map_or(0.0, |e| e + s.hist.width());
    Range::new(lo.max(all.lo), hi.min(all.hi))
}

/// Lower edge of the first bin beyond `out` elements.
fn after<'a>(bins: impl Iterator<Item = &'a (f64, u64)>, out: u64) -> Option<f64> {
    let mut seen = 0;
    bins.into_iter().find_map(|(edge, n)| {
        seen += n;
        (seen > out).then_some(*edge)
    })
}

fn mse(s: &ValueStats, all: Range) -> Range {
    if all.is_empty() {
        return all;
    }
    let points = points(s);
    let steps = 30;
    let kept = |i: i32| MIN_KEPT + (1.0 - MIN_KEPT) * f64::from(i) / f64::from(steps);
    let (mut best, mut least) = (all, f64::INFINITY);
    for i in (0..=steps).rev() {
        let r = Range { lo: all.lo * kept(i), hi: all.hi * kept(i) };
        let e = error(&points, &r.quant(Codes::I8, 0.0));
        if e < least {
            (best, least) = (r, e);
        }
    }
    best
}

/// Every bin's centre points, each with the bin's count.
fn points(s: &ValueStats) -> Vec<(f64, f64)> {
    let step = s.hist.width() / f64::from(POINTS);
    let bin = |(edge, n): (f64, u64)| (0..POINTS).map(move |i| (edge + (f64::from(i) + 0.5) * step, n as f64));
    s.hist.filled().flat_map(bin).collect()
}

/// Mean squared error of quantizing what was seen, and its variance; zeros are exact.
pub(crate) fn noise(s: &ValueStats, q: &Quant) -> (f64, f64) {
    let n = s.count.max(1) as f64;
    let points = points(s);
    let (sum, squares) = points.iter().fold((0.0, 0.0), |(a, b), &(x, w)| (a + x * w, b + x * x * w));
    // Points are several to a bin, each with the weight of all.
    let per = f64::from(POINTS);
    let (mean, square) = (sum / per / n, squares / per / n);
    (error(&points, q) / per / n, (square - mean * mean).max(0.0))
}

/// Sum of squared errors of quantizing the points.
fn error(points: &[(f64, f64)], q: &Quant) -> f64 {
    let (inv, zp, scale) = (1.0 / q.step(), f64::from(q.zero_point()), q.step());
    let (lo, hi) = (f64::from(q.codes.min()), f64::from(q.codes.max()));
    let one = |&(x, n): &(f64, f64)| {
        let code = (x * inv + zp).round().clamp(lo, hi);
        let e = (code - zp) * scale - x;
        e * e * n
    };
    points.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(data: &[f32]) -> ValueStats {
        let mut s = ValueStats::new(1);
        s.add(data);
        s
    }

    #[test]
    fn zero_is_always_a_code() {
        let q = range(&stats(&[3.0, 5.0]), RangeMethod::MinMax).quant(Codes::I8, 0.0);
        assert_eq!((q.zero_point(), q.step()), (-128, 5.0 / 255.0));
        let q = range(&stats(&[-3.0, -5.0]), RangeMethod::MinMax).quant(Codes::I8, 0.0);
        assert_eq!((q.zero_point(), q.step()), (127, 5.0 / 255.0));
    }

    #[test]
    fn an_outlier_is_clipped_no_further_than_allowed() {
        let mut data: Vec<f32> = (0..1_000_000).map(|i| (i % 1000) as f32 / 1000.0).collect();
        data.push(8.0);
        let s = stats(&data);
        assert_eq!(range(&s, RangeMethod::MinMax).hi, 8.0);
        assert!((range(&s, RangeMethod::Percentile(0.9999)).hi - 1.0).abs() < 0.01);
        assert!((range(&s, RangeMethod::Mse).hi - 8.0 * MIN_KEPT).abs() < 1e-9);
    }

    #[test]
    fn uniform_data_keep_their_extremes() {
        let data: Vec<f32> = (0..10_000).map(|i| (i as f32 - 5000.0) / 5000.0).collect();
        let r = range(&stats(&data), RangeMethod::Mse);
        assert!(r.lo < -0.98 && r.hi > 0.98, "{r:?}");
    }
}
