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
    /// The command line that makes the same library, with files by their names; for the report.
    pub command: Option<String>,
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
    /// Which part of the model is meant.
    pub cut: mcompc_onnx::Cut,
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
    /// What else would be decided from `range` and `weights`.
    pub scheme: Option<Scheme>,
    /// How bits are chosen layer by layer; without it they are those of `weights`.
    pub ask: Option<Ask>,
}

/// What a choice of how the weights of each layer are kept must keep to; what is not given is free. Within all that the loss is least; where nothing but the loss is
/// given, or nothing at all, the flash is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// Bits that a weight may take in flash, on average over all.
    pub weight_bits: Option<f64>,
    /// Bytes of code and constants.
    pub flash: Option<Amount>,
    /// Bytes of the constants that layers with weights read: weights, biases, multipliers.
    pub weights: Option<Amount>,
    /// Bytes of arena, stack, inputs and outputs.
    pub ram: Option<Amount>,
    /// What an inference may cost, in the unit of the target's cost table.
    pub time: Option<Amount>,
    /// Loss in the unit of `--max-loss`.
    pub loss: Option<f64>,
    /// Whether all choices of which none is better in everything are wanted for the report.
    pub front: bool,
}

/// How much of something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// So much.
    Of(f64),
    /// So many percent of what weights of eight bits take.
    Percent(f64),
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Of(n) => write!(f, "{n}"),
            Self::Percent(p) => write!(f, "{p}%"),
        }
    }
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let amounts = [("flash", self.flash), ("weights", self.weights), ("ram", self.ram), ("time", self.time)];
        let mut said: Vec<String> = amounts.into_iter().filter_map(|(name, a)| Some(format!("{name}={}", a?))).collect();
        said.extend(self.loss.map(|l| format!("loss={l}")));
        said.extend(self.weight_bits.map(|b| format!("{b} bits a weight")));
        f.write_str(&said.join(","))
    }
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
        match &self.ask {
            Some(ask) if ask.weight_bits != Some(4.0) => "mixed".into(),
            _ => format!("int{}", if self.acts.bits > 8 { self.acts.bits } else { self.weights.bits }),
        }
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
