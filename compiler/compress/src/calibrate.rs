//! One streaming pass over calibration data.

use crate::{Stats, ValueStats};
use mcompc_data::{Dataset, Input, Sample};
use mcompc_interp::{Carry, FastExec, Scratch};
use mcompc_ir::{Code, Error, Graph, Result, ValueId};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What a pass over the data reads.
#[derive(Clone, Copy, Debug)]
pub struct CalibOptions {
    /// Samples taken from the file's beginning.
    pub max_samples: usize,
    /// Samples of a sequence, at whose end states start anew; without it all samples are one.
    pub sequence: Option<usize>,
}

impl Default for CalibOptions {
    fn default() -> Self {
        Self { max_samples: 1000, sequence: None }
    }
}

/// Samples in flight at once: bounds the memory, whatever the number of threads.
const BATCH: usize = 8;

/// Runs the canonical float `graph` on the samples and collects statistics of every value.
///
/// Memory does not grow with the number of samples, and the result does not depend on the number of threads: each sample's statistics
/// are merged in the order of the file. A graph with states runs the samples one after the other, in that order. `progress` is called with (done, all).
///
/// # Errors
/// `BadCalib` and `NotFinite` of the data file; `NotFinite` with the value's name where the network itself overflows.
pub fn calibrate(
    graph: &Graph,
    data: &Dataset,
    inputs: &[Input],
    opts: &CalibOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Stats> {
    let mut samples = data.samples(inputs)?;
    let all = samples.total().min(opts.max_samples.max(1));
    let exec = FastExec::new(graph)?;
    let mut stats = Stats::default();
    let mut carry = Carry::new(graph, opts.sequence);
    progress(0, all);
    while stats.samples < all {
        let batch: Vec<Sample> = samples.by_ref().take(BATCH.min(all - stats.samples)).collect::<Result<_>>()?;
        if batch.is_empty() {
            break;
        }
        let reals = |s: &Sample| s.inputs.iter().zip(inputs).map(|(t, i)| i.reals(t)).collect::<Result<Vec<_>>>();
        let batch: Vec<Vec<Vec<f32>>> = batch.iter().map(reals).collect::<Result<_>>()?;
        observe(graph, &exec, batch, &mut carry, &mut stats)?;
        progress(stats.samples, all);
    }
    Ok(stats)
}

/// Adds samples (per input, reals) to `stats`; `carry` holds the states between them, which kept samples have too.
pub(crate) fn observe(
    graph: &Graph,
    exec: &FastExec,
    mut batch: Vec<Vec<Vec<f32>>>,
    carry: &mut Carry<Vec<f32>>,
    stats: &mut Stats,
) -> Result<()> {
    let first = stats.samples;
    let parts: Vec<Result<Seen>> = if carry.is_empty() {
        let one = |scratch: &mut Scratch, (i, sample): (usize, &Vec<Vec<f32>>)| one(graph, exec, scratch, first + i, sample).map(|s| s.0);
        batch.par_iter().enumerate().map_init(|| exec.scratch(), one).collect()
    } else {
        let mut scratch = exec.scratch();
        let step = |(i, sample): (usize, &mut Vec<Vec<f32>>)| {
            carry.enter(first + i, sample);
            let (seen, outputs) = one(graph, exec, &mut scratch, first + i, sample)?;
            carry.leave(&outputs);
            Ok(seen)
        };
        batch.iter_mut().enumerate().map(step).collect()
    };
    for (part, sample) in parts.into_iter().zip(&batch) {
        if !stats.synthetic {
            stats.keep(sample);
        }
        for (v, s) in part? {
            match stats.values.entry(v) {
                std::collections::btree_map::Entry::Vacant(e) => {
                    e.insert(s);
                }
                std::collections::btree_map::Entry::Occupied(mut e) => e.get_mut().merge(&s),
            }
        }
        stats.samples += 1;
    }
    Ok(())
}

type Seen = BTreeMap<ValueId, ValueStats>;

/// What one sample shows, and its outputs.
fn one(graph: &Graph, exec: &FastExec, scratch: &mut Scratch, index: usize, sample: &[Vec<f32>]) -> Result<(Seen, Vec<Vec<f32>>)> {
    let ins: Vec<&[f32]> = sample.iter().map(Vec::as_slice).collect();
    let mut seen = Seen::new();
    let mut wrong = None;
    let outputs = exec.run(scratch, &ins, |v, data| {
        if !data.iter().all(|x| x.is_finite()) {
            wrong.get_or_insert(v);
            return;
        }
        let shape = &graph.value(v).shape;
        let new = || {
            let new = if graph.inputs.contains(&v.node) {
                ValueStats::of_input(shape)
            } else {
                ValueStats::new(shape.last().copied().unwrap_or(1))
            };
            let rows = graph.users(v).iter().any(|&(n, _)| graph.node(n).op == "Softmax");
            if rows { new.of_rows() } else { new }
        };
        seen.entry(v).or_insert_with(new).add(data);
    })?;
    match wrong {
        Some(v) => Err(Error::new(Code::NotFinite, format!("calibration sample {index} makes this value NaN or infinite"))
            .at(&graph.value(v).name)
            .hint("check that --input describes the data: scale and offset may be wrong")),
        None => Ok((seen, outputs)),
    }
}
