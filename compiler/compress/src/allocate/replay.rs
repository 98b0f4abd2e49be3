//! The float network on some samples with every value kept, so that a network in which a layer is another is run from that layer on only.

use crate::scheme::weighted;
use mcompc_interp::{FastExec, FastNode};
use mcompc_ir::{Graph, NodeId, Result, ValueId};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Elements of the values that are kept: 1 GiB.
const ELEMENTS: usize = 1 << 28;

pub(super) struct Replay {
    /// Operators in the order of execution, with what they read and make.
    steps: Vec<Step>,
    place: BTreeMap<NodeId, usize>,
    /// By sample.
    values: Vec<BTreeMap<ValueId, Vec<f32>>>,
    /// What is judged: what the softmax of an output reads, or the output.
    ends: Vec<End>,
    /// Whether the first output is the float model's softmax or its only vector, whose largest element is the answer.
    classes: usize,
}

struct Step {
    node: FastNode,
    reads: Vec<ValueId>,
    /// Values that nobody reads behind this step.
    last: Vec<ValueId>,
    out: ValueId,
    /// Products, or elements.
    work: f64,
}

struct End {
    value: ValueId,
    variance: f64,
}

/// What a changed network loses on the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lost {
    /// Mean squared difference from the float network over the variance of what it gives, before a softmax; mean over the outputs.
    pub error: f64,
    /// Expected points of top-1 accuracy, were the first output the scores of classes: mean of p(float's choice) - p(this one's) under the
    /// float network's softmax.
    pub points: f64,
}

impl Replay {
    /// Most samples of `g` that can be kept.
    pub(super) fn room(g: &Graph) -> Result<usize> {
        let held: usize = g.topo()?.into_iter().filter(|&id| g.node(id).op != "const").map(|id| g.value(g.out(id)).elems()).sum();
        Ok(ELEMENTS / held.max(1))
    }

    /// Runs `g` on the samples, reals of every input.
    ///
    /// # Errors
    /// Those of the executor.
    pub(super) fn new(g: &Graph, samples: &[&Vec<Vec<f32>>]) -> Result<Self> {
        let exec = FastExec::new(g)?;
        let run = |sample: &&Vec<Vec<f32>>| {
            let mut values = BTreeMap::new();
            let ins: Vec<&[f32]> = sample.iter().map(Vec::as_slice).collect();
            exec.run(&mut exec.scratch(), &ins, |v, x| drop(values.insert(v, x.to_vec())))?;
            Ok(values)
        };
        let values: Vec<BTreeMap<ValueId, Vec<f32>>> = samples.par_iter().map(run).collect::<Result<_>>()?;
        let live = |id: NodeId| values.first().is_some_and(|v| v.contains_key(&g.out(id)));
        let order: Vec<NodeId> = g.topo()?.into_iter().filter(|&id| live(id) && g.node(id).op != "input").collect();
        let computed = |id: NodeId| g.inputs_of(id).into_iter().filter(|&v| g.const_of(v).is_none()).collect::<Vec<_>>();
        let mut readers: BTreeMap<ValueId, usize> = BTreeMap::new();
        order.iter().enumerate().for_each(|(i, &id)| readers.extend(computed(id).into_iter().map(|v| (v, i))));
        let step = |(i, &id): (usize, &NodeId)| {
            let reads = computed(id);
            let last = reads.iter().copied().filter(|v| readers.get(v) == Some(&i)).collect();
            Ok(Step { node: FastNode::new(g, id)?, last, reads, out: g.out(id), work: work(g, id) })
        };
        let steps = order.iter().enumerate().map(step).collect::<Result<Vec<_>>>()?;
        let place = order.iter().enumerate().map(|(i, &id)| (id, i)).collect();
        let states = |i: usize| g.states.iter().any(|s| s.output == i);
        let judged: Vec<usize> = match (0..g.outputs.len()).filter(|&i| !states(i)).collect::<Vec<_>>() {
            none if none.is_empty() => (0..g.outputs.len()).collect(),
            some => some,
        };
        let mut ends: Vec<End> = Vec::new();
        for value in judged.iter().map(|&i| before_softmax(g, g.outputs[i].value)).filter(|&v| live(v.node)) {
            ends.push(End { value, variance: variance(values.iter().filter_map(|s| s.get(&value)).flatten()) });
        }
        let classes = ends.first().map_or(1, |e| g.value(e.value).shape.last().copied().unwrap_or(1));
        Ok(Self { steps, place, values, ends, classes })
    }

    /// Products of what runs anew on a sample where layer `id` is another.
    pub(super) fn work(&self, id: NodeId) -> f64 {
        let Some(&from) = self.place.get(&id) else { return 0.0 };
        let mut changed = BTreeSet::from([self.steps[from].out]);
        let mut sum = self.steps[from].work;
        for s in &self.steps[from + 1..] {
            if s.reads.iter().any(|v| changed.contains(v)) {
                changed.insert(s.out);
                sum += s.work;
            }
        }
        sum
    }

    /// What the network loses with other layers, on the first `most` samples, one after the other.
    ///
    /// # Errors
    /// Those of the executor.
    pub(super) fn lost(&self, others: &BTreeMap<NodeId, FastNode>, most: usize) -> Result<Lost> {
        self.gather((0..self.values.len().min(most)).map(|s| self.one(others, s)).collect::<Result<Vec<_>>>()?)
    }

    /// As [`Self::lost`] on all samples, side by side.
    ///
    /// # Errors
    /// Those of the executor.
    pub(super) fn all_lost(&self, others: &BTreeMap<NodeId, FastNode>) -> Result<Lost> {
        self.gather((0..self.values.len()).into_par_iter().map(|s| self.one(others, s)).collect::<Result<Vec<_>>>()?)
    }

    fn gather(&self, samples: Vec<(Vec<f64>, f64, usize)>) -> Result<Lost> {
        let n = samples.len().max(1) as f64;
        let error = |(i, e): (usize, &End)| {
            let sum: f64 = samples.iter().map(|s| s.0[i]).sum();
            let each = self.values.first().and_then(|v| v.get(&e.value)).map_or(1, Vec::len) as f64;
            sum / (n * each) / e.variance.max(f64::MIN_POSITIVE)
        };
        let positions: usize = samples.iter().map(|s| s.2).sum();
        Ok(Lost {
            error: self.ends.iter().enumerate().map(error).sum::<f64>() / self.ends.len().max(1) as f64,
            points: 100.0 * samples.iter().map(|s| s.1).sum::<f64>() / positions.max(1) as f64,
        })
    }

    /// Squared error of every end, probability missed and answers of one sample.
    fn one(&self, others: &BTreeMap<NodeId, FastNode>, s: usize) -> Result<(Vec<f64>, f64, usize)> {
        let kept = &self.values[s];
        let from = others.keys().filter_map(|id| self.place.get(id)).min().copied().unwrap_or(self.steps.len());
        let (mut now, mut work): (BTreeMap<ValueId, Vec<f32>>, Vec<f32>) = (BTreeMap::new(), Vec::new());
        for step in &self.steps[from..] {
            let other = others.get(&step.out.node);
            if other.is_none() && !step.reads.iter().any(|v| now.contains_key(v)) {
                continue;
            }
            let reads: Vec<&[f32]> = step.reads.iter().filter_map(|v| now.get(v).or_else(|| kept.get(v)).map(Vec::as_slice)).collect();
            let made = other.unwrap_or(&step.node).run(&reads, &mut work)?;
            now.insert(step.out, made);
            for v in step.last.iter().filter(|v| !self.ends.iter().any(|e| e.value == **v)) {
                now.remove(v);
            }
        }
        let error = |e: &End| match (now.get(&e.value), kept.get(&e.value)) {
            (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum(),
            _ => 0.0,
        };
        let (mut missed, mut answers) = (0.0, 0);
        if let Some(e) = self.ends.first()
            && let (Some(a), Some(b)) = (now.get(&e.value), kept.get(&e.value))
        {
            for (a, b) in a.chunks(self.classes).zip(b.chunks(self.classes)) {
                answers += 1;
                missed += less_probable(b, largest(b), largest(a));
            }
        }
        Ok((self.ends.iter().map(error).collect(), missed, answers))
    }
}

pub(super) fn square(x: f64) -> f64 {
    x * x
}

/// Index of the largest element, the first of equal ones.
pub fn largest<T: PartialOrd>(v: &[T]) -> usize {
    v.iter().enumerate().fold(0, |best, (i, x)| if *x > v[best] { i } else { best })
}

/// By how much `second` is less probable than `first`, the largest of the scores, under their softmax.
pub fn less_probable<T: Copy + Into<f64>>(scores: &[T], first: usize, second: usize) -> f64 {
    if first == second {
        return 0.0;
    }
    let e = |x: T| libm::exp(x.into() - scores[first].into());
    (1.0 - e(scores[second])) / scores.iter().map(|&x| e(x)).sum::<f64>()
}

fn variance<'a>(all: impl Iterator<Item = &'a f32> + Clone) -> f64 {
    let (n, sum) = all.clone().fold((0.0, 0.0), |(n, s), &x| (n + 1.0, s + f64::from(x)));
    let mean = sum / f64::max(n, 1.0);
    all.map(|&x| square(f64::from(x) - mean)).sum::<f64>() / f64::max(n, 1.0)
}

/// What the softmax of an output reads, whatever shape it has become since; any other output itself.
fn before_softmax(g: &Graph, out: ValueId) -> ValueId {
    let mut v = out;
    while g.node(v.node).op == "Reshape" {
        v = g.inputs_of(v.node)[0];
    }
    if g.node(v.node).op == "Softmax" { g.inputs_of(v.node)[0] } else { out }
}

/// Products of the whole network on a sample.
///
/// # Errors
/// A cycle.
pub(super) fn products(g: &Graph) -> Result<f64> {
    Ok(g.topo()?.into_iter().filter(|&id| !matches!(g.node(id).op.as_str(), "input" | "const")).map(|id| work(g, id)).sum())
}

/// Products of a node, or elements of its result.
fn work(g: &Graph, id: NodeId) -> f64 {
    let (ins, out) = (g.inputs_of(id), g.value(g.out(id)).elems() as f64);
    if weighted(g.node(id)) {
        let w = &g.value(ins[1]).shape;
        return out * w.iter().skip(1).product::<usize>() as f64;
    }
    out * if g.node(id).op == "MatMul" { g.value(ins[0]).shape.last().copied().unwrap_or(1) as f64 } else { 1.0 }
}
