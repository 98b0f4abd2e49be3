//! One step a layer for weights that are entropy-coded. With steps s, what the outputs lose is about the sum of k s^2, k a layer's *sensitivity*, and the
//! weights take the sum of N log2(1/s) bits but for a constant, N a layer's weights; the least loss at so many bits has s^2 = tau N / k with
//! one tau for all layers (the classical allocation of rate by slopes: Shoham, Gersho, "Efficient Bit Allocation for an Arbitrary Set of
//! Quantizers", 1988).

use crate::scheme::{LayerScheme, Scheme, layer_names};
use crate::{Stats, methods};
use mcompc_interp::FastExec;
use mcompc_ir::{Code, Codes, Error, Graph, NodeId, Result, Tensor, ValueId};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Products that all measurements together may take.
const WORK: f64 = 5e10;
/// Samples that they run on, at most and at least.
const SAMPLES: usize = 64;
const FEWEST: usize = 4;
/// The step under which a layer is measured, as a share of its weights' root mean square: about three bits.
const SHARE: f64 = 0.5;
/// The coarsest step, in the least: the largest weight is 1.
const COARSEST: f64 = 127.0;
/// Halvings of the interval of tau.
const HALVINGS: usize = 40;

struct Layer {
    name: String,
    w: Vec<f32>,
    k: usize,
    /// Error of the outputs over their variance, for the square of the step.
    sensitivity: f64,
    /// The step under which the largest weight is the largest code.
    least: f64,
}

/// What is needed to choose steps.
pub struct Rates {
    layers: Vec<Layer>,
    seen: bool,
}

impl Rates {
    /// Measures the sensitivity of every layer: it is rounded to nearest, its bias corrected, the others as they are, on samples that `stats` keeps.
    ///
    /// # Errors
    /// E401 without samples; those of the executor.
    pub fn new(g: &Graph, stats: &Stats) -> Result<Self> {
        if stats.synthetic || stats.kept.is_empty() {
            let what = "steps of coded weights follow from what rounding costs on calibration data, and there are none";
            return Err(Error::new(Code::BadCalib, what).hint("give --calib"));
        }
        let names = layer_names(g)?;
        let shape = |id: NodeId| &g.value(g.inputs_of(id)[1]).shape;
        let macs = |id: NodeId| (g.value(g.out(id)).elems() * shape(id)[1..].iter().product::<usize>()) as f64;
        let once: f64 = names.iter().map(|(id, _)| macs(*id)).sum();
        let afford = (WORK / (once * names.len() as f64).max(1.0)) as usize;
        let most = afford.clamp(FEWEST, SAMPLES).min(stats.kept.len());
        let picked: Vec<&Vec<Vec<f32>>> = (0..most).map(|i| &stats.kept[i * stats.kept.len() / most]).collect();
        let ends: Vec<ValueId> = g.outputs.iter().map(|o| before_softmax(g, o.value)).collect();
        let right = values(g, &ends, &picked)?;
        let one = |(id, name): (NodeId, String)| -> Result<Layer> {
            let w = mcompc_ops::reals(g, g.inputs_of(id)[1])?;
            let k = shape(id)[1..].iter().product::<usize>();
            let top = f64::from(w.iter().fold(0f32, |a, v| a.max(v.abs())));
            let rms = (w.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>() / w.len().max(1) as f64).sqrt();
            let least = top / f64::from(Codes::I8.max());
            let step = (SHARE * rms).max(least);
            let sensitivity = if step > 0.0 {
                let other = rounded(g, stats, id, &w, step)?;
                error(&right, &values(&other, &ends, &picked)?) / (step * step)
            } else {
                0.0
            };
            Ok(Layer { name, w, k, sensitivity, least })
        };
        let layers = names.into_par_iter().map(one).collect::<Result<_>>()?;
        Ok(Self { layers, seen: stats.can_observe() })
    }

    /// Weights of all layers.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(|l| l.w.len()).sum()
    }

    fn step(&self, l: &Layer, tau: f64) -> f64 {
        // A layer that nothing was seen of is as sensitive as the least sensitive one.
        let known = self.layers.iter().map(|l| l.sensitivity).filter(|s| *s > 0.0);
        let k = if l.sensitivity > 0.0 { l.sensitivity } else { known.fold(f64::INFINITY, f64::min) };
        let step = if k.is_finite() { (tau * l.w.len() as f64 / k).sqrt() } else { l.least };
        step.clamp(l.least, COARSEST * l.least).max(f64::from(f32::MIN_POSITIVE))
    }

    /// Bytes that the weights of all layers take, coded, under steps of `tau`, when they are rounded to nearest.
    pub fn bytes(&self, tau: f64) -> usize {
        let one = |l: &Layer| {
            let step = self.step(l, tau);
            let most = f64::from(Codes::I8.max());
            mcompc_coding::bytes(&l.w.iter().map(|&w| (f64::from(w) / step).round().clamp(-most, most) as i8).collect::<Vec<_>>())
        };
        self.layers.par_iter().map(one).sum()
    }

    /// The tau of finest steps at which [`Self::bytes`] is at most `most`; the coarsest where there is none.
    pub fn tau(&self, most: usize) -> f64 {
        let of = |l: &Layer, step: f64| step * step * l.sensitivity / l.w.len() as f64;
        let all = || self.layers.iter().filter(|l| l.sensitivity > 0.0 && l.least > 0.0);
        let mut lo = all().map(|l| of(l, l.least)).fold(f64::INFINITY, f64::min);
        let mut hi = all().map(|l| of(l, COARSEST * l.least)).fold(0.0, f64::max);
        if !(lo.is_finite() && hi > 0.0) || self.bytes(lo) <= most {
            return lo.min(hi);
        }
        for _ in 0..HALVINGS {
            let middle = (lo * hi).sqrt();
            if self.bytes(middle) <= most {
                hi = middle;
            } else {
                lo = middle;
            }
        }
        hi
    }

    /// The scheme with steps of `tau` for all layers.
    pub fn scheme(&self, scheme: &Scheme, tau: f64) -> Scheme {
        let mut new = scheme.clone();
        for l in &self.layers {
            for old in new.layers.iter_mut().filter(|s| s.layer == l.name) {
                *old = LayerScheme {
                    layer: l.name.clone(),
                    method: methods::stepped(l.k, self.seen).into(),
                    bits: Codes::I8.bits,
                    group: None,
                    step: Some(self.step(l, tau)),
                    why: Some("coded, one step".into()),
                };
            }
        }
        new
    }
}

/// The values `ends` for every sample.
fn values(g: &Graph, ends: &[ValueId], samples: &[&Vec<Vec<f32>>]) -> Result<Vec<BTreeMap<ValueId, Vec<f32>>>> {
    let exec = FastExec::new(g)?;
    let mut scratch = exec.scratch();
    let mut one = |sample: &&Vec<Vec<f32>>| {
        let inputs: Vec<&[f32]> = sample.iter().map(Vec::as_slice).collect();
        let mut seen = BTreeMap::new();
        exec.run(&mut scratch, &inputs, |v, t| {
            if ends.contains(&v) {
                seen.insert(v, t.to_vec());
            }
        })?;
        Ok(seen)
    };
    samples.iter().map(&mut one).collect()
}

/// Squared error over variance, the mean of all values.
fn error(right: &[BTreeMap<ValueId, Vec<f32>>], have: &[BTreeMap<ValueId, Vec<f32>>]) -> f64 {
    let ends: Vec<ValueId> = right.first().map(|r| r.keys().copied().collect()).unwrap_or_default();
    let of = |all: &[BTreeMap<ValueId, Vec<f32>>], v: &ValueId| -> Vec<f64> {
        all.iter().filter_map(|r| r.get(v)).flatten().map(|&x| f64::from(x)).collect()
    };
    let one = |v: &ValueId| {
        let (a, b) = (of(right, v), of(have, v));
        let mean = a.iter().sum::<f64>() / a.len().max(1) as f64;
        let variance: f64 = a.iter().map(|x| (x - mean) * (x - mean)).sum();
        let off: f64 = a.iter().zip(&b).map(|(x, y)| (x - y) * (x - y)).sum();
        if variance > 0.0 { off / variance } else { 0.0 }
    };
    ends.iter().map(one).sum::<f64>() / ends.len().max(1) as f64
}

/// The graph with one layer's weights to nearest, and its bias corrected by the means of what it reads.
fn rounded(g: &Graph, stats: &Stats, id: NodeId, w: &[f32], step: f64) -> Result<Graph> {
    let (mut other, ins) = (g.clone(), g.inputs_of(id));
    let (shape, most) = (g.value(ins[1]).shape.clone(), f64::from(Codes::I8.max()));
    let new: Vec<f32> = w.iter().map(|&v| ((f64::from(v) / step).round().clamp(-most, most) * step) as f32).collect();
    let mut bias: Vec<f32> = match ins.get(2) {
        Some(&b) => mcompc_ops::reals(g, b)?,
        None => vec![0.0; shape[0]],
    };
    let group = g.node(id).attrs.int_or("group", 1)? as usize;
    if let Some(means) = stats.values.get(&ins[0]).map(|s| s.channel_means()) {
        let (k, c) = (w.len() / shape[0], shape.last().copied().unwrap_or(1));
        for (i, (a, b)) in w.iter().zip(&new).enumerate() {
            let channel = i / k / (shape[0] / group).max(1) * c + i % k % c;
            bias[i / k] += (a - b) * means.get(channel).copied().unwrap_or(0.0) as f32;
        }
    }
    let wv = other.add_const("w", Tensor::from_f32(shape.clone(), &new)?);
    let bv = other.add_const("b", Tensor::from_f32([shape[0]], &bias)?);
    other.set_inputs(id, &[ins[0], wv, bv]);
    Ok(other)
}

/// What the softmax of an output reads; any other output itself.
fn before_softmax(g: &Graph, mut v: ValueId) -> ValueId {
    let out = v;
    while g.node(v.node).op == "Reshape" {
        v = g.inputs_of(v.node)[0];
    }
    if g.node(v.node).op == "Softmax" { g.inputs_of(v.node)[0] } else { out }
}
