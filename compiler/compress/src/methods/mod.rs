//! Ways to round the weights of a layer; one file a method, one row of [`METHODS`].

mod group;
mod nearest;
mod search;

use mcompc_ir::Codes;

/// What a method rounds: the weights of one layer in units of its operand.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Weights `[channels][k]`, finite.
    pub w: &'a [f32],
    /// Weights of an output channel.
    pub k: usize,
    /// Width of a code.
    pub codes: Codes,
    /// Weights of a channel in a row that share a multiplier.
    pub group: Option<usize>,
}

/// What a method gives: a weight is scale of its channel * multiplier of its run * code.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounded {
    /// `[channels][k]`.
    pub codes: Vec<i8>,
    /// Scale per output channel, positive.
    pub scales: Vec<f64>,
    /// Multipliers per channel and run, `[channels][ceil(k / group)]`, where there are groups.
    pub multipliers: Option<Vec<i8>>,
}

/// A method.
pub struct Method {
    /// Name in schemes and reports.
    pub name: &'static str,
    /// Whether it makes codes of this width, with groups or without.
    pub fits: fn(bits: u8, group: bool) -> bool,
    /// The scale that it wants for each output channel; 0 for a channel of zeros.
    pub scales: fn(&Task<'_>) -> Vec<f64>,
    /// Rounds under these scales, which are positive and may be coarser.
    pub round: fn(&Task<'_>, Vec<f64>) -> Rounded,
}

/// Every method. Where none is named the first that fits is taken.
pub static METHODS: &[Method] = &[
    Method {
        // To nearest, under the largest weight of a channel or the grid on which the weights lie already.
        name: "nearest",
        fits: |bits, group| bits == Codes::I8.bits && !group,
        scales: nearest::scales,
        round: nearest::round,
    },
    Method {
        // To nearest, under the scale of least squared error of each channel.
        name: "search",
        fits: |bits, group| (2..Codes::I8.bits).contains(&bits) && !group,
        scales: search::scales,
        round: search::round,
    },
    Method {
        // As search, with the best small multiplier for every run of weights.
        name: "group",
        fits: |bits, group| (2..Codes::I8.bits).contains(&bits) && group,
        scales: group::scales,
        round: group::round,
    },
];

/// The method of this name.
pub(crate) fn named(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|m| m.name == name)
}

/// The first method that makes such codes.
pub(crate) fn fitting(bits: u8, group: bool) -> Option<&'static Method> {
    METHODS.iter().find(|m| (m.fits)(bits, group))
}

/// Channels of one layer share a shift: a factor that is smaller than the largest by more than this many bits would have few bits left.
const SPREAD: i32 = 24;

/// The scales that a method found (0 for a channel of zeros), made positive and no finer than `floor`. A channel of zeros takes one like the
/// others', so that its bias has as many bits, `typical` where there is no other; one whose steps are far finer than the other channels' takes
/// a coarser one.
pub(crate) fn settled(mut scales: Vec<f64>, floor: &[f64], typical: f64) -> Vec<f64> {
    let mut seen: Vec<f64> = scales.iter().copied().filter(|&s| s > 0.0).collect();
    seen.sort_unstable_by(f64::total_cmp);
    let typical = seen.get(seen.len() / 2).copied().unwrap_or(typical);
    for (s, floor) in scales.iter_mut().zip(floor) {
        if *s == 0.0 {
            *s = typical;
        }
        *s = s.max(*floor);
    }
    let top = scales.iter().copied().fold(0.0, f64::max);
    scales.iter_mut().for_each(|s| *s = s.max(libm::ldexp(top, -SPREAD)));
    scales
}

impl Rounded {
    /// Codes times multipliers.
    pub fn products(&self, k: usize, group: Option<usize>) -> Vec<i8> {
        match (&self.multipliers, group) {
            (Some(r), Some(len)) => {
                let per = k.div_ceil(len);
                self.codes.iter().enumerate().map(|(i, &c)| c * r[i / k * per + i % k / len]).collect()
            }
            _ => self.codes.clone(),
        }
    }
}
