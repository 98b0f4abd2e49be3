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
    /// The finest scale that each channel may take.
    pub floor: &'a [f64],
    /// The scale of a channel of zeros where there is no other channel.
    pub typical: f64,
    /// Mean of the operand per input channel over the calibration data, in its units, where it is known.
    pub means: Option<&'a [f64]>,
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
    /// One line for the documentation.
    pub doc: &'static str,
    /// Whether it makes codes of this width, with groups or without.
    pub fits: fn(bits: u8, group: bool) -> bool,
    /// Rounds.
    pub run: fn(&Task<'_>) -> Rounded,
}

/// Every method. Where none is named the first that fits is taken.
pub static METHODS: &[Method] = &[
    Method {
        name: "nearest",
        doc: "to nearest, under the largest weight of a channel or the grid on which the weights lie already",
        fits: |bits, group| bits == Codes::I8.bits && !group,
        run: nearest::run,
    },
    Method {
        name: "search",
        doc: "to nearest, under the scale of least squared error of each channel",
        fits: |bits, group| (2..Codes::I8.bits).contains(&bits) && !group,
        run: search::run,
    },
    Method {
        name: "group",
        doc: "as search, with the best small multiplier for every run of weights",
        fits: |bits, group| (2..Codes::I8.bits).contains(&bits) && group,
        run: group::run,
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

/// The scales that a method found (0 for a channel of zeros), made positive and as coarse as the task asks. A channel of zeros takes one like the
/// others', so that its bias has as many bits; one whose steps are far finer than the other channels' takes a coarser one.
fn settled(mut scales: Vec<f64>, t: &Task<'_>) -> Vec<f64> {
    let mut seen: Vec<f64> = scales.iter().copied().filter(|&s| s > 0.0).collect();
    seen.sort_unstable_by(f64::total_cmp);
    let typical = seen.get(seen.len() / 2).copied().unwrap_or(t.typical);
    for (s, floor) in scales.iter_mut().zip(t.floor) {
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
