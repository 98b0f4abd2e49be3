//! The stages together: calibration and what it decides, then the object, again where a budget asks for less.

use crate::allocate::{Allocator, Task};
use crate::progress::{Progress, timed};
use crate::request::Request;
use crate::stages::{Compiled, Front, LayerNote, Quantized, build, front, hash_file, origin, storage};
use mcompc_compress::{CalibOptions, Options, Stats, ValueStats};
use mcompc_data::Dataset;
use mcompc_integerize::Accumulator;
use mcompc_ir::{Code, Error, Result};
use mcompc_report::Spread;
use std::collections::BTreeMap;

/// Calibrates on `o.calib` (or on synthetic data without it) and turns the graph into integers.
///
/// # Errors
/// E401 for data that do not fit, E105 for NaN, E402 and E403 for layers without an integer form; E002 for a budget that cannot be met.
pub fn quantize(o: &Request, front: &Front, progress: &dyn Progress) -> Result<Quantized> {
    let seen = observe(o, front, progress)?;
    let mut allocator = allocator(o, front, &seen, progress)?;
    quantize_by(o, front, &seen, allocator.as_mut(), progress)
}

/// What is known before anything is decided.
struct Observed {
    options: Options,
    stats: Stats,
    /// SHA-256 of the data file.
    sha256: Option<String>,
    /// Warnings of arrays that nobody reads.
    unused: Vec<String>,
}

fn observe(o: &Request, front: &Front, progress: &dyn Progress) -> Result<Observed> {
    let options = Options { method: o.range, weights: o.weights.clone(), acts: o.acts.clone(), ..Default::default() };
    // What cannot be is refused before any data are read.
    match &o.scheme {
        Some(scheme) => scheme.check(&front.canonical)?,
        None => mcompc_compress::check(&front.canonical, &options)?,
    }
    mcompc_integerize::supported(&front.canonical)?;
    let mut unused = Vec::new();
    let stats = timed(progress, "calibrating", || match o.calib.as_deref().map(Dataset::open).transpose()? {
        None => mcompc_compress::calibrate_without_data(&front.canonical, &front.inputs),
        Some(data) => {
            let said = |n: &str| format!("array `{n}` of the calibration data is of no input and was not read");
            unused = data.unused(&front.inputs).into_iter().map(said).collect();
            calibrate(front, &data, progress)
        }
    })?;
    let sha256 = o.calib.as_deref().map(hash_file).transpose()?;
    Ok(Observed { options, stats, sha256, unused })
}

/// What chooses how weights are kept, where the request leaves it open.
fn allocator<'a>(o: &'a Request, front: &'a Front, seen: &'a Observed, progress: &'a dyn Progress) -> Result<Option<Allocator<'a>>> {
    let Some(ask) = o.ask.as_ref().filter(|_| o.scheme.is_none()) else { return Ok(None) };
    Allocator::new(Task { o, ask, front, stats: &seen.stats, options: &seen.options }, progress).map(Some)
}

/// Turns the graph into integers.
fn quantize_by(
    o: &Request,
    front: &Front,
    seen: &Observed,
    allocator: Option<&mut Allocator<'_>>,
    progress: &dyn Progress,
) -> Result<Quantized> {
    let Observed { options, stats, sha256, unused } = seen;
    let samples = if o.calib.is_some() { stats.samples } else { 0 };
    let (scheme, allocation) = match (&o.scheme, allocator) {
        (Some(scheme), _) => (scheme.clone(), None),
        (None, None) => (mcompc_compress::decide(&front.canonical, stats, &front.inputs, options)?, None),
        (None, Some(allocator)) => allocator.choose()?,
    };
    let mut warnings = mcompc_compress::warnings(&front.canonical, stats, &front.inputs, &scheme, options)?;
    warnings.extend(unused.iter().cloned());
    let coded = timed(progress, "rounding to codes", || mcompc_compress::apply(&front.canonical, stats, &front.inputs, &scheme))?;
    let integers = timed(progress, "making integers", || mcompc_integerize::integerize(&coded.graph))?;
    Ok(Quantized {
        samples,
        data_sha256: sha256.clone(),
        origin: origin(&integers, &coded),
        notes: notes(coded.layers, integers.layers),
        graph: integers.graph,
        coded: coded.graph,
        scheme,
        warnings,
        spreads: if stats.synthetic { BTreeMap::new() } else { stats.values.iter().filter_map(|(&v, s)| Some((v, spread(s)?))).collect() },
        allocation,
    })
}

/// The histogram of a value, for people.
fn spread(s: &ValueStats) -> Option<Spread> {
    let half = s.hist.width() / 2.0;
    let zeros = (s.zeros > 0).then_some((0.0, s.zeros));
    (s.count > 0).then(|| Spread::new((f64::from(s.min), f64::from(s.max)), s.hist.filled().map(|(v, n)| (v + half, n)).chain(zeros)))
}

/// The two stages' notes of each layer; both are in the order of execution, and the second have no layer that the first do not have.
fn notes(weights: Vec<mcompc_compress::LayerNote>, sums: Vec<Accumulator>) -> Vec<LayerNote> {
    let mut weights = weights.into_iter();
    let with = |s: Accumulator| Some(LayerNote { weights: weights.find(|w| w.node == s.node)?, sums: s });
    sums.into_iter().filter_map(with).collect()
}

fn calibrate(front: &Front, data: &Dataset, progress: &dyn Progress) -> Result<Stats> {
    let (mut begun, mut done) = (false, 0);
    let mut tell = |n: usize, all: usize| {
        if !begun {
            progress.begin("running samples", Some(all as u64));
            begun = true;
        }
        progress.step((n - done) as u64);
        done = n;
    };
    let options = CalibOptions { sequence: front.sequence, ..CalibOptions::default() };
    let stats = mcompc_compress::calibrate(&front.canonical, data, &front.inputs, &options, &mut tell);
    if begun {
        progress.end();
    }
    stats
}

/// Attempts at a budget: what coded weights take is known when they are rounded for good, and hardly differs from what was thought before.
const ROUNDS: usize = 4;

/// All stages up to the object.
///
/// # Errors
/// Those of the stages.
pub fn compile(o: &Request, progress: &dyn Progress) -> Result<Compiled> {
    let front = front(o, progress)?;
    let seen = observe(o, &front, progress)?;
    let mut allocator = allocator(o, &front, &seen, progress)?;
    for _ in 0..ROUNDS {
        let quantized = quantize_by(o, &front, &seen, allocator.as_mut(), progress)?;
        let firmware = storage(&o.firmware, (&front.canonical, &quantized.origin), &quantized.scheme, allocator.is_some())?;
        let built = build(&o.name, &front.sha256, &quantized.graph, (&o.target, o.backend), &firmware, progress)?;
        let kept = allocator.as_mut().map_or(Ok(true), |a| a.kept(&built, &quantized.graph))?;
        if kept {
            drop(allocator);
            return Ok(Compiled { front, quantized, built });
        }
    }
    Err(Error::new(Code::Usage, "the object stays larger than the budget whatever is chosen").hint("allow a little more flash"))
}
