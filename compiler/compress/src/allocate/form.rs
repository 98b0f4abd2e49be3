//! How the weights of a layer can be kept: codes of a width, as kernels read them, or entropy-coded under one step.

use mcompc_ir::Codes;

/// How the weights of a layer are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Form {
    /// Width of a weight's code.
    pub bits: u8,
    /// Where they are entropy-coded, the step of all channels: s = sqrt(tau N / k) loses least for the bits that codes take, with N weights in a layer, k
    /// the error of the outputs for the square of its step, and one tau for all layers (the allocation of rate by slopes: Shoham, Gersho, "Efficient
    /// Bit Allocation for an Arbitrary Set of Quantizers", 1988); the choice among a ladder of steps comes near to it.
    pub step: Option<f64>,
}

impl Form {
    /// Codes of a width, as kernels read them.
    pub fn stored(bits: u8) -> Self {
        Self { bits, step: None }
    }
    /// Entropy-coded.
    pub fn coded(step: f64) -> Self {
        Self { bits: Codes::I8.bits, step: Some(step) }
    }
}

/// Steps of the ladder: each is smaller than the one before by half a bit.
const STEPS: usize = 11;
/// The coarsest, as a share of the weights' root mean square: about one bit a weight.
const COARSEST: f64 = 2.0;

/// Entropy-coded forms of a layer of such weights, coarse ones first. None is finer than the step under which the largest weight is the largest code.
pub(super) fn coded(w: &[f32]) -> Vec<Form> {
    let square: f64 = w.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    let top = COARSEST * (square / w.len().max(1) as f64).sqrt();
    let least = f64::from(w.iter().fold(0f32, |a, v| a.max(v.abs()))) / f64::from(Codes::I8.max());
    let steps = (0..STEPS).map(|i| top * libm::exp2(-0.5 * i as f64));
    steps.filter(|&s| s >= least.max(f64::from(f32::MIN_POSITIVE))).map(Form::coded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_falls_and_fits_codes() {
        let w: Vec<f32> = (0..400).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect();
        let steps: Vec<f64> = coded(&w).iter().filter_map(|f| f.step).collect();
        assert!(steps.len() == STEPS && steps.windows(2).all(|s| s[0] > s[1]));
        assert!(coded(&[0.0; 8]).is_empty());
        // One large weight leaves the coarse steps.
        let mut far = w;
        far[7] = 20.0;
        let few = coded(&far);
        assert!(!few.is_empty() && few.len() < STEPS && few.iter().all(|f| f.step >= Some(20.0 / 127.0)));
    }
}
