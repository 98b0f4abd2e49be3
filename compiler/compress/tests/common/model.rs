//! A model with its data: imported, made canonical, calibrated, integer.

use super::int::{Int, integerize};
use mcompc_compress::{CalibOptions, Options, Stats, calibrate};
use mcompc_data::{Dataset, Input, InputSpec, Sample};
use mcompc_interp::{FastExec, FastInt};
use mcompc_ir::{Graph, Result, Tensor};
use rayon::prelude::*;
use std::path::Path;

pub struct Model {
    pub graph: Graph,
    pub specs: Vec<InputSpec>,
    pub inputs: Vec<Input>,
    pub stats: Stats,
}

/// Float and integer result of one sample, the latter as reals.
pub struct Pair {
    pub float: Vec<f32>,
    pub int: Vec<f32>,
}

impl Model {
    pub fn load(onnx: &Path, flags: &[String], calib: &Path) -> Result<Self> {
        let mut graph = mcompc_onnx::import(onnx, &mcompc_onnx::ImportOptions::default())?;
        mcompc_passes::run_pipeline(&mut graph)?;
        let specs: Vec<InputSpec> = flags.iter().map(|f| InputSpec::parse(f)).collect::<Result<_>>()?;
        let inputs = Input::of_graph(&graph, &specs)?;
        let stats = calibrate(&graph, &Dataset::open(calib)?, &inputs, &CalibOptions::default(), &mut |_, _| {})?;
        Ok(Self { graph, specs, inputs, stats })
    }

    pub fn integerize(&self, opts: &Options) -> Result<Int> {
        integerize(&self.graph, &self.stats, &self.specs, opts)
    }

    /// Both results on every sample of a file.
    pub fn compare(&self, int: &Int, data: &Dataset, max: usize) -> Result<Vec<Pair>> {
        let float = FastExec::new(&self.graph)?;
        let exec = FastInt::new(&int.graph)?;
        let out = int.graph.outputs[0].value;
        let q = int.graph.value(out).quant.as_ref().map_or((1.0, 0), |q| (q.step(), q.zero_point()));
        let one = |s: &Sample| -> Result<Pair> {
            let reals: Vec<Vec<f32>> = s.inputs.iter().zip(&self.inputs).map(|(t, i)| i.reals(t)).collect::<Result<_>>()?;
            let slices: Vec<&[f32]> = reals.iter().map(Vec::as_slice).collect();
            let f = float.run(&mut float.scratch(), &slices, |_, _| {})?.remove(0);
            let codes = self.codes(int, s)?;
            let y = exec.run(&codes, |_, _| {})?.remove(0).to_i64_vec()?;
            Ok(Pair { float: f, int: y.into_iter().map(|c| (q.0 * (c as f64 - f64::from(q.1))) as f32).collect() })
        };
        let mut samples = data.samples(&self.inputs)?.take(max);
        let mut pairs = Vec::new();
        loop {
            let batch: Vec<Sample> = samples.by_ref().take(16).collect::<Result<_>>()?;
            if batch.is_empty() {
                return Ok(pairs);
            }
            pairs.extend(batch.par_iter().map(one).collect::<Result<Vec<_>>>()?);
        }
    }

    /// As [`Self::integerize`], with every layer of fewer than eight bits rounded by the method named, where it can be.
    pub fn integerize_by(&self, opts: &Options, method: Option<&str>) -> Result<Int> {
        let mut int = self.integerize(opts)?;
        let Some(method) = method else { return Ok(int) };
        for i in 0..int.scheme.layers.len() {
            let mut other = int.scheme.clone();
            other.layers[i].method = method.into();
            if other.layers[i].bits < 8 && other.check(&self.graph).is_ok() {
                int.scheme = other;
            }
        }
        int.coded = mcompc_compress::apply(&self.graph, &self.stats, &self.inputs, &int.scheme)?.graph;
        int.graph = mcompc_integerize::integerize(&int.coded)?.graph;
        Ok(int)
    }

    /// What the first output's softmax reads, or the output where there is none: of the float graph, and of the coded one on the float executor.
    pub fn compare_coded(&self, int: &Int, data: &Dataset, max: usize) -> Result<Vec<Pair>> {
        let read = |g: &Graph| {
            let mut v = g.outputs[0].value;
            while matches!(g.node(v.node).op.as_str(), "Softmax" | "Reshape") {
                v = g.inputs_of(v.node)[0];
            }
            v
        };
        let one = |(g, exec): (&Graph, &FastExec), s: &Sample| -> Result<Vec<f32>> {
            let reals: Vec<Vec<f32>> = s.inputs.iter().zip(&self.inputs).map(|(t, i)| i.reals(t)).collect::<Result<_>>()?;
            let slices: Vec<&[f32]> = reals.iter().map(Vec::as_slice).collect();
            let (at, mut seen) = (read(g), Vec::new());
            exec.run(&mut exec.scratch(), &slices, |v, x| {
                if v == at {
                    seen = x.to_vec();
                }
            })?;
            Ok(seen)
        };
        let samples: Vec<Sample> = data.samples(&self.inputs)?.take(max).collect::<Result<_>>()?;
        let (float, coded) = (FastExec::new(&self.graph)?, FastExec::new(&int.coded)?);
        let pair = |s| Ok(Pair { float: one((&self.graph, &float), s)?, int: one((&int.coded, &coded), s)? });
        samples.par_iter().map(pair).collect()
    }

    /// The integer graph's inputs for a sample.
    pub fn codes(&self, int: &Int, s: &Sample) -> Result<Vec<Tensor>> {
        let g = &int.graph;
        s.inputs.iter().zip(&self.inputs).zip(&g.inputs).map(|((t, i), &n)| i.codes(t, g.value(g.out(n)))).collect()
    }
}

pub fn argmax(v: &[f32]) -> usize {
    let mut best = 0;
    for (i, x) in v.iter().enumerate() {
        if *x > v[best] {
            best = i;
        }
    }
    best
}

/// Squared output error over output variance.
pub fn relative_error(pairs: &[Pair]) -> f64 {
    let n: f64 = pairs.iter().map(|p| p.float.len() as f64).sum();
    let each = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        pairs.iter().flat_map(|p| p.float.iter().zip(&p.int)).map(|(&a, &b)| f(a.into(), b.into())).sum()
    };
    let mean = each(&|a, _| a) / n;
    each(&|a, b| (a - b) * (a - b)) / each(&|a, _| (a - mean) * (a - mean))
}
