//! Which values need more than eight bits, by measurement: what the outputs lose where activations are rounded, all of them and one by one.
//!
//! Only activations are rounded here, in the float network, whose weights stay as they are: what weights lose is their methods' matter. The
//! loss of several values together is taken as the sum of what each loses (errors of rounding are hardly correlated), and measured in the end.

use super::Options;
use super::bits::fits;
use super::quants::assign;
use crate::{Scheme, Stats};
use mcompc_data::Input;
use mcompc_interp::{FastExec, Scratch};
use mcompc_ir::{Codes, DType, Graph, Quant, Result, ValueId};
use mcompc_ops::is_move;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Squared error over variance of the worst output that eight bits everywhere may have. The public convolutional networks stay below half of it.
const MOST: f64 = 0.02;
/// What values that stay at eight bits may have together, once some are given more.
const LEFT: f64 = 0.005;
/// Times the loss of sixteen bits throughout that is as good.
const MENDED: f64 = 1.5;
/// How the reason begins.
const COST: &str = "eight bits would cost";
/// Samples, and multiplications and element-wise results of all runs together.
const SAMPLES: usize = 16;
const WORK: f64 = 3e10;

/// Values that are given sixteen bits, with the reason, by their names in the scheme. Empty where eight do, and without data.
pub(super) fn wide(
    g: &Graph,
    stats: &Stats,
    inputs: &[Input],
    raw: &BTreeMap<ValueId, Quant>,
    opts: &Options,
    names: &[(ValueId, String)],
) -> Result<Vec<(String, String)>> {
    if !opts.acts.measured || stats.synthetic || !stats.can_observe() || g.ids().into_iter().any(|n| g.node(n).op == "Quantize") {
        return Ok(Vec::new());
    }
    let narrow = assign(g, stats, inputs, raw, opts)?;
    // What a caller's codes, or the user, say stays.
    let said = |name: &str| opts.acts.by_name.iter().any(|(pattern, _)| fits(pattern, name));
    let open = |(v, name): &&(ValueId, String)| {
        let narrow = narrow.get(v).is_some_and(|q| q.codes == Codes::I8);
        narrow && !jumps(g, *v) && !raw.contains_key(v) && !is_move(&g.node(v.node).op) && !said(name)
    };
    let candidates: Vec<&(ValueId, String)> = names.iter().filter(open).collect();
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let work = work(g)?;
    let runs = candidates.len() as f64 + 4.0;
    let count = ((WORK / (work * runs)) as usize).clamp(1, SAMPLES).min(stats.kept.len());
    let trial = Trial::new(g, stats, count)?;
    let all = trial.loss(&narrow)?;
    if all <= MOST {
        return Ok(Vec::new());
    }
    // What sixteen bits do not mend is no reason to give them.
    let widened = |chosen: &[usize]| -> Result<f64> {
        let mut wider = opts.clone();
        wider.acts.wide = chosen.iter().map(|&i| candidates[i].1.clone()).collect();
        trial.loss(&assign(g, stats, inputs, raw, &wider)?)
    };
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let most = MOST.max(MENDED * widened(&order)?);
    if all <= most {
        return Ok(Vec::new());
    }
    // What every value loses alone, with all that only moves its codes.
    let alone = |v: ValueId| -> BTreeMap<ValueId, Quant> { narrow.get(&v).map(|q| (v, q.clone())).into_iter().collect() };
    let losses = candidates.par_iter().map(|(v, _)| trial.loss(&alone(*v))).collect::<Result<Vec<f64>>>()?;
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
    let (mut left, mut count) = (losses.iter().sum::<f64>(), 0);
    while count < order.len() && left > LEFT {
        left -= losses[order[count]];
        count += 1;
    }
    // Until the sum is borne out: twice as many each time.
    while count < order.len() && widened(&order[..count])? > most {
        count = (2 * count).clamp(1, order.len());
    }
    let why = |i: usize| format!("{COST} {:.2} % of an output's variance", 100.0 * losses[i]);
    Ok(order[..count].iter().map(|&i| (candidates[i].1.clone(), why(i))).collect())
}

/// Whether a function with a jump reads the value: of sixteen bits it would be a line from one side of the jump to the other.
fn jumps(g: &Graph, v: ValueId) -> bool {
    const JUMPS: &[&str] = &["Sign", "Floor", "Ceil", "Round", "Trunc", "IsNaN", "IsInf", "Narrow", "ThresholdedRelu"];
    g.users(v).into_iter().any(|(n, _)| {
        let node = g.node(n);
        let steps = node.attrs.str("steps").unwrap_or_default();
        JUMPS.iter().any(|j| node.op == *j || node.op == "Chain" && steps.contains(j))
    })
}

/// Multiplications and results of a run.
fn work(g: &Graph) -> Result<f64> {
    let of = |id| -> f64 {
        let (node, out) = (g.node(id), g.value(g.out(id)).elems() as f64);
        let k = match node.op.as_str() {
            "Conv" | "Dense" => g.inputs_of(id).get(1).map_or(1, |&w| g.value(w).elems() / g.value(w).shape[0].max(1)),
            "MatMul" => g.inputs_of(id).first().and_then(|&a| g.value(a).shape.last().copied()).unwrap_or(1),
            "const" | "input" => 0,
            // Functions are computed in f64.
            _ => 8,
        };
        out * k as f64
    };
    Ok(g.topo()?.into_iter().map(of).sum::<f64>().max(1.0))
}

/// The float network with values rounded, beside what it gives without.
struct Trial<'a> {
    g: &'a Graph,
    samples: Vec<&'a [Vec<f32>]>,
    want: Vec<Vec<Vec<f32>>>,
}

impl<'a> Trial<'a> {
    fn new(g: &'a Graph, stats: &'a Stats, count: usize) -> Result<Self> {
        // Spread over the data, which may be in the order of their classes.
        let samples = (0..count).map(|i| stats.kept[i * stats.kept.len() / count].as_slice()).collect();
        let mut t = Self { g, samples, want: Vec::new() };
        t.want = t.outputs(&BTreeMap::new())?;
        Ok(t)
    }
    fn outputs(&self, quants: &BTreeMap<ValueId, Quant>) -> Result<Vec<Vec<Vec<f32>>>> {
        // Indices have no codes.
        let reals = quants.iter().filter(|&(&v, _)| self.g.value(v).dtype == DType::F32).map(|(&v, q)| (v, q));
        let exec = FastExec::rounded(self.g, reals)?;
        let run = |scratch: &mut Scratch, s: &&[Vec<f32>]| exec.run(scratch, &s.iter().map(Vec::as_slice).collect::<Vec<_>>(), |_, _| {});
        self.samples.par_iter().map_init(|| exec.scratch(), run).collect()
    }
    /// Squared error over variance of the worst output.
    fn loss(&self, quants: &BTreeMap<ValueId, Quant>) -> Result<f64> {
        let got = self.outputs(quants)?;
        let mut worst = 0f64;
        for o in 0..self.g.outputs.len() {
            let (mut error, mut sum, mut squares, mut n) = (0.0, 0.0, 0.0, 0.0);
            for (w, y) in self.want.iter().flat_map(|s| &s[o]).zip(got.iter().flat_map(|s| &s[o])) {
                let (w, y) = (f64::from(*w), f64::from(*y));
                // What overflows is lost.
                let d = if (w - y).is_finite() { w - y } else { f64::MAX.sqrt() };
                (error, sum, squares, n) = (error + d * d, sum + w, squares + w * w, n + 1.0);
            }
            let variance = squares - sum * sum / f64::max(n, 1.0);
            if variance > 0.0 {
                worst = worst.max(error / variance);
            }
        }
        Ok(worst)
    }
}

impl Scheme {
    /// In words, for warnings: values that were given sixteen bits.
    pub(super) fn widened(&self) -> Option<String> {
        const NAMED: usize = 6;
        let measured: Vec<&(String, String)> = self.wide.iter().filter(|(_, why)| why.starts_with(COST)).collect();
        let (first, more) = (measured.first()?, measured.len().saturating_sub(NAMED));
        let names: Vec<String> = measured.iter().take(NAMED).map(|(name, _)| format!("`{name}`")).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!(
            "sixteen bits for {}{more}: with eight bits throughout an output would lose more than {:.0} % of its variance (`{}`: {}); --acts \
             VALUE=8 decides otherwise, --acts '*=8' for all",
            names.join(", "),
            100.0 * MOST,
            first.0,
            first.1
        ))
    }
}
