//! What each layer would lose in each form, one layer at a time, on samples that the codes have not seen.

use super::form::{self, Form};
pub use super::replay::Lost;
use super::replay::{Replay, square};
use crate::methods::{self, Quick, Task};
use crate::observe::{Flow, Moments, Observed};
use crate::scheme::{layer_names, weighted};
use crate::{Stats, linalg};
use mcompc_interp::FastNode;
use mcompc_ir::{Codes, Graph, NodeId, Result, Tensor};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Rows that a layer's moments are taken of.
const ROWS: usize = 20_000;
/// Products that all replays together may take. Where measuring every form of every layer would take more, one width is measured and the
/// others follow by what they lose at the layer itself.
const WORK: f64 = 6e10;
/// As [`WORK`], of one run of the whole network on all samples that are kept for replays.
const WHOLE: f64 = 5e9;
/// Samples that replays run on, and the fewest with which every form is measured; the fewest at all.
const SAMPLES: usize = 64;
const ENOUGH: usize = 12;
const FEWEST: usize = 4;
/// The width that is measured where only one is.
const MIDDLE: u8 = 4;

/// What a layer would lose in a form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    /// How its weights are kept.
    pub form: Form,
    /// Error of the network's outputs over their variance with this layer alone.
    pub end_to_end: f64,
    /// Error of the layer's own sums over their variance.
    pub gram: f64,
    /// Bytes of its codes, entropy-coded with a table of their own; 0 where they are not.
    pub coded: usize,
}

#[derive(Clone, Debug)]
struct Tried {
    form: Form,
    /// Reals of the codes, and the bias that goes with them.
    w: Vec<f32>,
    bias: Vec<f32>,
    /// Error of the layer's own sums over their variance.
    gram: f64,
    /// Error of the network's outputs over their variance.
    end: f64,
    /// Bytes of the codes where they are coded.
    coded: usize,
}

/// One layer.
#[derive(Clone, Debug)]
struct Surveyed {
    node: NodeId,
    layer: String,
    weights: usize,
    tried: Vec<Tried>,
}

/// What every form of every layer would lose.
pub struct Survey<'a> {
    g: &'a Graph,
    replay: Replay,
    layers: Vec<Surveyed>,
}

/// Measures what each of `widths` (ascending), and with `coded` a ladder of steps under which weights are entropy-coded, would lose in each layer;
/// `group` is the number of weights in a row that share a multiplier. Codes are found on one half of the samples that `stats` keeps, on the float
/// network; losses are measured on the other. `None` where there are too few samples, or nothing to choose.
///
/// # Errors
/// Those of the executor.
pub fn survey<'a>(g: &'a Graph, stats: &Stats, widths: &[u8], coded: bool, group: Option<usize>) -> Result<Option<Survey<'a>>> {
    let forms = |w: &[f32]| -> Vec<Form> {
        let ladder = if coded { form::coded(w) } else { Vec::new() };
        widths.iter().map(|&bits| Form::stored(bits)).chain(ladder).collect()
    };
    let names = layer_names(g)?;
    let wanted: BTreeSet<NodeId> = names.iter().map(|(id, _)| *id).collect();
    let Some(mut flow) = Flow::alone(g, stats, &wanted, ROWS)? else { return Ok(None) };
    let followed = flow.samples();
    let mut found: BTreeMap<NodeId, Vec<Tried>> = BTreeMap::new();
    for id in g.topo()?.into_iter().filter(|&id| !matches!(g.node(id).op.as_str(), "input" | "const")) {
        if weighted(g.node(id)) {
            let seen = flow.observe(id, g, g.inputs_of(id)[0])?;
            let tries = forms(&mcompc_ops::reals(g, g.inputs_of(id)[1])?);
            found.insert(id, attempts(g, id, seen.as_ref(), &tries, group).map_err(|e| e.at(&g.node(id).name))?);
        }
        flow.passed(id, g, g.out(id), |_| Vec::new())?;
    }
    let surveyed = |(node, layer): (NodeId, String)| {
        let weights = g.value(g.inputs_of(node)[1]).elems();
        Surveyed { node, layer, weights, tried: found.remove(&node).unwrap_or_default() }
    };
    let layers: Vec<Surveyed> = names.into_iter().map(surveyed).collect();
    // Every second set of samples, as the codes leave it.
    let held: Vec<usize> = (0..followed).filter(|&s| held_out(s, followed)).collect();
    let affordable = (WHOLE / super::replay::products(g)?.max(1.0)) as usize;
    let most = SAMPLES.min(Replay::room(g)?).min(affordable.max(FEWEST)).clamp(1, held.len().max(1));
    let picked: Vec<&Vec<Vec<f32>>> = (0..most).map(|i| &stats.kept[held[i * held.len() / most]]).collect();
    let mut survey = Survey { g, replay: Replay::new(g, &picked)?, layers };
    survey.measure(most)?;
    Ok(Some(survey))
}

/// Whether a sample is of the half on which losses are measured.
fn held_out(sample: usize, samples: usize) -> bool {
    sample * crate::stats::FOLDS / samples % 2 == 1
}

/// Rounds a layer to codes of every form on the samples that are not held out, and measures its sums on those that
/// are.
fn attempts(g: &Graph, id: NodeId, seen: Option<&Observed>, tries: &[Form], group: Option<usize>) -> Result<Vec<Tried>> {
    let ins = g.inputs_of(id);
    let (shape, w) = (&g.value(ins[1]).shape, mcompc_ops::reals(g, ins[1])?);
    let (outs, k) = (shape[0], w.len() / shape[0].max(1));
    let bias: Vec<f64> = match ins.get(2) {
        Some(&b) => mcompc_ops::reals(g, b)?.into_iter().map(f64::from).collect(),
        None => vec![0.0; outs],
    };
    let halves = seen.and_then(|seen| {
        let half = |odd: bool| {
            let of = seen.folds.iter().enumerate().filter(|(f, _)| (f % 2 == 1) == odd).map(|(_, m)| m).collect::<Vec<_>>();
            Moments::pool(&of)
        };
        Some((Observed { all: half(false)?, folds: Vec::new(), prior: seen.prior.clone() }, half(true)?))
    });
    let whole = g.node(id).attrs.int_or("group", 1)? == 1;
    let quick = Quick::new(Task { w: &w, k, codes: Codes::I8, group: None, step: None, seen: halves.as_ref().map(|h| &h.0) });
    let settle = |scales: Vec<f64>| methods::settled(scales, &vec![0.0; outs], 1.0);
    let own: Vec<f64> = w.iter().map(|&w| w.into()).collect();
    let squares = |rows: &[f64]| match &halves {
        Some((_, test)) => energy(rows, test),
        None => rows.iter().map(|&v| square(v)).sum(),
    };
    let all = squares(&own).max(f64::MIN_POSITIVE);
    let one = |&form: &Form| {
        let Form { bits, step } = form;
        let group = group.filter(|&len| bits < Codes::I8.bits && whole && len < k);
        let r = quick.round(Codes::signed(bits), step, group, &settle);
        let reals: Vec<f64> = r.products(k, group).iter().enumerate().map(|(i, &p)| f64::from(p) * r.scales[i / k]).collect();
        let off: Vec<f64> = reals.iter().zip(&own).map(|(q, w)| q - w).collect();
        let (mut lost, mut made) = (squares(&off), bias.clone());
        if let Some((codes, test)) = &halves {
            for (o, made) in made.iter_mut().enumerate() {
                let (d, at) = (&off[o * k..][..k], o / test.per() * k);
                *made -= linalg::dot(d, &codes.all.x[at..][..k]);
                lost += square(linalg::dot(d, &test.x[at..][..k]) + *made - bias[o]);
            }
        }
        let coded = match step {
            Some(_) => mcompc_coding::bytes(&r.codes.iter().map(|&c| c as i8).collect::<Vec<i8>>()),
            None => 0,
        };
        Tried {
            form,
            w: reals.iter().map(|&v| v as f32).collect(),
            bias: made.iter().map(|&v| v as f32).collect(),
            gram: lost.max(0.0) / all,
            end: 0.0,
            coded,
        }
    };
    Ok(tries.par_iter().map(one).collect())
}

/// Sum over output channels of d^T G d, d the channel's row and G the covariance of what its group reads.
fn energy(rows: &[f64], m: &Moments) -> f64 {
    let len = m.per() * m.k;
    let group = |(g, rows): (usize, &[f64])| linalg::dot(rows, &linalg::product(rows, m.k, m.gram(g), m.k));
    rows.par_chunks(len).enumerate().map(group).collect::<Vec<f64>>().iter().sum()
}

impl Survey<'_> {
    /// Measures every form of every layer, or one of each, on the network's outputs.
    fn measure(&mut self, samples: usize) -> Result<()> {
        let once: f64 = self.layers.iter().map(|l| self.replay.work(l.node)).sum();
        let widths = self.layers.iter().map(|l| l.tried.len()).max().unwrap_or(1).max(1);
        let afford = |times: f64| (WORK / (once * times).max(1.0)) as usize;
        let every = afford(widths as f64) >= ENOUGH.min(samples);
        let samples = if every { afford(widths as f64) } else { afford(1.0) }.clamp(FEWEST.min(samples), samples);
        let middle = |f: Form| f.step.is_none() && f.bits <= MIDDLE;
        let one = |l: &Surveyed| l.tried.iter().enumerate().filter(|(_, t)| middle(t.form)).map(|(i, _)| i).next_back().unwrap_or(0);
        let jobs: Vec<(usize, usize)> = (0..self.layers.len())
            .flat_map(|l| if every { (0..self.layers[l].tried.len()).map(|t| (l, t)).collect() } else { vec![(l, one(&self.layers[l]))] })
            .collect();
        let ends = jobs.par_iter().map(|&(l, t)| self.replay.lost(&BTreeMap::from([self.other(l, t)?]), samples));
        let ends: Vec<Lost> = ends.collect::<Result<_>>()?;
        for (&(l, t), lost) in jobs.iter().zip(&ends) {
            let tried = &mut self.layers[l].tried;
            if every {
                tried[t].end = lost.error;
            } else {
                // Where nothing is lost in the layer itself the ratio says nothing.
                let gram = tried[t].gram;
                let end = |g: f64| if gram > 0.0 { lost.error / gram * g } else { lost.error.max(g) };
                tried.iter_mut().for_each(|t| t.end = end(t.gram));
            }
        }
        Ok(())
    }

    /// A layer in a form, to be run.
    fn other(&self, layer: usize, tried: usize) -> Result<(NodeId, FastNode)> {
        let (l, mut g) = (&self.layers[layer], self.g.clone());
        let (t, ins) = (&l.tried[tried], g.inputs_of(l.node));
        let shape = g.value(ins[1]).shape.clone();
        let (outs, w) = (shape[0], g.add_const("w", Tensor::from_f32(shape, &t.w)?));
        let b = g.add_const("b", Tensor::from_f32([outs], &t.bias)?);
        g.set_inputs(l.node, &[ins[0], w, b]);
        Ok((l.node, FastNode::new(&g, l.node)?))
    }

    /// Layers with weights: name, number of weights, and what every form of it loses.
    pub fn layers(&self) -> impl Iterator<Item = (&str, usize, Vec<Attempt>)> {
        let attempt = |t: &Tried| Attempt { form: t.form, end_to_end: t.end, gram: t.gram, coded: t.coded };
        self.layers.iter().map(move |l| (l.layer.as_str(), l.weights, l.tried.iter().map(attempt).collect()))
    }

    /// What all layers lose together in the forms given by layer, in the order of [`Self::layers`], on the samples held out.
    ///
    /// # Errors
    /// Those of the executor.
    pub fn together(&self, forms: &[Form]) -> Result<Lost> {
        let at = |l: usize| forms.get(l).and_then(|f| self.layers[l].tried.iter().position(|t| t.form == *f));
        let others = (0..self.layers.len()).filter_map(|l| at(l).map(|t| self.other(l, t)));
        self.replay.all_lost(&others.collect::<Result<BTreeMap<_, _>>>()?)
    }
}
