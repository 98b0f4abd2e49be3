//! The integer side: quantization at a level, the definition against the fast executor, and the error against the float outputs.

use super::float::Float;
use super::{Step, at, mismatch};
use crate::network::Level;
use crate::source::Prng;
use mcompc_compress::{ActBits, CalibOptions, Options, WeightBits, apply, calibrate, decide};
use mcompc_data::Dataset;
use mcompc_interp::{FastInt, Trace};
use mcompc_ir::{Graph, Result, Tensor};
use std::path::Path;

/// An integer graph, and what it computes for some inputs.
pub(crate) struct Integer {
    pub graph: Graph,
    /// Input codes: a calibration sample, random codes, the ends of the range.
    pub inputs: Vec<Vec<Tensor>>,
    /// Every value for each of them, by the definition.
    pub traces: Vec<Trace>,
    /// Codes of the calibration samples.
    samples: Vec<Vec<Tensor>>,
}

/// Squared error over variance from which on int8 is suspicious.
const SUSPICIOUS: f64 = 0.5;

/// Weights of a level, for the layers of a graph. `None` where the level is no other than int8.
fn weights(g: &Graph, level: Level) -> Option<WeightBits> {
    let layers = || g.ids().into_iter().map(|id| g.node(id)).filter(|n| matches!(n.op.as_str(), "Conv" | "Dense"));
    if !matches!(level, Level::Int8 | Level::Int16) && layers().next().is_none() {
        return None;
    }
    Some(match level {
        Level::Int8 | Level::Int16 | Level::Coded => WeightBits::default(),
        Level::Int4 { ends } => WeightBits { bits: 4, ends, ..WeightBits::default() },
        Level::Groups => WeightBits { bits: 4, block: Some(32), ends: true, ..WeightBits::default() },
        Level::Mixed => {
            let by_name = layers().enumerate().map(|(i, n)| (n.name.clone(), if i % 2 == 0 { 4 } else { 8 })).collect();
            WeightBits { bits: 4, block: None, ends: true, by_name }
        }
    })
}

impl Integer {
    /// `None` where the level makes nothing that int8 does not.
    pub fn new(float: &Float, data: &Path, level: Level) -> Step<Option<Self>> {
        let g = &float.canonical;
        let Some(weights) = weights(g, level) else { return Ok(None) };
        let stage = format!("integerize [{}]", level.name());
        let set = Dataset::open(data).map_err(at("data"))?;
        let stats = calibrate(g, &set, &float.inputs, &CalibOptions::default(), &mut |_, _| {}).map_err(at("calibrate"))?;
        let acts = ActBits { bits: if level == Level::Int16 { 16 } else { 8 }, ..ActBits::default() };
        let options = Options { weights, acts, ..Options::default() };
        let scheme = decide(g, &stats, &float.inputs, &options).map_err(at(&stage))?;
        let coded = apply(g, &stats, &float.inputs, &scheme).map_err(at(&stage))?;
        let graph = mcompc_integerize::integerize(&coded.graph).map_err(at(&stage))?.graph;
        let samples = samples(&set, float, &graph).map_err(at("data"))?;
        let mut rng = Prng::new(1);
        let mut inputs: Vec<Vec<Tensor>> = samples.iter().take(1).cloned().collect();
        inputs.push(codes(&graph, |_| rng.draw() as u8).map_err(at("data"))?);
        inputs.push(
            codes(&graph, |signed| [if signed { 0x80 } else { 0 }, if signed { 0x7f } else { 0xff }][rng.below(2) as usize])
                .map_err(at("data"))?,
        );
        let fast = FastInt::new(&graph).map_err(at("integer executor"))?;
        let mut traces = Vec::new();
        for x in &inputs {
            let trace = mcompc_interp::run_all(&graph, x).map_err(at("integer reference"))?;
            let mut wrong = None;
            fast.run(x, |v, t| {
                if wrong.is_none() && trace.values.get(&v).is_none_or(|want| want.bytes() != t.bytes()) {
                    wrong = Some(v);
                }
            })
            .map_err(at("integer executor"))?;
            if let Some(v) = wrong {
                let node = graph.node(v.node);
                return Err(mismatch(format!("integer executor, {}", node.op), format!("`{}` differs from the definition", node.name)));
            }
            traces.push(trace);
        }
        Ok(Some(Self { graph, inputs, traces, samples }))
    }

    /// The output whose error against the float model is suspicious, with squared error over variance.
    pub fn suspicious(&self, float: &Float) -> Step<Option<(String, f64)>> {
        let fast = FastInt::new(&self.graph).map_err(at("integer executor"))?;
        let mut sums = vec![[0.0f64; 4]; self.graph.outputs.len()];
        for (x, want) in self.samples.iter().zip(&float.outputs) {
            let have = fast.run(x, |_, _| {}).map_err(at("integer executor"))?;
            for (((o, h), w), sum) in self.graph.outputs.iter().zip(&have).zip(want).zip(&mut sums) {
                let (Ok(h), Ok(w)) = (h.to_i64_vec(), w.as_f32()) else { continue };
                let q = self.graph.value(o.value).quant.as_ref();
                for (h, w) in h.iter().zip(w.iter()) {
                    let (w, h) = (f64::from(*w), q.map_or(*h as f64, |q| q.real(*h)));
                    for (s, v) in sum.iter_mut().zip([1.0, w, w * w, (w - h) * (w - h)]) {
                        *s += v;
                    }
                }
            }
        }
        let worst = self.graph.outputs.iter().zip(&sums).map(|(o, &[n, sum, squares, error])| {
            let (mean, error) = (sum / n.max(1.0), error / n.max(1.0));
            let variance = squares / n.max(1.0) - mean * mean;
            // Outputs that hardly vary beside their size, or beside the network's values, have no eight bits to show it with.
            let size = 1e-3 * f64::from(float.scale);
            let floor = 1e-4 * (mean * mean) + size * size;
            (o.name.clone(), if variance > floor { error / variance } else { 0.0 })
        });
        Ok(worst.filter(|w| w.1 > SUSPICIOUS).max_by(|a, b| a.1.total_cmp(&b.1)))
    }
}

fn samples(set: &Dataset, float: &Float, g: &Graph) -> Result<Vec<Vec<Tensor>>> {
    let values: Vec<_> = g.inputs.iter().map(|&n| g.value(g.out(n))).collect();
    let one = |s: mcompc_data::Sample| float.inputs.iter().zip(&s.inputs).zip(&values).map(|((i, t), v)| i.codes(t, v)).collect();
    set.samples(&float.inputs)?.map(|s| one(s?)).collect()
}

/// Codes for every input, each from `byte(signed)`.
fn codes(g: &Graph, mut byte: impl FnMut(bool) -> u8) -> Result<Vec<Tensor>> {
    let mut one = |n| {
        let v = g.value(g.out(n));
        let signed = v.dtype == mcompc_ir::DType::I8;
        let bytes: Vec<u8> = (0..v.bytes()).map(|_| byte(signed)).collect();
        Tensor::new(v.dtype, v.shape.clone(), bytes.into())
    };
    g.inputs.iter().map(|&n| one(n)).collect()
}
