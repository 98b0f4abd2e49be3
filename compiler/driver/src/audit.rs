//! Accuracy on the calibration data, layer by layer, for warnings.

use crate::progress::Progress;
use crate::request::Request;
use crate::sequence::{Sequence, in_chunks};
use crate::stages::Compiled;
use mcompc_compress::Audit;
use mcompc_data::Dataset;
use mcompc_ir::{Graph, Result, ValueId};
use mcompc_report::Loss;
use std::collections::BTreeMap;
use std::path::Path;

/// Multiply-accumulates, and results of other operators, that all samples together may take; one sample is taken whatever it costs.
const WORK: f64 = 2e9;
/// Samples that say as much as more of them would.
const SAMPLES: usize = 64;
/// Samples held in memory at a time.
const CHUNK: usize = 8;
/// Squared error over variance above which an output is warned of.
const LOST: f64 = 0.1;

/// What was found layer by layer.
#[derive(Clone, Debug, Default)]
pub struct Audited {
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Squared error over variance of values of the integer graph.
    pub errors: BTreeMap<ValueId, f64>,
}

/// Errors of layers; warnings of layers that lose what their operands still have, of channels of outputs that say nothing any more, and of outputs that differ
/// much from the float model's. None without calibration data.
///
/// # Errors
/// Those of reading the data again.
pub fn audit(o: &Request, c: &Compiled, loss: Option<&Loss>, progress: &dyn Progress) -> Result<Audited> {
    let Some(path) = &o.calib else { return Ok(Audited::default()) };
    let audit = look(c, path, usize::MAX, progress)?;
    let mut warnings = audit.warnings();
    warnings.extend(loss.into_iter().flat_map(outputs));
    Ok(Audited { warnings, errors: audit.errors() })
}

/// Compares layers on at most `limit` samples of a file.
///
/// # Errors
/// Those of reading the data.
pub(crate) fn look<'a>(c: &'a Compiled, path: &Path, limit: usize, progress: &dyn Progress) -> Result<Audit<'a>> {
    let graph = &c.quantized.graph;
    let mut audit = Audit::new(&c.front.canonical, graph, &c.quantized.origin)?;
    let mut sequence = Sequence::new(&c.front, graph)?;
    let samples = Dataset::open(path)?.samples(&c.front.inputs)?;
    let most = ((WORK / work(graph).max(1.0)) as usize).clamp(1, SAMPLES).min(samples.total()).min(limit);
    in_chunks(samples, (most, CHUNK), (progress, "looking for what loses accuracy"), |chunk| audit.add(&sequence.steps(chunk)?))?;
    Ok(audit)
}

/// Outputs of which little is left.
fn outputs(loss: &Loss) -> Vec<String> {
    let lost = loss.per_output.iter().filter(|(_, error)| *error > LOST);
    lost.map(|(name, error)| {
        format!(
            "output `{name}` differs from the float model's by {:.0} % of its variance (squared error, {} {} samples)",
            100.0 * error,
            loss.samples,
            loss.data
        )
    })
    .collect()
}

/// Multiply-accumulates and results of one sample.
fn work(g: &Graph) -> f64 {
    let node = |id| {
        let (ins, out) = (g.inputs_of(id), g.value(g.out(id)));
        let each = match g.node(id).op.as_str() {
            "input" | "const" => return 0.0,
            "q.conv" | "q.dense" => ins.get(1).map_or(1, |&w| g.value(w).elems() / g.value(w).shape.first().copied().unwrap_or(1).max(1)),
            "q.avgpool" | "q.maxpool" => g.node(id).attrs.usizes("kernel").map_or(1, |k| k.iter().product()),
            _ => 1,
        };
        out.elems() as f64 * each.max(1) as f64
    };
    g.topo().map_or(f64::INFINITY, |order| order.into_iter().map(node).sum())
}
