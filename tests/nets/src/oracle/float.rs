//! The float side: import, each pass by itself, the definition against the fast executor.

use super::{Step, at, mismatch};
use crate::network::Network;
use crate::outcome::{Kind, Outcome};
use bytes::Bytes;
use mcompc_data::{Input, InputSpec};
use mcompc_interp::{FastExec, Trace};
use mcompc_ir::{Graph, Result, Tensor};
use mcompc_onnx::ImportOptions;
use mcompc_passes::PASSES;

/// A float graph in canonical form, with what it computes.
pub(crate) struct Float {
    pub canonical: Graph,
    pub inputs: Vec<Input>,
    /// Real-valued inputs, sample by sample.
    pub reals: Vec<Vec<Tensor>>,
    /// Outputs by the definition of the canonical graph, sample by sample.
    pub outputs: Vec<Vec<Tensor>>,
    /// Largest value of the imported graph's run on the first sample.
    pub scale: f32,
}

/// Values beyond this are not compared: single precision has no digits left for what comes of their differences.
pub(crate) const TAME: f32 = 1e5;

fn largest(t: &Tensor) -> f32 {
    t.as_f32().map_or(0.0, |v| v.iter().fold(0.0, |m, x| if x.is_nan() { f32::INFINITY } else { m.max(x.abs()) }))
}

/// The largest value of a run.
fn magnitude(trace: &Trace) -> f32 {
    trace.values.values().map(largest).fold(0.0, f32::max)
}

/// How far values that reach `scale` may be apart.
pub(crate) fn bound(scale: f32) -> f32 {
    1e-3 * scale.max(1e-3)
}

/// The first element that differs by more than a thousandth of `scale`.
pub(crate) fn differs(a: &[f32], b: &[f32], scale: f32) -> Option<String> {
    differs_where(a, b, scale, |_| true)
}

/// As [`differs`], of the elements that count.
pub(crate) fn differs_where(a: &[f32], b: &[f32], scale: f32, counts: impl Fn(usize) -> bool) -> Option<String> {
    if a.len() != b.len() {
        return Some(format!("{} elements against {}", a.len(), b.len()));
    }
    let bound = bound(scale);
    let i = (0..a.len()).filter(|&i| counts(i)).find(|&i| (a[i] - b[i]).abs() > bound || a[i].is_nan() != b[i].is_nan())?;
    Some(format!("element {i} is {} against {}, where values reach {scale}", a[i], b[i]))
}

impl Float {
    pub fn new(network: &Network, specs: &[InputSpec], stage: &mut String) -> Step<Self> {
        let imported = mcompc_onnx::import_bytes(Bytes::from(network.bytes()), &ImportOptions::default()).map_err(at("import"))?;
        mcompc_ir::verify(&imported).map_err(at("import"))?;
        let inputs = Input::of_graph(&imported, specs).map_err(at("input"))?;
        let samples = network.columns.first().map_or(0, |c| c.data.len());
        let reals = (0..samples)
            .map(|i| {
                let one = |(c, input): (&crate::samples::Column, &Input)| Tensor::from_f32(input.shape.clone(), &input.reals(&c.data[i])?);
                network.columns.iter().zip(&inputs).map(one).collect::<Result<Vec<_>>>()
            })
            .collect::<Result<Vec<_>>>()
            .map_err(at("input"))?;
        let (canonical, scale) = passes(&imported, &reals, stage)?;
        *stage = "float executors".into();
        let outputs = executors(&canonical, &reals)?;
        Ok(Self { canonical, inputs, reals, outputs, scale })
    }
}

/// The pipeline, pass by pass, the graph being run before and after each that changes something.
fn passes(imported: &Graph, reals: &[Vec<Tensor>], stage: &mut String) -> Step<(Graph, f32)> {
    let mut g = imported.clone();
    *stage = "reference".into();
    let Some(first) = reals.first() else { return Ok((g, 0.0)) };
    let before = mcompc_interp::run_all(&g, first).map_err(at("reference"))?;
    let scale = magnitude(&before);
    for _ in 0..64 {
        let mut changed = 0;
        for pass in PASSES {
            *stage = format!("pass {}", pass.name);
            let n = (pass.run)(&mut g).map_err(at(stage))?;
            changed += n;
            if n == 0 {
                continue;
            }
            g.remove_dead();
            mcompc_ops::verify(&g).map_err(at(stage))?;
            if scale > TAME {
                continue;
            }
            let after = mcompc_interp::run(&g, first).map_err(at(stage))?;
            for ((a, b), o) in before.outputs.iter().zip(&after).zip(&g.outputs) {
                if a.shape != b.shape {
                    return Err(mismatch(&*stage, format!("output `{}` had shape {:?} and has {:?}", o.name, a.shape, b.shape)));
                }
                let (Ok(a), Ok(b)) = (a.as_f32(), b.as_f32()) else { continue };
                if let Some(what) = differs(&a, &b, scale) {
                    return Err(mismatch(&*stage, format!("output `{}`: before and after the pass, {what}", o.name)));
                }
            }
        }
        if changed == 0 {
            return Ok((g, scale));
        }
    }
    Err(Box::new(Outcome::new(Kind::Fault, "passes", "no fixed point")))
}

/// Every value by the definition and by the fast executor; gives the outputs.
fn executors(g: &Graph, reals: &[Vec<Tensor>]) -> Step<Vec<Vec<Tensor>>> {
    let fast = FastExec::new(g).map_err(at("float executor"))?;
    let mut scratch = fast.scratch();
    let mut outputs = Vec::new();
    for x in reals {
        let trace = mcompc_interp::run_all(g, x).map_err(at("reference"))?;
        let scale = magnitude(&trace);
        let flat: Vec<_> = x.iter().map(|t| t.as_f32()).collect::<Result<_>>().map_err(at("reference"))?;
        let flat: Vec<&[f32]> = flat.iter().map(|v| &**v).collect();
        let mut wrong = None;
        let observe = |v, data: &[f32]| {
            let Some(t) = trace.values.get(&v) else { return };
            let Ok(want) = t.as_f32() else { return };
            if wrong.is_none() && scale <= TAME {
                wrong = differs(&want, data, scale).map(|what| (v, what));
            }
        };
        fast.run(&mut scratch, &flat, observe).map_err(at("float executor"))?;
        if let Some((v, what)) = wrong {
            let op = &g.node(v.node).op;
            return Err(mismatch(format!("float executor, {op}"), format!("`{}`: {what}", g.value(v).name)));
        }
        outputs.push(trace.outputs);
    }
    Ok(outputs)
}
