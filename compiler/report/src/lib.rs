//! The report of one compilation: what the library costs, what it loses, and how it was made.
//!
//! [`Report`] is the only source: [`Report::json`] is its fields, [`Report::html`] a page made from the same fields. Both are pure
//! functions of it. Sizes are bytes, work is multiply-accumulates of one inference, steps are positions in the order of execution.
#![forbid(unsafe_code)]

mod allocation;
mod chart;
mod check;
mod html;
mod judged;
mod layers;
mod point;
mod spread;
mod style;
mod table;
mod text;
mod tiles;

pub use allocation::{Allocation, Offer, Place};
pub use check::Check;
pub use judged::{Changed, Class, Top1};
pub use point::Point;
pub use spread::Spread;
pub use text::{bytes, count};

use serde::Serialize;

/// Everything a report says.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always `mcompc`; by this an output folder is recognised.
    pub generator: &'static str,
    /// Compiler version.
    pub version: String,
    /// Symbol prefix of the library.
    pub name: String,
    /// SHA-256 of the ONNX file, hexadecimal.
    pub model_sha256: String,
    /// Target name.
    pub target: String,
    /// Back end.
    pub backend: String,
    /// Value of `-O`.
    pub level: String,
    /// The command line that makes the same library, with files by their names; absent where there was none.
    pub command: Option<String>,
    /// What a chip with this CPU has; absent where chips do not say.
    pub limits: Option<Limits>,
    /// Graph inputs in ONNX order.
    pub inputs: Vec<Tensor>,
    /// Graph outputs in ONNX order.
    pub outputs: Vec<Tensor>,
    /// Inputs that are given what an output was.
    pub states: Vec<State>,
    /// Sums.
    pub totals: Totals,
    /// In the order of execution.
    pub layers: Vec<Layer>,
    /// Where intermediate results live.
    pub memory: Memory,
    /// Where the ranges come from.
    pub calibration: Calibration,
    /// What was decided of the integers: the text that `--scheme` takes.
    pub scheme: String,
    /// How bits were chosen layer by layer; absent where they were given.
    pub allocation: Option<Allocation>,
    /// What the passes did, in order.
    pub passes: Vec<Pass>,
    /// What was compared before anything was written; absent where nothing is written.
    pub check: Option<Check>,
    /// Measured difference from the float model; absent without data to measure it on.
    pub loss: Option<Loss>,
    /// Things the user should know.
    pub warnings: Vec<String>,
}

/// Memory of a typical chip, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// For code and constants.
    pub flash: u64,
    /// For everything else.
    pub ram: u64,
}

/// A tensor at the interface.
#[derive(Clone, Debug, Serialize)]
pub struct Tensor {
    /// ONNX name.
    pub name: String,
    /// Identifier in the header.
    pub identifier: String,
    /// Element type.
    pub dtype: String,
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// real = scale * (q - zero_point); one number, or one per channel, or none.
    pub scale: Vec<f64>,
    /// As many as `scale`.
    pub zero_point: Vec<f64>,
}

/// What is carried from one inference to the next.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// ONNX name of the input.
    pub input: String,
    /// ONNX name of the output that the next inference is given for it.
    pub output: String,
    /// Size of one of the two.
    pub bytes: u64,
}

/// Sums over the whole library.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Packed weights, biases, multipliers and tables, counted for every layer that reads them.
    pub weight_bytes: u64,
    /// Machine code in the object.
    pub code_bytes: u64,
    /// Constant data in the object: packed weights and tables.
    pub data_bytes: u64,
    /// Of that, packed weights; the rest are biases, multipliers, look-up tables and padding.
    pub stored_weight_bytes: u64,
    /// Code and constant data.
    pub flash_bytes: u64,
    /// Stack that a call of the entry function takes below the caller's stack pointer, at most.
    pub stack_bytes: u64,
    /// What an inference costs by the target's cost table; absent where it has none.
    pub forecast: Option<Forecast>,
    /// Working memory the caller provides.
    pub arena_bytes: u64,
    /// Inputs and outputs, which the caller holds beside the arena.
    pub io_bytes: u64,
}

impl Totals {
    /// Constants other than weights: biases, multipliers, look-up tables.
    pub fn table_bytes(&self) -> u64 {
        self.data_bytes.saturating_sub(self.stored_weight_bytes)
    }
}

/// A cost that was not measured but computed from a fitted table.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// Cost of an inference.
    pub cost: f64,
    /// `instructions` or `nanoseconds`.
    pub unit: String,
    /// Mean relative error of the table over the layers it was fitted to.
    pub mean_error: f64,
}

/// One integer operator.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// ONNX node name.
    pub name: String,
    /// Integer operator.
    pub op: String,
    /// ONNX nodes merged into it.
    pub fused: Vec<String>,
    /// What the code generator made of it; empty where it needs no code.
    pub kernel: String,
    /// Dimensions of the result.
    pub shape: Vec<usize>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// What it costs by the target's cost table, in the unit of [`Totals::forecast`].
    pub forecast: Option<f64>,
    /// Constants it reads.
    pub weight_bytes: u64,
    /// Where its weights are entropy-coded: what its constants would take otherwise.
    pub uncoded_bytes: Option<u64>,
    /// Element type of the result.
    pub dtype: String,
    /// Step between two codes of the result.
    pub scale: Option<f64>,
    /// Code of real 0.
    pub zero_point: Option<i32>,
    /// The rescaling rule: left shift before the multiplication.
    pub pre: Option<i64>,
    /// The rescaling rule: right shift after the high half.
    pub shift: Option<i64>,
    /// Proven bound of every partial sum of the 32-bit accumulator.
    pub accumulator: Option<u64>,
    /// Smallest and largest multiplier.
    pub multiplier: Option<(i64, i64)>,
    /// Bits of a weight, where there are weights.
    pub bits: Option<u8>,
    /// Why it has so many, where that is not simply what was asked for.
    pub bits_why: Option<String>,
    /// Weights of a channel in a row that share a multiplier.
    pub group: Option<usize>,
    /// Squared difference of the result from the float model's over its variance, on calibration samples; absent where that was not measured.
    pub error: Option<f64>,
    /// Values of the result in calibration.
    pub spread: Option<Spread>,
}

/// The memory plan.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Memory {
    /// Size of the arena.
    pub arena_bytes: u64,
    /// Its alignment.
    pub arena_align: u64,
    /// Number of steps.
    pub steps: usize,
    /// Intermediate results and scratch.
    pub buffers: Vec<Buffer>,
    /// Bytes alive at each step.
    pub live: Vec<u64>,
}

/// A place in the arena for a span of steps.
#[derive(Clone, Debug, Serialize)]
pub struct Buffer {
    /// What lives there.
    pub name: String,
    /// First byte.
    pub offset: u64,
    /// Size.
    pub bytes: u64,
    /// First step at which it holds data.
    pub first: usize,
    /// Last step.
    pub last: usize,
}

/// Where the ranges come from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Calibration {
    /// Number of samples; 0 for data-free ranges.
    pub samples: usize,
    /// Value of `--range`, or `data-free`.
    pub range: String,
    /// SHA-256 of the data file, hexadecimal; absent without data.
    pub sha256: Option<String>,
}

/// One pass over the float graph.
#[derive(Clone, Debug, Serialize)]
pub struct Pass {
    /// Name as in the pipeline's list.
    pub name: String,
    /// Places changed.
    pub changes: usize,
}

/// Measured end to end, never the sum of parts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Loss {
    /// Which data: `calibration` or the file's role.
    pub data: String,
    /// Samples measured.
    pub samples: usize,
    /// Predictions whose largest element is at the same place as the float model's, in 0..=1; of the first output.
    pub top1_agreement: f64,
    /// Points of top-1 accuracy that are expected to be lost, as the float model sees it: the mean of p(its choice) - p(the library's choice)
    /// under its own probabilities, of the first output's predictions.
    pub expected_loss: f64,
    /// Half of the 95 % interval of `expected_loss`, by the normal approximation.
    pub expected_within: f64,
    /// Predictions compared: the first output's vectors along its last axis, one or more a sample.
    pub predictions: usize,
    /// Mean squared difference from the float model over the variance of its output; of the worst output.
    pub error_over_variance: f64,
    /// Per output, its own error over variance; of its worst part where it is a concatenation.
    pub per_output: Vec<(String, f64)>,
    /// By which figure the loss is judged.
    pub criterion: Criterion,
    /// The most that was allowed, in the unit of [`Loss::lost`]; absent where anything was.
    pub limit: Option<f64>,
    /// Predictions of the first output that changed, in order; no more than [`Loss::LISTED`].
    pub changed: Vec<Changed>,
    /// Of both sides, where samples have labels.
    pub top1: Option<Top1>,
}

/// What counts as loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Criterion {
    /// Expected points of top-1 accuracy: classifiers.
    #[default]
    Top1,
    /// Squared error in percent of the output's variance: everything else.
    Error,
}

impl Loss {
    /// Changed predictions that are listed.
    pub const LISTED: usize = 64;
    /// The loss by its criterion: expected points of top-1 accuracy, or percent of the output's variance.
    pub fn lost(&self) -> f64 {
        match self.criterion {
            Criterion::Top1 => self.expected_loss,
            Criterion::Error => 100.0 * self.error_over_variance,
        }
    }
    /// The loss with its unit and limit, for people.
    pub fn judged(&self) -> String {
        let unit = if self.criterion == Criterion::Top1 { "expected points of top-1" } else { "% of the output's variance" };
        let limit = self.limit.map_or_else(|| "no limit".into(), |l| format!("limit {l}"));
        format!("{:.2} {unit} ({limit})", self.lost())
    }
    /// What was measured and on how much, for people. Top-1 only where the loss is judged by it.
    pub fn measured(&self) -> String {
        let error = format!("squared error over variance {:.5}", self.error_over_variance);
        if self.criterion != Criterion::Top1 {
            return format!("{error} on {} {} samples", self.samples, self.data);
        }
        let output = self.per_output.first().map(|(n, _)| format!(" of `{n}`")).unwrap_or_default();
        let of = match self.predictions {
            n if n > self.samples => format!("{n} positions{output} in {} {} samples", self.samples, self.data),
            _ => format!("{} {} samples (largest element{output})", self.samples, self.data),
        };
        let expected = format!("expected loss {:.2} +- {:.2} points", self.expected_loss, self.expected_within);
        format!("same top-1 on {:.2} % of {of}, {expected}, {error}", 100.0 * self.top1_agreement)
    }
}

impl Report {
    /// The report for tools: pretty-printed JSON with a final newline. An error only if a number is not finite.
    pub fn json(&self) -> mcompc_ir::Result<String> {
        let mut s = serde_json::to_string_pretty(self)
            .map_err(|e| mcompc_ir::Error::new(mcompc_ir::Code::Internal, format!("the report does not serialise: {e}")))?;
        s.push('\n');
        Ok(s)
    }
    /// The report for people: one page without scripts, fonts or links to elsewhere.
    pub fn html(&self) -> String {
        html::page(self)
    }
}
