//! What a command line gives, each value read and checked by itself. How values go together is `options`' to say.

use mcompc_bundle::Bundle;
use mcompc_compress::RangeMethod;
use mcompc_data::InputSpec;
use mcompc_driver::{Ask, MaxLoss, Weights};
use mcompc_target::{Backend, Target};
use std::path::PathBuf;

/// The values of all rows of a command; what is not given, or not the command's, is empty.
#[derive(Default)]
pub(crate) struct Given {
    /// The command in one line, with files by their names, without what changes nothing of the library.
    pub line: String,
    pub model: PathBuf,
    /// The second of two outputs.
    pub other: PathBuf,
    pub target: Option<Target>,
    /// Bits of the weights, from the level.
    pub bits: Option<u8>,
    /// Whether the level is a mixture.
    pub mixed: bool,
    /// What a choice of bits keeps to.
    pub budget: Option<Ask>,
    /// Whether all choices are wanted.
    pub pareto: bool,
    /// Bits of the activations, from the level.
    pub acts: Option<u8>,
    /// Bits of values by name.
    pub act_bits: Vec<(String, u8)>,
    pub calib: Option<PathBuf>,
    pub inputs: Vec<InputSpec>,
    pub dims: Vec<(String, usize)>,
    /// Tensors at which the model is cut: where it begins, and where it ends.
    pub from: Vec<String>,
    pub to: Vec<String>,
    /// Names of an input and an output of every state.
    pub states: Vec<(String, String)>,
    pub sequence: Option<usize>,
    pub name: Option<String>,
    pub group: Option<usize>,
    pub int4_all: bool,
    /// Bits of layers by their name.
    pub layer_bits: Vec<(String, u8)>,
    pub range: Option<RangeMethod>,
    pub scheme: Option<PathBuf>,
    pub scheme_out: Option<PathBuf>,
    pub backend: Option<Backend>,
    pub weights_section: Option<String>,
    /// How weights are stored, and the most time of decoding, as a share.
    pub stored: Option<(Weights, Option<f64>)>,
    /// Bits a coded weight.
    pub rate: Option<f64>,
    pub slices: bool,
    pub layer_dump: bool,
    /// Names of forms that there are.
    pub forms: Vec<&'static str>,
    /// A form for phones or desktops.
    pub bundle: Option<&'static Bundle>,
    pub json: bool,
    pub timings: bool,
    pub out: PathBuf,
    pub force: bool,
    pub max_loss: Option<MaxLoss>,
    pub data: Option<PathBuf>,
    pub limit: Option<usize>,
    pub by_the_book: bool,
    pub per_layer: bool,
    /// The float model, the graph of integers.
    pub reference: bool,
    pub integers: bool,
    pub codes: bool,
    pub plugin: Option<PathBuf>,
    pub code: String,
    /// Names of a stage and of a document that there are.
    pub stage: &'static str,
    pub document: &'static str,
    /// Name of a shell that there is.
    pub shell: &'static str,
}
