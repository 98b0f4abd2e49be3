//! A model's outputs for the samples of a file, by whichever executor.

use crate::compile::{compile, quantize};
use crate::progress::{Progress, timed};
use crate::request::Request;
use crate::sequence::{Sequence, in_chunks};
use crate::stages::{Compiled, Front, Quantized, Step, float_outputs, front, reals};
use crate::verify::{CHUNK, Integers, Runner, runner};
use mcompc_data::{Dataset, Sample};
use mcompc_interp::{Carry, FastExec};
use mcompc_ir::{Code, Error, Graph, Result, Tensor, Value};
use std::path::{Path, PathBuf};

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Means {
    /// The target's code, here or under an emulator.
    #[default]
    Code,
    /// The graph of integers, which every target's code equals byte by byte: no code is generated.
    Integers,
    /// The float model, without any quantization.
    Reference,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// Samples.
    pub data: PathBuf,
    /// Samples at most.
    pub limit: Option<usize>,
    /// By what.
    pub means: Means,
}

/// An output of all samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// ONNX name.
    pub name: String,
    /// Of one sample.
    pub shape: Vec<usize>,
    /// Reals, sample after sample; of integers without codes their numbers.
    pub reals: Vec<f32>,
    /// The integers behind them, where integers computed.
    pub codes: Option<Vec<Tensor>>,
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// Samples run.
    pub samples: usize,
    /// How: `native`, the emulator's name, `integers` or `reference`.
    pub machine: String,
    /// In the model's order.
    pub outputs: Vec<Array>,
    /// Arrays of the data that are of no input.
    pub unused: Vec<String>,
}

/// Runs a model on samples.
///
/// # Errors
/// E002 for a limit of 0, E401 for data that do not fit; those of the stages and of the executor.
pub fn run(o: &Request, ask: &RunRequest, progress: &dyn Progress) -> Result<Ran> {
    if ask.limit == Some(0) {
        return Err(Error::new(Code::Usage, "--limit 0 runs nothing").hint("give a positive number"));
    }
    // A budget is held to what was built.
    if ask.means == Means::Code || ask.means == Means::Integers && o.ask.is_some() {
        return run_compiled(o, &compile(o, progress)?, ask, progress);
    }
    let front = front(o, progress)?;
    match ask.means {
        Means::Reference => reference(&front, ask, progress),
        _ => by_integers(&front, &quantize(o, &front, progress)?, ask, progress),
    }
}

/// As [`run`], of what was compiled before.
///
/// # Errors
/// As [`run`].
pub fn run_compiled(o: &Request, c: &Compiled, ask: &RunRequest, progress: &dyn Progress) -> Result<Ran> {
    match ask.means {
        Means::Reference => reference(&c.front, ask, progress),
        Means::Integers => by_integers(&c.front, &c.quantized, ask, progress),
        Means::Code => by_code(o, c, ask, progress),
    }
}

fn by_code(o: &Request, c: &Compiled, ask: &RunRequest, progress: &dyn Progress) -> Result<Ran> {
    let runner = timed(progress, "linking", || runner(o, c))?;
    on_codes(&c.front, &c.quantized.graph, ask, progress, &*runner)
}

fn by_integers(front: &Front, quantized: &Quantized, ask: &RunRequest, progress: &dyn Progress) -> Result<Ran> {
    on_codes(front, &quantized.graph, ask, progress, &Integers::new(&quantized.graph)?)
}

fn on_codes(front: &Front, graph: &Graph, ask: &RunRequest, progress: &dyn Progress, runner: &dyn Runner) -> Result<Ran> {
    let values = outputs(graph);
    let (mut out, mut sequence) = (Outputs::new(&values), Sequence::new(front, graph)?);
    let unused = chunks(front, ask, progress, |chunk| {
        let inputs: Vec<Vec<Tensor>> = sequence.steps(chunk)?.into_iter().map(|s| s.1).collect();
        out.codes(runner.run_all(&inputs)?)
    })?;
    Ok(out.ran(runner.name(), unused))
}

/// Output values under their outputs' names.
fn outputs(g: &Graph) -> Vec<Value> {
    g.outputs.iter().map(|o| Value { name: o.name.clone(), ..g.value(o.value).clone() }).collect()
}

fn reference(front: &Front, ask: &RunRequest, progress: &dyn Progress) -> Result<Ran> {
    let g = &front.canonical;
    let values = outputs(g);
    let (mut out, fast) = (Outputs::new(&values), FastExec::new(g)?);
    let (mut scratch, mut carry) = (fast.scratch(), Carry::new(g, front.sequence));
    let unused = chunks(front, ask, progress, |chunk| {
        let inputs: Vec<Vec<Vec<f32>>> = chunk.iter().map(|s| reals(front, s)).collect::<Result<_>>()?;
        if g.states.is_empty() {
            let steps: Vec<Step> = inputs.into_iter().map(|x| (x, vec![])).collect();
            out.reals(float_outputs(&fast, &steps)?);
            return Ok(());
        }
        for (s, mut x) in chunk.iter().zip(inputs) {
            carry.enter(s.index, &mut x);
            let x: Vec<&[f32]> = x.iter().map(Vec::as_slice).collect();
            let y = fast.run(&mut scratch, &x, |_, _| {})?;
            carry.leave(&y);
            out.reals(vec![y]);
        }
        Ok(())
    })?;
    Ok(out.ran("reference".into(), unused))
}

/// Gives the samples of the file to `work`, some at a time; returns the names of arrays that are of no input.
fn chunks(front: &Front, ask: &RunRequest, progress: &dyn Progress, work: impl FnMut(&[Sample]) -> Result<()>) -> Result<Vec<String>> {
    let data = Dataset::open(Path::new(&ask.data))?;
    let samples = data.samples(&data.started(&front.inputs)?)?;
    let total = samples.total().min(ask.limit.unwrap_or(usize::MAX));
    in_chunks(samples, (total, CHUNK), (progress, "running samples"), work)?;
    Ok(data.unused(&front.inputs).into_iter().map(str::to_owned).collect())
}

struct Outputs<'a> {
    values: &'a [Value],
    samples: usize,
    arrays: Vec<Array>,
}

impl<'a> Outputs<'a> {
    fn new(values: &'a [Value]) -> Self {
        let one = |v: &Value| Array { name: v.name.clone(), shape: v.shape.clone(), reals: vec![], codes: None };
        Self { values, samples: 0, arrays: values.iter().map(one).collect() }
    }

    fn codes(&mut self, all: Vec<Vec<Tensor>>) -> Result<()> {
        for y in all {
            self.samples += 1;
            for ((a, v), t) in self.arrays.iter_mut().zip(self.values).zip(y) {
                let codes = t.to_i64_vec()?;
                match &v.quant {
                    Some(q) => a.reals.extend(codes.iter().enumerate().map(|(i, &c)| q.real_at(&v.shape, i, c) as f32)),
                    None => a.reals.extend(codes.iter().map(|&c| c as f32)),
                }
                a.codes.get_or_insert_default().push(t);
            }
        }
        Ok(())
    }

    fn reals(&mut self, all: Vec<Vec<Vec<f32>>>) {
        for y in all {
            self.samples += 1;
            self.arrays.iter_mut().zip(y).for_each(|(a, y)| a.reals.extend(y));
        }
    }

    fn ran(self, machine: String, unused: Vec<String>) -> Ran {
        Ran { samples: self.samples, machine, outputs: self.arrays, unused }
    }
}
