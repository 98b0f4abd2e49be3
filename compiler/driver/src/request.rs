//! What a compilation is asked for.

use crate::firmware::Firmware;
use mcompc_compress::{ActBits, RangeMethod, Scheme, WeightBits};
use mcompc_data::InputSpec;
use mcompc_target::{Backend, Target};
use std::path::PathBuf;

/// What a compilation needs to know.
#[derive(Clone, Debug)]
pub struct Request {
    /// ONNX file.
    pub model: PathBuf,
    /// CPU.
    pub target: Target,
    /// Code generator.
    pub backend: Backend,
    /// Symbol prefix, an identifier.
    pub name: String,
    /// Calibration data.
    pub calib: Option<PathBuf>,
    /// Raw input forms.
    pub inputs: Vec<InputSpec>,
    /// Sizes of symbolic dimensions.
    pub dims: Vec<(String, usize)>,
    /// Range estimation.
    pub range: RangeMethod,
    /// What is carried from one inference to the next.
    pub states: States,
    /// What firmware asks of the object.
    pub firmware: Firmware,
    /// Bits of the weights.
    pub weights: WeightBits,
    /// Bits of the activations.
    pub acts: ActBits,
    /// Bits a weight that coded weights may take: steps of layers follow from it.
    pub rate: Option<f64>,
    /// What else would be decided from `range` and `weights`.
    pub scheme: Option<Scheme>,
}

/// Inputs that are given what an output was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// Names of an input and an output.
    pub ties: Vec<(String, String)>,
    /// Samples of a sequence, at whose end states start anew; without it a data file is one sequence.
    pub sequence: Option<usize>,
}

impl Request {
    /// Name of the optimisation level, as after `-O`.
    pub fn level_name(&self) -> String {
        format!("int{}", if self.acts.bits > 8 { self.acts.bits } else { self.weights.bits })
    }
}

/// The back end of a target when none is asked for: MLIR where this build has it; without it the small one on microcontrollers and
/// Cranelift elsewhere, or for targets that only MLIR reaches the error that says so.
pub fn default_backend(target: &Target) -> Backend {
    match target {
        _ if mcompc_backend::built_in(Backend::Mlir) => Backend::Mlir,
        t if t.machine_small.is_some() => Backend::Small,
        t if t.machine_cranelift.is_some() => Backend::Cranelift,
        _ => Backend::Mlir,
    }
}
