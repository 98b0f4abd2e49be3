//! What a method is given, and what it gives.

use crate::observe::Observed;
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
    /// The step of all channels, where a method takes it as given.
    pub step: Option<f64>,
    /// What the layer reads and should give, in the same units.
    pub(crate) seen: Option<&'a Observed>,
}

/// What a method gives: a weight is scale of its channel * multiplier of its run * code.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounded {
    /// `[channels][k]`.
    pub codes: Vec<i16>,
    /// Scale per output channel, positive.
    pub scales: Vec<f64>,
    /// Multipliers per channel and run, `[channels][ceil(k / group)]`, where there are groups.
    pub multipliers: Option<Vec<i8>>,
}

/// The scales that a method wants (0 for a channel of zeros), made positive and coarse enough for the layer's sums.
pub type Settle<'a> = &'a dyn Fn(Vec<f64>) -> Vec<f64>;

impl Rounded {
    /// Codes times multipliers.
    pub fn products(&self, k: usize, group: Option<usize>) -> Vec<i16> {
        match (&self.multipliers, group) {
            (Some(r), Some(len)) => {
                let per = k.div_ceil(len);
                self.codes.iter().enumerate().map(|(i, &c)| c * i16::from(r[i / k * per + i % k / len])).collect()
            }
            _ => self.codes.clone(),
        }
    }
}
