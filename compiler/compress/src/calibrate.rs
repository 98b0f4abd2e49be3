//! One streaming pass over calibration data.

use crate::{Stats, ValueStats};
use mcompc_data::{Dataset, Input, Sample};
use mcompc_interp::FastExec;
use mcompc_ir::{Code, Error, Graph, Result, ValueId};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What a pass over the data reads.
#[derive(Clone, Copy, Debug)]
pub struct CalibOptions {
    /// Samples taken from the file's beginning.
    pub max_samples: usize,
}

impl Default for CalibOptions {
    fn default() -> Self {
        Self { max_samples: 1000 }
    }
}

/// Samples in flight at once: bounds the memory, whatever the number of threads.
const BATCH: usize = 8;

/// Runs the canonical float `graph` on the samples and collects statistics of every value.
///
/// Memory does not grow with the number of samples, and the result does not depend on the number of threads: each sample's statistics
/// are merged in the order of the file. `progress` is called with (done, all).
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
    progress(0, all);
    while stats.samples < all {
        let batch: Vec<Sample> = samples.by_ref().take(BATCH.min(all - stats.samples)).collect::<Result<_>>()?;
        if batch.is_empty() {
            break;
        }
        let reals = |s: &Sample| s.inputs.iter().zip(inputs).map(|(t, i)| i.reals(t)).collect::<Result<Vec<_>>>();
        let batch: Vec<Vec<Vec<f32>>> = batch.iter().map(reals).collect::<Result<_>>()?;
        observe(graph, &exec, &batch, &mut stats)?;
        progress(stats.samples, all);
    }
    Ok(stats)
}

/// Adds samples (per input, reals) to `stats`.
pub(crate) fn observe(graph: &Graph, exec: &FastExec, batch: &[Vec<Vec<f32>>], stats: &mut Stats) -> Result<()> {
    let first = stats.samples;
    let one = |scratch: &mut mcompc_interp::Scratch, (i, sample): (usize, &Vec<Vec<f32>>)| {
        let ins: Vec<&[f32]> = sample.iter().map(Vec::as_slice).collect();
        let mut seen: BTreeMap<ValueId, ValueStats> = BTreeMap::new();
        let mut wrong = None;
        exec.run(scratch, &ins, |v, data| {
            if !data.iter().all(|x| x.is_finite()) {
                wrong.get_or_insert(v);
                return;
            }
            let shape = &graph.value(v).shape;
            let new = || {
                if graph.inputs.contains(&v.node) {
                    ValueStats::of_input(shape)
                } else {
                    ValueStats::new(shape.last().copied().unwrap_or(1))
                }
            };
            seen.entry(v).or_insert_with(new).add(data);
        })?;
        match wrong {
            Some(v) => Err(Error::new(Code::NotFinite, format!("calibration sample {} makes this value NaN or infinite", first + i))
                .at(&graph.value(v).name)
                .hint("check that --input describes the data: scale and offset may be wrong")),
            None => Ok(seen),
        }
    };
    let parts: Vec<Result<BTreeMap<ValueId, ValueStats>>> = batch.par_iter().enumerate().map_init(|| exec.scratch(), one).collect();
    for (part, sample) in parts.into_iter().zip(batch) {
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
