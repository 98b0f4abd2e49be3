//! What a comparison with the float model, and with labels, found.

use serde::Serialize;

/// Top-1 of both sides on labelled samples, in 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Top1 {
    /// Labelled samples.
    pub samples: usize,
    /// The float model's.
    pub float: f64,
    /// The integer library's.
    pub int: f64,
    /// `int - float`.
    pub difference: f64,
    /// 95 % interval of the difference: normal approximation over the paired differences of the samples.
    pub interval: (f64, f64),
}

/// A prediction whose largest element is elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Number of the sample, from 0.
    pub sample: usize,
    /// Prediction within the sample, from 0.
    pub position: usize,
    /// Place of the float model's largest element.
    pub float: usize,
    /// Place of the library's.
    pub int: usize,
}

/// Labelled samples of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Class {
    /// Its number.
    pub class: usize,
    /// Samples with this label.
    pub samples: usize,
    /// Those that the float model gets right.
    pub float: usize,
    /// Those that the library gets right.
    pub int: usize,
    /// What the library takes them for: (class, samples), by class; where any.
    pub taken_for: Vec<(usize, usize)>,
}
