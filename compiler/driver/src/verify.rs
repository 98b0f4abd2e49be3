//! Native code against the integer reference, byte by byte, and against the float model, by its predictions and its outputs.

mod agreement;
pub(crate) mod emulate;
mod integers;
pub(crate) mod layout;
mod native;

pub use agreement::Agreement;
pub(crate) use integers::Integers;
pub use native::Native;

use crate::progress::Progress;
use crate::request::Request;
use crate::sequence::{Sequence, in_chunks};
use crate::stages::{Compiled, float_outputs};
use mcompc_data::{Dataset, Sample};
use mcompc_interp::{FastExec, FastInt};
use mcompc_ir::{Code, Error, Result, Tensor};
use mcompc_report::{Class, Top1};
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;

/// Executes the entry function.
pub trait Runner {
    /// How: `native`, or the emulator's name.
    fn name(&self) -> String;
    /// Outputs for each sample, in order.
    ///
    /// # Errors
    /// E601 where the code fails or writes where it must not.
    fn run_all(&self, inputs: &[Vec<Tensor>]) -> Result<Vec<Vec<Tensor>>>;
}

/// The way to run what was compiled for `o.target`: natively where this CPU is the target, else under QEMU; never in this process where
/// there is a worker for it ([`mcompc_backend::run`]).
///
/// # Errors
/// E505 where a cross compiler or emulator is missing, or nothing here runs the target.
pub fn runner(o: &Request, c: &Compiled) -> Result<Box<dyn Runner>> {
    if o.target.runs_here() {
        return Ok(Box::new(Native::new(&c.built, &c.quantized.graph)?));
    }
    let layout = layout::Layout::new(&c.built, &c.quantized.graph);
    Ok(Box::new(emulate::Emulated::new(&o.target, &c.built.object, layout)?))
}

/// Samples computed side by side, and in one start of an emulator.
pub(crate) const CHUNK: usize = 128;

/// How much to verify.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Samples at most.
    pub limit: usize,
    /// Samples, from the first on, that the by-the-book interpreter computes too; the others are left to the fast integer executor.
    pub by_the_book: usize,
}

impl Default for Extent {
    fn default() -> Self {
        Self { limit: usize::MAX, by_the_book: 16 }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Samples run.
    pub samples: usize,
    /// Samples that the by-the-book interpreter computed too.
    pub by_the_book: usize,
    /// Output bytes compared with the integer reference; all of them are equal.
    pub bytes: u64,
    /// How the code ran: `native`, or the emulator's name.
    pub machine: String,
    /// Against the float model.
    pub float: mcompc_report::Loss,
    /// Arrays of the data that are of no input.
    pub unused: Vec<String>,
    /// With labels.
    pub top1: Option<Top1>,
    /// The labelled samples class by class.
    pub classes: Vec<Class>,
    /// What each layer differs from the float model, in the order of execution; where it was asked for.
    pub layers: Vec<LayerError>,
}

/// A layer's error.
#[derive(Clone, Debug, Serialize)]
pub struct LayerError {
    /// Its ONNX node.
    pub layer: String,
    /// Its integer operator.
    pub op: String,
    /// Squared difference of its result from the float model's over the variance; absent for constants and what has no counterpart there.
    pub error: Option<f64>,
}

/// Runs the samples of `data` natively, on the integer reference, and on the float model. A state is given, at every step, what the
/// reference left at the step before; as native code is held to the same bytes at each of them, it is what that code left, too.
///
/// # Errors
/// E601 at the first byte that differs, with its sample, output and position; E401 for data that do not fit.
pub fn verify(c: &Compiled, runner: &dyn Runner, data: &Path, extent: Extent, progress: &dyn Progress) -> Result<Outcome> {
    let data = Dataset::open(data)?;
    let samples = data.samples(&data.started(&c.front.inputs)?)?;
    let count = samples.total();
    let labels = data.labels(&c.front.inputs, count)?;
    let sum = Agreement::new(&c.quantized.graph);
    if let Some(labels) = &labels {
        classes(labels, sum.classes())?;
    }
    let total = count.min(extent.limit);
    let mut state = State {
        c,
        runner,
        by_the_book: extent.by_the_book,
        float: FastExec::new(&c.front.canonical)?,
        int: FastInt::new(&c.quantized.graph)?,
        sequence: Sequence::new(&c.front, &c.quantized.graph)?,
        sum,
        bytes: 0,
    };
    in_chunks(samples, (total, CHUNK), (progress, "verifying"), |chunk| state.chunk(chunk, labels.as_deref()))?;
    let State { sum, bytes, .. } = state;
    Ok(Outcome {
        samples: total,
        by_the_book: total.min(extent.by_the_book),
        bytes,
        machine: runner.name(),
        unused: data.unused(&c.front.inputs).into_iter().map(str::to_owned).collect(),
        float: sum.loss("given data"),
        top1: sum.top1(),
        classes: sum.by_class(),
        layers: Vec::new(),
    })
}

/// Labels must name classes of the one prediction that a sample has.
pub(crate) fn classes(labels: &[i64], classes: Option<usize>) -> Result<()> {
    let wrong = |what: String| {
        let e = Error::new(Code::BadCalib, what).at("y");
        e.hint("`y` holds the number of each sample's right class, from 0; leave the array out to compare with the float model alone")
    };
    let Some(n) = classes.filter(|&n| n > 1) else {
        return Err(wrong("there is a label a sample, but the first output is not one vector of classes".into()));
    };
    match labels.iter().enumerate().find(|(_, y)| !(0..n as i64).contains(*y)) {
        None => Ok(()),
        Some((i, y)) => Err(wrong(format!("the label of sample {i} is {y}, the first output has classes 0 to {}", n - 1))),
    }
}

struct State<'a> {
    c: &'a Compiled,
    runner: &'a dyn Runner,
    by_the_book: usize,
    float: FastExec,
    int: FastInt,
    sequence: Sequence<'a>,
    sum: Agreement,
    bytes: u64,
}

impl State<'_> {
    fn chunk(&mut self, chunk: &[Sample], labels: Option<&[i64]>) -> Result<()> {
        let graph = &self.c.quantized.graph;
        let steps = self.sequence.steps(chunk)?;
        let inputs: Vec<Vec<Tensor>> = steps.iter().map(|s| s.1.clone()).collect();
        let want: Vec<Vec<Tensor>> = inputs.par_iter().map(|x| self.int.run(x, |_, _| {})).collect::<Result<_>>()?;
        let first: Vec<_> = inputs.iter().zip(&want).zip(chunk).filter(|(_, s)| s.index < self.by_the_book).collect();
        first
            .into_par_iter()
            .try_for_each(|((x, want), s)| equal(self.c, s.index, &mcompc_interp::run(graph, x)?, want, "the fast executor"))?;
        let have = self.runner.run_all(&inputs)?;
        let real = float_outputs(&self.float, &steps)?;
        for (((s, want), have), real) in chunk.iter().zip(&want).zip(&have).zip(&real) {
            equal(self.c, s.index, want, have, "native code")?;
            self.bytes += have.iter().map(|t| t.bytes().len() as u64).sum::<u64>();
            self.sum.add(real, have, labels.and_then(|l| l.get(s.index)).copied())?;
        }
        Ok(())
    }
}

fn equal(c: &Compiled, sample: usize, want: &[Tensor], have: &[Tensor], who: &str) -> Result<()> {
    for ((o, w), h) in c.quantized.graph.outputs.iter().zip(want).zip(have) {
        if w.bytes() == h.bytes() {
            continue;
        }
        let at = w.bytes().iter().zip(h.bytes().iter()).position(|(a, b)| a != b).unwrap_or_else(|| w.bytes().len().min(h.bytes().len()));
        let count = w.bytes().iter().zip(h.bytes().iter()).filter(|(a, b)| a != b).count();
        let show = |t: &Tensor| t.bytes().get(at).map_or("nothing".into(), |&b| format!("{}", b as i8));
        return Err(Error::new(
            Code::Mismatch,
            format!(
                "sample {sample}: byte {at} is {} in {who}, {} in the reference; {count} of {} bytes differ",
                show(h),
                show(w),
                w.bytes().len()
            ),
        )
        .at(&o.name)
        .hint("this is a bug of the compiler: report it with the model and the target"));
    }
    Ok(())
}
