//! How the values of a tensor are spread, and what its codes reach.

use serde::Serialize;

/// Counts of values seen in calibration.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Smallest value seen.
    pub lo: f64,
    /// Largest value seen.
    pub hi: f64,
    /// Values in bins of one width from `lo` to `hi`.
    pub counts: Vec<u64>,
    /// The reals that the smallest and the largest code stand for.
    pub codes: (f64, f64),
}

impl Spread {
    /// Bins of one width from `lo` to `hi` of values that come as (value, how many).
    pub fn new((lo, hi): (f64, f64), values: impl Iterator<Item = (f64, u64)>) -> Self {
        const BINS: usize = 32;
        let mut counts = vec![0; BINS];
        let width = (hi - lo) / BINS as f64;
        for (v, n) in values {
            let at = if width > 0.0 { ((v - lo) / width).clamp(0.0, BINS as f64 - 1.0) as usize } else { 0 };
            counts[at] += n;
        }
        Self { lo, hi, counts, codes: (lo, hi) }
    }
}

/// A small histogram; the number of values by its logarithm. Behind it the range of the codes; bins beyond it stand out.
pub(crate) fn spark(p: &Spread) -> String {
    use std::fmt::Write;
    let (lo, hi) = (p.lo.min(p.codes.0), p.hi.max(p.codes.1));
    let wide = if hi > lo { hi - lo } else { 1.0 };
    let x = |v: f64| 120.0 * (v - lo) / wide;
    let log = |n: u64| libm::log1p(n as f64);
    let top = p.counts.iter().copied().map(log).fold(0.0, f64::max).max(1e-9);
    let step = (p.hi - p.lo) / p.counts.len().max(1) as f64;
    let mut s = format!(
        "<svg class=\"spark\" viewBox=\"0 0 120 24\" preserveAspectRatio=\"none\" role=\"img\"><title>{} to {}; codes reach {} to {}</title>\
         <rect class=\"codes\" x=\"{:.1}\" y=\"0\" width=\"{:.1}\" height=\"24\"/>",
        crate::text::real(p.lo),
        crate::text::real(p.hi),
        crate::text::real(p.codes.0),
        crate::text::real(p.codes.1),
        x(p.codes.0),
        (x(p.codes.1) - x(p.codes.0)).max(0.5)
    );
    for (i, &n) in p.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        let (from, to) = (p.lo + step * i as f64, p.lo + step * (i + 1) as f64);
        let over = from >= p.codes.1 || to <= p.codes.0;
        let high = 23.0 * log(n) / top;
        let class = if over && step > 0.0 { "over" } else { "bar" };
        let _ = write!(
            s,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.2}\" height=\"{high:.1}\"/>",
            x(from),
            24.0 - high,
            (x(to) - x(from)).max(0.8)
        );
    }
    s.push_str("</svg>");
    s
}
