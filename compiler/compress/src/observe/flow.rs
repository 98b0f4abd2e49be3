//! Values of the float network and of the coded one so far, for some calibration samples, as far as a layer behind still reads them.

use super::moments::{Moments, Observed};
use super::patches::{Patches, picks};
use crate::Stats;
use crate::stats::{FEWEST, FOLDS};
use mcompc_interp::FastNode;
use mcompc_ir::{Code, Error, Graph, NodeId, Result, ValueId};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Elements of both networks' values that are held at once: 1 GiB.
const ELEMENTS: usize = 1 << 28;
/// Rows of all samples together that moments are taken of, and of a layer with one weight matrix for each of many groups.
const ROWS: usize = 60_000;
const GROUPED_ROWS: usize = 30_000;
/// The most rows of a sample that say where rows lie.
const FIRST: usize = 64;

/// A value for every sample.
type Seen = Vec<Vec<f32>>;

/// Both networks under way, or the float one alone.
pub(crate) struct Flow<'a> {
    g: &'a Graph,
    samples: usize,
    /// Whether there is a coded network beside the float one; without it layers are seen on what they read in the float network.
    twin: bool,
    /// Rows of all samples together that moments are taken of.
    rows: usize,
    /// Float nodes that lead to a layer whose rows are wanted.
    leads: BTreeSet<NodeId>,
    /// Those and the layers.
    readers: BTreeSet<NodeId>,
    /// Their reads of float values that are still to come.
    left: BTreeMap<ValueId, usize>,
    float: BTreeMap<ValueId, Seen>,
    coded: BTreeMap<ValueId, Seen>,
    /// Covariance of the channels of what a float value is the mean of.
    averaged: BTreeMap<ValueId, Vec<f64>>,
}

impl<'a> Flow<'a> {
    /// Ready to follow `g` to the layers of `wanted`; `None` where there are none, or too few samples.
    ///
    /// # Errors
    /// A cycle.
    pub(crate) fn new(g: &'a Graph, stats: &Stats, wanted: &BTreeSet<NodeId>) -> Result<Option<Self>> {
        let order = g.topo()?;
        let (mut leads, mut left) = (BTreeSet::new(), BTreeMap::new());
        for &id in order.iter().rev().filter(|id| g.node(**id).op != "const") {
            if wanted.contains(&id) || leads.contains(&id) {
                let computed: Vec<ValueId> = g.inputs_of(id).into_iter().filter(|&v| g.const_of(v).is_none()).collect();
                computed.iter().for_each(|v| *left.entry(*v).or_insert(0) += 1);
                leads.extend(computed.iter().map(|v| v.node));
            }
        }
        // What is held at once, of one sample.
        let (mut held, mut most, mut to_come) = (0, 1, left.clone());
        for &id in order.iter().filter(|id| leads.contains(id)) {
            held += g.value(g.out(id)).elems();
            most = most.max(held);
            for v in g.inputs_of(id) {
                if let Some(n) = to_come.get_mut(&v) {
                    *n -= 1;
                    held -= if *n == 0 { g.value(v).elems() } else { 0 };
                }
            }
        }
        let samples = stats.kept.len().min(ELEMENTS / (2 * most));
        if wanted.is_empty() || samples < FEWEST {
            return Ok(None);
        }
        let readers = leads.union(wanted).copied().collect();
        let (float, coded, averaged) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut flow = Self { g, samples, twin: true, rows: ROWS, leads, readers, left, float, coded, averaged };
        for (i, &id) in g.inputs.iter().enumerate() {
            if flow.left.contains_key(&g.out(id)) {
                let given = |s: usize| stats.kept[s].get(i).cloned().unwrap_or_default();
                flow.float.insert(g.out(id), (0..samples).map(given).collect());
            }
        }
        Ok(Some(flow))
    }

    /// The float network alone; moments are taken of at most `rows` rows.
    ///
    /// # Errors
    /// A cycle.
    pub(crate) fn alone(g: &'a Graph, stats: &Stats, wanted: &BTreeSet<NodeId>, rows: usize) -> Result<Option<Self>> {
        Ok(Self::new(g, stats, wanted)?.map(|flow| Self { twin: false, rows, ..flow }))
    }

    /// Samples that are followed: the first of those kept.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// Runs an operator on all samples; `reads` are its computed operands.
    fn run(&self, node: &FastNode, reads: &[&Seen]) -> Result<Seen> {
        let one = |work: &mut Vec<f32>, s: usize| node.run(&reads.iter().map(|r| r[s].as_slice()).collect::<Vec<_>>(), work);
        (0..self.samples).into_par_iter().map_init(Vec::new, one).collect()
    }

    fn reads<'b>(g: &Graph, id: NodeId, of: &'b BTreeMap<ValueId, Seen>) -> Result<Vec<&'b Seen>> {
        let computed = g.inputs_of(id).into_iter().filter(|&v| g.const_of(v).is_none());
        let gone = |v: ValueId| Error::new(Code::Internal, "a value is gone before it was read").at(&g.value(v).name);
        computed.map(|v| of.get(&v).ok_or_else(|| gone(v))).collect()
    }

    /// Value `v` of the coded graph so far, and all that it needs.
    fn follow(&mut self, to: &Graph, v: ValueId) -> Result<()> {
        if self.coded.contains_key(&v) || to.const_of(v).is_some() {
            return Ok(());
        }
        let (id, node) = (v.node, FastNode::new(to, v.node)?);
        let seen = if to.node(id).op == "input" {
            // Inputs are added in the same order.
            let at = to.inputs.iter().position(|&i| i == id).unwrap_or(0);
            let from = self.float.get(&self.g.out(self.g.inputs[at]));
            self.run(&node, &[from.ok_or_else(|| Error::new(Code::Internal, "an input is gone before it was read"))?])?
        } else {
            to.inputs_of(id).into_iter().try_for_each(|v| self.follow(to, v))?;
            self.run(&node, &Self::reads(to, id, &self.coded)?)?
        };
        self.coded.insert(v, seen);
        Ok(())
    }

    /// The moments of layer `id`, whose operand in the coded graph so far is `x`. `None` where its rows are not to be had.
    ///
    /// # Errors
    /// Those of the executor.
    pub(crate) fn observe(&mut self, id: NodeId, to: &Graph, x: ValueId) -> Result<Option<Observed>> {
        let Some(p) = Patches::of(self.g, id)? else { return Ok(None) };
        if to.value(x).elems() != self.g.value(self.g.inputs_of(id)[0]).elems() {
            return Ok(None);
        }
        if self.twin {
            self.follow(to, x)?;
        }
        let y = self.run(&FastNode::unclamped(self.g, id)?, &Self::reads(self.g, id, &self.float)?)?;
        let seen = if self.twin { self.coded.get(&x) } else { self.float.get(&x) };
        let seen = seen.ok_or_else(|| Error::new(Code::Internal, "an operand is gone before it was read"))?;
        let observed = self.moments(&p, seen, &y);
        if self.leads.contains(&id) {
            let (lo, hi) = mcompc_ops::act(self.g.node(id))?;
            let (lo, hi) = (lo as f32, hi as f32);
            let clamp = |mut y: Vec<f32>| {
                y.iter_mut().for_each(|v| *v = v.max(lo).min(hi));
                y
            };
            self.float.insert(self.g.out(id), y.into_par_iter().map(clamp).collect());
        }
        let prior = self.averaged.get(&self.g.inputs_of(id)[0]).filter(|c| p.groups == 1 && c.len() == p.k * p.k);
        Ok(Some(Observed { prior: prior.map(|c| scaled(c, &observed.0)), all: observed.0, folds: observed.1 }))
    }

    fn moments(&self, p: &Patches, x: &Seen, y: &Seen) -> (Moments, Vec<Moments>) {
        let width = p.width();
        let most = if p.groups > 1 { GROUPED_ROWS.min(self.rows) } else { self.rows };
        let (n, mut shift) = ((most / self.samples).max(1).min(p.count), (vec![0f32; width], vec![0f32; p.outs]));
        let mut folds = Vec::new();
        for f in 0..FOLDS {
            let of: Vec<usize> = (0..self.samples).filter(|s| s * FOLDS / self.samples == f).collect();
            let (mut xs, mut ys) = (vec![0f32; of.len() * n * width], vec![0f32; of.len() * n * p.outs]);
            let rows = xs.par_chunks_mut(n * width).zip(ys.par_chunks_mut(n * p.outs)).zip(&of);
            rows.for_each(|((xs, ys), &s)| {
                for ((at, to), ty) in picks(p.count, n, s).into_iter().zip(xs.chunks_exact_mut(width)).zip(ys.chunks_exact_mut(p.outs)) {
                    p.row(&x[s], at, to);
                    ty.copy_from_slice(&y[s][at * p.outs..][..p.outs]);
                }
            });
            if f == 0 {
                let mean = |of: &[f32], width: usize| -> Vec<f32> {
                    let rows = (of.len() / width).min(FIRST.max(1));
                    let step = (of.len() / width / rows.max(1)).max(1);
                    let mut sums = vec![0f32; width];
                    of.chunks_exact(width).step_by(step).take(rows).for_each(|r| sums.iter_mut().zip(r).for_each(|(s, v)| *s += v));
                    sums.iter().map(|s| s / rows.max(1) as f32).collect()
                };
                shift = (mean(&xs, width), mean(&ys, p.outs));
            }
            xs.par_chunks_mut(width).for_each(|r| r.iter_mut().zip(&shift.0).for_each(|(v, s)| *v -= s));
            ys.par_chunks_mut(p.outs).for_each(|r| r.iter_mut().zip(&shift.1).for_each(|(v, s)| *v -= s));
            folds.push(Moments::of(p, &xs, &ys, (&shift.0, &shift.1)));
        }
        let all = Moments::pool(&folds.iter().collect::<Vec<_>>());
        (all.unwrap_or_else(|| folds[0].clone()), folds)
    }

    /// Float node `id` has been made: `made` is what stands for its result in the coded graph so far, `live` what stands for float values.
    ///
    /// # Errors
    /// Those of the executor.
    pub(crate) fn passed(&mut self, id: NodeId, to: &Graph, made: ValueId, live: impl Fn(ValueId) -> Vec<ValueId>) -> Result<()> {
        let out = self.g.out(id);
        if self.leads.contains(&id) {
            if !self.float.contains_key(&out) {
                let seen = self.run(&FastNode::new(self.g, id)?, &Self::reads(self.g, id, &self.float)?)?;
                self.float.insert(out, seen);
            }
            if self.twin {
                self.follow(to, made)?;
            }
            self.average(id, &live);
        }
        if self.readers.contains(&id) {
            for v in self.g.inputs_of(id) {
                if let Some(n) = self.left.get_mut(&v) {
                    *n = n.saturating_sub(1);
                }
            }
        }
        self.float.retain(|v, _| self.left.get(v).is_some_and(|n| *n > 0));
        let keep: BTreeSet<ValueId> = self.float.keys().flat_map(|&v| live(v)).collect();
        self.coded.retain(|v, _| keep.contains(v));
        Ok(())
    }

    /// Remembers the covariance of channels that node `id` takes the mean of.
    fn average(&mut self, id: NodeId, live: &impl Fn(ValueId) -> Vec<ValueId>) {
        let (node, out) = (self.g.node(id), self.g.out(id));
        let Some(&x) = self.g.inputs_of(id).first() else { return };
        if node.op == "Reshape" {
            if let Some(c) = self.averaged.get(&x).cloned() {
                self.averaged.insert(out, c);
            }
            return;
        }
        let (shape, channels) = (&self.g.value(x).shape, self.g.value(x).shape.last().copied().unwrap_or(1));
        let mean = matches!(node.op.as_str(), "AveragePool" | "ReduceMean");
        if !mean || shape.len() != 4 || self.g.value(out).elems() != channels || shape[1] * shape[2] < 2 {
            return;
        }
        let twin = || live(x).iter().find_map(|v| self.coded.get(v));
        let Some(seen) = (if self.twin { twin() } else { self.float.get(&x) }) else { return };
        let n = (ROWS / self.samples).max(1).min(shape[1] * shape[2]);
        let rows = |s: usize| {
            picks(shape[1] * shape[2], n, s).into_iter().flat_map(move |at| seen[s][at * channels..][..channels].iter().copied())
        };
        // Alone, the second sets of samples judge codes, which must not have seen anything of them.
        let seen_by_codes = |s: &usize| self.twin || (s * FOLDS / self.samples).is_multiple_of(2);
        let x: Vec<f32> = (0..self.samples).filter(seen_by_codes).flat_map(rows).collect();
        self.averaged.insert(out, super::moments::covariance(&x, channels));
    }
}

/// `c` with the trace of the covariance of `m`'s x.
fn scaled(c: &[f64], m: &Moments) -> Vec<f64> {
    let trace = |c: &[f64]| c.iter().step_by(m.k + 1).sum::<f64>();
    let by = trace(m.gram(0)) / trace(c).max(f64::MIN_POSITIVE);
    c.iter().map(|v| v * by).collect()
}
