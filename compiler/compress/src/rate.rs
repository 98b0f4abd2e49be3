//! One step a layer for weights that are entropy-coded. With steps s, what the outputs lose is about the sum of k s^2, k a layer's *sensitivity*, and the
//! weights take the sum of N log2(1/s) bits but for a constant, N a layer's weights; the least loss at so many bits has s^2 = tau N / k with
//! one tau for all layers (the classical allocation of rate by slopes: Shoham, Gersho, "Efficient Bit Allocation for an Arbitrary Set of
//! Quantizers", 1988).

use crate::allocate::survey_of;
use crate::scheme::{LayerScheme, Scheme, layer_names};
use crate::{Stats, methods};
use mcompc_ir::{Code, Codes, Error, Graph, Result};
use rayon::prelude::*;

/// The step under which a layer is measured, as a share of its weights' root mean square: about three bits.
const SHARE: f64 = 0.5;
/// The coarsest step, in the least: the largest weight is 1.
const COARSEST: f64 = Codes::I8.max() as f64;
/// Halvings of the interval of tau.
const HALVINGS: usize = 40;

struct Layer {
    name: String,
    w: Vec<f32>,
    k: usize,
    /// Error of the outputs over their variance, for the square of the step.
    sensitivity: f64,
    /// The step under which the largest weight is the largest code.
    least: f64,
}

/// What is needed to choose steps.
pub struct Rates {
    layers: Vec<Layer>,
    seen: bool,
}

impl Rates {
    /// Measures the sensitivity of every layer, on samples that `stats` keeps and the codes have not seen.
    ///
    /// # Errors
    /// E401 without samples, or too few; those of the executor.
    pub fn new(g: &Graph, stats: &Stats) -> Result<Self> {
        let few = || {
            let what = "steps of coded weights follow from what rounding costs on calibration samples, and there are too few";
            Error::new(Code::BadCalib, what).hint("give --calib, with 8 samples or more")
        };
        if stats.synthetic {
            return Err(few());
        }
        let survey = survey_of(g, stats, &|w| vec![(Codes::I8.bits, Some(measured(w)))], None)?.ok_or_else(few)?;
        let mut layers = Vec::new();
        for ((id, name), (_, _, tried)) in layer_names(g)?.into_iter().zip(survey.layers()) {
            let w = mcompc_ops::reals(g, g.inputs_of(id)[1])?;
            let k = w.len() / g.value(g.inputs_of(id)[1]).shape[0].max(1);
            let lost = tried.first().map_or(0.0, |t| t.1);
            let sensitivity = lost / (measured(&w) * measured(&w));
            layers.push(Layer { name, k, sensitivity: if sensitivity.is_finite() { sensitivity } else { 0.0 }, least: least(&w), w });
        }
        Ok(Self { layers, seen: stats.can_observe() })
    }

    /// Weights of all layers.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(|l| l.w.len()).sum()
    }

    fn step(&self, l: &Layer, tau: f64) -> f64 {
        // A layer that nothing was seen of is as sensitive as the least sensitive one.
        let known = self.layers.iter().map(|l| l.sensitivity).filter(|s| *s > 0.0);
        let k = if l.sensitivity > 0.0 { l.sensitivity } else { known.fold(f64::INFINITY, f64::min) };
        let step = if k.is_finite() { (tau * l.w.len() as f64 / k).sqrt() } else { l.least };
        step.clamp(l.least, COARSEST * l.least).max(f64::from(f32::MIN_POSITIVE))
    }

    /// Bytes that the weights of all layers take, coded, under steps of `tau`, when they are rounded to nearest.
    pub fn bytes(&self, tau: f64) -> usize {
        let one = |l: &Layer| {
            let step = self.step(l, tau);
            let most = f64::from(Codes::I8.max());
            mcompc_coding::bytes(&l.w.iter().map(|&w| (f64::from(w) / step).round().clamp(-most, most) as i8).collect::<Vec<_>>())
        };
        self.layers.par_iter().map(one).sum()
    }

    /// The tau of finest steps at which [`Self::bytes`] is at most `most`; the coarsest where there is none.
    pub fn tau(&self, most: usize) -> f64 {
        let of = |l: &Layer, step: f64| step * step * l.sensitivity / l.w.len() as f64;
        let all = || self.layers.iter().filter(|l| l.sensitivity > 0.0 && l.least > 0.0);
        let mut lo = all().map(|l| of(l, l.least)).fold(f64::INFINITY, f64::min);
        let mut hi = all().map(|l| of(l, COARSEST * l.least)).fold(0.0, f64::max);
        if !(lo.is_finite() && hi > 0.0) || self.bytes(lo) <= most {
            return lo.min(hi);
        }
        for _ in 0..HALVINGS {
            let middle = (lo * hi).sqrt();
            if self.bytes(middle) <= most {
                hi = middle;
            } else {
                lo = middle;
            }
        }
        hi
    }

    /// The scheme with steps of `tau` for all layers.
    pub fn scheme(&self, scheme: &Scheme, tau: f64) -> Scheme {
        let mut new = scheme.clone();
        for l in &self.layers {
            for old in new.layers.iter_mut().filter(|s| s.layer == l.name) {
                *old = LayerScheme {
                    layer: l.name.clone(),
                    method: methods::stepped(l.k, self.seen).into(),
                    bits: Codes::I8.bits,
                    group: None,
                    step: Some(self.step(l, tau)),
                    why: Some("coded, one step".into()),
                };
            }
        }
        new
    }
}

/// The step under which the largest weight is the largest code.
fn least(w: &[f32]) -> f64 {
    f64::from(w.iter().fold(0f32, |a, v| a.max(v.abs()))) / f64::from(Codes::I8.max())
}

/// The step under which a layer is measured.
fn measured(w: &[f32]) -> f64 {
    let square: f64 = w.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    (SHARE * (square / w.len().max(1) as f64).sqrt()).max(least(w)).max(f64::from(f32::MIN_POSITIVE))
}
