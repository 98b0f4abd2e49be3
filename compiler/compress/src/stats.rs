//! Streaming statistics of one value: extremes, a histogram of constant size, sums of channels, and of slices along every axis of an input.

use mcompc_ir::ValueId;
use std::collections::BTreeMap;

/// Disjoint sets of samples that layers are observed on.
pub(crate) const FOLDS: usize = 4;
/// Fewest samples that tell anything of others.
pub(crate) const FEWEST: usize = 2 * FOLDS;
/// Bins of a histogram.
pub const BINS: usize = 2048;
const HALF: i32 = BINS as i32 / 2;
/// Width exponent of an empty histogram; the smallest that any value can ask for.
const FINEST: i32 = -140;

/// Counts over [-2^exp, 2^exp) in [`BINS`] equal bins; zero is a bin's lower edge. It widens by powers of two, so that what it holds
/// depends on the values alone and not on their order: the bin of x at a wider exponent is its old bin halved, rounded down.
#[derive(Clone, Debug, PartialEq)]
pub struct Hist {
    exp: i32,
    bins: Vec<u64>,
}

impl Default for Hist {
    fn default() -> Self {
        Self { exp: FINEST, bins: vec![0; BINS] }
    }
}

/// Smallest e with |x| < 2^e, not below [`FINEST`].
fn exponent(x: f32) -> i32 {
    let bits = x.to_bits() >> 23 & 0xff;
    (bits as i32 - 126).max(FINEST)
}

impl Hist {
    /// Width of a bin.
    pub fn width(&self) -> f64 {
        libm::ldexp(1.0, self.exp - 10)
    }
    /// (lower edge, count) of every bin that holds something, ascending.
    pub fn filled(&self) -> impl Iterator<Item = (f64, u64)> {
        let w = self.width();
        self.bins.iter().enumerate().filter(|(_, n)| **n > 0).map(move |(i, &n)| (f64::from(i as i32 - HALF) * w, n))
    }
    /// Number of values held.
    pub fn count(&self) -> u64 {
        self.bins.iter().sum()
    }
    fn widen(&mut self, exp: i32) {
        while self.exp < exp {
            let mut wide = vec![0; BINS];
            for (i, n) in self.bins.iter().enumerate() {
                wide[((i as i32 - HALF).div_euclid(2) + HALF) as usize] += n;
            }
            // An empty histogram has no bins to fold: it takes the exponent at once.
            self.exp = if self.bins.iter().all(|&n| n == 0) { exp } else { self.exp + 1 };
            self.bins = wide;
        }
    }
    /// Adds finite values other than zero.
    fn add(&mut self, data: &[f32]) {
        let top = data.iter().fold(0f32, |a, v| a.max(v.abs()));
        self.widen(exponent(top));
        let inv = libm::ldexp(1.0, 10 - self.exp);
        for &v in data.iter().filter(|&&v| v != 0.0) {
            // |v| < 2^exp, so the index is in -1024..=1023; scaling by a power of two is exact.
            let i = (f64::from(v) * inv).floor() as i64 + i64::from(HALF);
            self.bins[i.clamp(0, BINS as i64 - 1) as usize] += 1;
        }
    }
    fn merge(&mut self, other: &Hist) {
        let mut other = other.clone();
        self.widen(other.exp);
        other.widen(self.exp);
        for (a, b) in self.bins.iter_mut().zip(&other.bins) {
            *a += b;
        }
    }
}

/// What calibration knows of one value.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueStats {
    /// Elements seen.
    pub count: u64,
    /// Those that were exactly zero (they are quantized without error and are not in the histogram).
    pub zeros: u64,
    /// Smallest element; infinite before the first.
    pub min: f32,
    /// Largest element.
    pub max: f32,
    /// All other elements.
    pub hist: Hist,
    /// Tensors, of more than one element, whose elements were all equal.
    pub flat: u64,
    /// Of what a softmax reads: the least of the largest elements of rows, but for rows that are masked as a whole.
    pub row_top: Option<f32>,
    sums: Vec<f64>,
    slices: Vec<Slices>,
}

/// Sums over the slices of a tensor along one axis.
#[derive(Clone, Debug, PartialEq)]
struct Slices {
    /// Elements between neighbours along the axis.
    inner: usize,
    /// (elements, sum, sum of squares) of each.
    sums: Vec<(f64, f64, f64)>,
}

/// Axes longer than this are not looked at slice by slice.
const MAX_SLICES: usize = 4096;
/// A row whose largest element is no more than this is masked as a whole.
const MASKED: f32 = -1000.0;

impl ValueStats {
    /// Nothing seen yet; `channels` is the length of the last axis (1 for a scalar).
    pub fn new(channels: usize) -> Self {
        Self {
            count: 0,
            zeros: 0,
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            hist: Hist::default(),
            flat: 0,
            row_top: None,
            sums: vec![0.0; channels.max(1)],
            slices: vec![],
        }
    }
    /// The same of a value whose rows, along the last axis, a softmax reads.
    pub fn of_rows(self) -> Self {
        Self { row_top: Some(f32::INFINITY), ..self }
    }
    /// Nothing seen yet of an input of this shape, whose slices along every axis are told apart.
    pub fn of_input(shape: &[usize]) -> Self {
        let axis = |a: usize| Slices { inner: shape[a + 1..].iter().product(), sums: vec![(0.0, 0.0, 0.0); shape[a]] };
        let slices = (0..shape.len()).filter(|&a| (2..=MAX_SLICES).contains(&shape[a])).map(axis).collect();
        Self { slices, ..Self::new(shape.last().copied().unwrap_or(1)) }
    }
    /// Adds a tensor, its channels last. Elements must be finite.
    pub fn add(&mut self, data: &[f32]) {
        self.count += data.len() as u64;
        for row in data.chunks_exact(self.sums.len()) {
            for (s, &v) in self.sums.iter_mut().zip(row) {
                *s += f64::from(v);
            }
        }
        if let Some(least) = &mut self.row_top {
            let tops = data.chunks_exact(self.sums.len()).map(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            *least = tops.filter(|&top| top > MASKED).fold(*least, f32::min);
        }
        for &v in data {
            self.min = self.min.min(v);
            self.max = self.max.max(v);
            self.zeros += u64::from(v == 0.0);
        }
        self.flat += u64::from(data.len() > 1 && data.iter().all(|&v| v == data[0]));
        for slices in &mut self.slices {
            let n = slices.sums.len();
            for (i, run) in data.chunks_exact(slices.inner.max(1)).enumerate() {
                let (count, sum, squares) = &mut slices.sums[i % n];
                *count += run.len() as f64;
                for &v in run {
                    *sum += f64::from(v);
                    *squares += f64::from(v) * f64::from(v);
                }
            }
        }
        self.hist.add(data);
    }
    /// Adds what another has seen. Everything but the channel sums is independent of the order; those are added in the caller's.
    pub fn merge(&mut self, other: &ValueStats) {
        self.count += other.count;
        self.zeros += other.zeros;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.hist.merge(&other.hist);
        self.flat += other.flat;
        self.row_top = self.row_top.zip(other.row_top).map(|(a, b)| a.min(b));
        for (a, b) in self.sums.iter_mut().zip(&other.sums) {
            *a += b;
        }
        let slices = self.slices.iter_mut().flat_map(|s| &mut s.sums).zip(other.slices.iter().flat_map(|s| &s.sums));
        for (a, b) in slices {
            *a = (a.0 + b.0, a.1 + b.1, a.2 + b.2);
        }
    }
    /// Variances of an input's slices, for every axis that has several.
    pub fn slice_variances(&self) -> Vec<Vec<f64>> {
        let variance = |&(n, sum, squares): &(f64, f64, f64)| {
            let mean = sum / n.max(1.0);
            (squares / n.max(1.0) - mean * mean).max(0.0)
        };
        self.slices.iter().map(|s| s.sums.iter().map(variance).collect()).collect()
    }
    /// Mean of every channel of the last axis.
    pub fn channel_means(&self) -> Vec<f64> {
        let rows = (self.count / self.sums.len() as u64).max(1) as f64;
        self.sums.iter().map(|s| s / rows).collect()
    }
}

/// Statistics of a graph's float values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// By value of the graph that was run.
    pub values: BTreeMap<ValueId, ValueStats>,
    /// Samples seen.
    pub samples: usize,
    /// Whether the samples were made up because the user gave none.
    pub synthetic: bool,
    /// The first samples, reals of every input, for a second look at what layers read.
    pub kept: Vec<Vec<Vec<f32>>>,
}

/// The most samples that are kept, and elements of all of them.
const KEPT: usize = 512;
const KEPT_ELEMENTS: usize = 1 << 25;

impl Stats {
    /// Keeps a sample if there is room.
    pub(crate) fn keep(&mut self, sample: &[Vec<f32>]) {
        let elements: usize = sample.iter().map(Vec::len).sum();
        if self.kept.len() == self.samples && self.kept.len() < KEPT && (self.kept.len() + 1) * elements <= KEPT_ELEMENTS {
            self.kept.push(sample.to_vec());
        }
    }
    /// Whether there are enough samples to look at what layers read.
    pub(crate) fn can_observe(&self) -> bool {
        self.kept.len() >= FEWEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_split_do_not_matter() {
        let data: Vec<f32> =
            (0..4000).map(|i| ((i * 7919 % 4001) as f32 - 1000.0) * 1.7e-3 * if i % 97 == 0 { 40.0 } else { 1.0 }).collect();
        let mut whole = ValueStats::new(1);
        whole.add(&data);
        let mut back = ValueStats::new(1);
        for part in data.rchunks(13) {
            let mut s = ValueStats::new(1);
            s.add(part);
            back.merge(&s);
        }
        assert_eq!(whole.hist, back.hist);
        assert_eq!((whole.min, whole.max, whole.zeros, whole.count), (back.min, back.max, back.zeros, back.count));
        assert_eq!(whole.hist.count() + whole.zeros, 4000);
    }

    #[test]
    fn every_value_lies_in_its_bin() {
        for v in [1.0f32, -1.0, 0.999_999_94, -0.25, 3.0e-39, -3.4e38, 3.4e38] {
            let mut s = ValueStats::new(1);
            s.add(&[v]);
            let (edge, n) = s.hist.filled().next().unwrap();
            assert_eq!(n, 1);
            assert!(edge <= f64::from(v) && f64::from(v) < edge + s.hist.width(), "{v} {edge}");
        }
    }

    #[test]
    fn slices_of_an_input() {
        let mut s = ValueStats::of_input(&[1, 2, 3]);
        s.add(&[1.0, 2.0, 3.0, 10.0, 20.0, 60.0]);
        let mut t = ValueStats::of_input(&[1, 2, 3]);
        t.add(&[1.0, 2.0, 3.0, 10.0, 20.0, 60.0]);
        s.merge(&t);
        let v = s.slice_variances();
        assert_eq!(v[1], [20.25, 81.0, 812.25]);
        assert!((v[0][0] - 2.0 / 3.0).abs() < 1e-12 && v.len() == 2);
        assert_eq!(s.flat, 0);
        s.add(&[4.0; 6]);
        assert_eq!(s.flat, 1);
    }

    #[test]
    fn means_are_per_channel() {
        let mut s = ValueStats::new(2);
        s.add(&[1.0, 10.0, 3.0, 20.0]);
        assert_eq!(s.channel_means(), [2.0, 15.0]);
    }
}
