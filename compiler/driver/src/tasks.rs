//! What a user asks for as a whole, each a function over values.

use crate::audit::audit;
use crate::bench::{Measured, measure};
use crate::check::check;
use crate::compile::compile;
use crate::describe::{describe, package};
use crate::inputs::inputs;
use crate::limit::MaxLoss;
use crate::progress::{Progress, timed};
use crate::request::Request;
use crate::stages::Compiled;
use crate::verify::{Extent, LayerError, Outcome, runner};
use mcompc_compress::Scheme;
use mcompc_ir::{Code, Error, Result};
use mcompc_package::File;
use mcompc_report::Report;
use std::path::PathBuf;

/// A finished library: nothing is written yet.
#[derive(Clone, Debug)]
pub struct Library {
    /// Files of the output folder.
    pub files: Vec<File>,
    /// What it costs, loses, and what was checked.
    pub report: Report,
}

/// Compiles, checks the code, holds the loss to its limit, and renders all files.
///
/// # Errors
/// Those of the stages; E601 where the code computes something else than the reference, E404 where it loses more than `limit`.
pub fn library(o: &Request, limit: MaxLoss, progress: &dyn Progress) -> Result<Library> {
    finish(o, &compile(o, progress)?, limit, progress)
}

/// The library of what was compiled: [`library`] from there on.
///
/// # Errors
/// As [`library`].
pub fn finish(o: &Request, compiled: &Compiled, limit: MaxLoss, progress: &dyn Progress) -> Result<Library> {
    let report = judged(o, compiled, limit, progress)?;
    timed(progress, "writing the report", || Ok(Library { files: package(o, compiled, &report)?, report }))
}

/// The report of what was compiled, once its code is checked and its loss is within the limit.
pub(crate) fn judged(o: &Request, compiled: &Compiled, limit: MaxLoss, progress: &dyn Progress) -> Result<Report> {
    let check = check(o, compiled, progress)?;
    let loss = crate::loss::measure(o, compiled, progress)?;
    let found = audit(o, compiled, loss.as_ref(), progress)?;
    let loss = limit.hold(loss, narrowest(&compiled.quantized.scheme), &found.warnings)?;
    let mut report = Report { check: Some(check), ..describe(o, compiled, loss)? };
    for (row, layer) in report.layers.iter_mut().zip(&compiled.built.lowered.layers) {
        row.error = found.errors.get(&layer.value).copied();
    }
    report.warnings.extend(found.warnings);
    Ok(report)
}

/// Bits of the narrowest weights; coarse steps of coded weights are as good as few bits.
fn narrowest(s: &Scheme) -> u8 {
    const CODED: u8 = 4;
    if s.layers.iter().any(|l| l.step.is_some()) { s.bits().min(CODED) } else { s.bits() }
}

/// What a library would cost: the report of a compilation that checks and measures nothing.
///
/// # Errors
/// Those of the stages.
pub fn plan(o: &Request, progress: &dyn Progress) -> Result<Report> {
    let compiled = compile(o, progress)?;
    timed(progress, "writing the report", || describe(o, &compiled, None))
}

/// What to verify on.
#[derive(Clone, Debug)]
pub struct VerifyRequest {
    /// Samples, and labels where there are any; the calibration data when absent.
    pub data: Option<PathBuf>,
    /// How much of them.
    pub extent: Extent,
    /// Loss from which on it fails.
    pub limit: MaxLoss,
    /// Whether every layer's error is wanted.
    pub per_layer: bool,
}

/// Compiles, runs the code, and compares it with the integer reference and the float model.
///
/// # Errors
/// E002 without samples; those of the stages; E601 at the first byte that differs; E404 where more than the limit is lost.
pub fn verify(o: &Request, ask: &VerifyRequest, progress: &dyn Progress) -> Result<Outcome> {
    let data = ask.data.as_ref().or(o.calib.as_ref()).ok_or_else(|| {
        Error::new(Code::Usage, "there are no samples to verify on").hint("give --data FILE, or --calib FILE whose samples then serve")
    })?;
    if ask.extent.limit == 0 {
        return Err(Error::new(Code::Usage, "--limit 0 verifies nothing").hint("give a positive number"));
    }
    let compiled = compile(o, progress)?;
    let runner = timed(progress, "linking", || runner(o, &compiled))?;
    let mut outcome = crate::verify::verify(&compiled, &*runner, data, ask.extent, progress)?;
    if ask.per_layer {
        let errors = crate::audit::look(&compiled, data, ask.extent.limit, progress)?.errors();
        let row = |l: &mcompc_lower::Layer| LayerError { layer: l.name.clone(), op: l.op.clone(), error: errors.get(&l.value).copied() };
        outcome.layers = compiled.built.lowered.layers.iter().map(row).collect();
    }
    if let Some(loss) = ask.limit.hold(Some(outcome.float.clone()), narrowest(&compiled.quantized.scheme), &[])? {
        outcome.float = loss;
    }
    Ok(outcome)
}

/// Inferences that are counted unless told otherwise: a kernel's way depends little on the data, and each is exact.
const INFERENCES: usize = 4;

/// What to measure on.
#[derive(Clone, Debug, Default)]
pub struct BenchRequest {
    /// Samples; the calibration data when absent, made-up codes where there are none.
    pub data: Option<PathBuf>,
    /// Inferences at most, 4 when absent.
    pub limit: Option<usize>,
    /// QEMU's counting plug-in; where Cargo builds it when absent.
    pub plugin: Option<PathBuf>,
}

/// What an inference costs, as measured and as announced.
#[derive(Clone, Debug)]
pub struct Benched {
    /// As measured.
    pub measured: Measured,
    /// As announced.
    pub report: Report,
}

/// Compiles and measures.
///
/// # Errors
/// E002 for a limit of 0, E401 for a data file without samples; those of the stages and of [`measure`].
pub fn bench(o: &Request, ask: &BenchRequest, progress: &dyn Progress) -> Result<Benched> {
    if ask.limit == Some(0) {
        return Err(Error::new(Code::Usage, "--limit 0 measures nothing").hint("give a positive number"));
    }
    let compiled = compile(o, progress)?;
    let report = describe(o, &compiled, None)?;
    let inputs = inputs(&compiled, ask.data.as_deref().or(o.calib.as_deref()), ask.limit.unwrap_or(INFERENCES))?;
    if inputs.is_empty() {
        return Err(Error::new(Code::BadCalib, "the data file holds no sample"));
    }
    let measured =
        timed(progress, "measuring", || measure(&o.target, &compiled.built, &compiled.quantized.graph, &inputs, ask.plugin.as_deref()))?;
    Ok(Benched { measured, report })
}
