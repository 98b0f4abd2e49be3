//! The coded graph on the float executor is the integer graph's result but for the last bits of its arithmetic, so that what a method loses is
//! known before anything is lowered.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::int::{Int, integerize};
use common::model::Model;
use mcompc_compress::{Options, WeightBits, calibrate_without_data};
use mcompc_data::{Dataset, Input, InputSpec};
use mcompc_interp::{FastExec, FastInt, run};
use mcompc_ir::Tensor;
use std::path::PathBuf;

/// What was seen of one output.
#[derive(Debug, Default)]
struct Seen {
    /// Largest difference between coded and integer result, in steps.
    steps: f64,
    /// Elements that differ by more than one step, and all.
    far: (usize, usize),
    /// Squared errors against the float model: of the coded graph, of the integer graph.
    errors: (f64, f64),
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// Both graphs, and the float model, on raw samples; `book` of them by the book too.
fn compare(m: &Model, int: &Int, samples: &[Vec<Tensor>], book: usize) -> Vec<Seen> {
    let (float, coded, exact) = (FastExec::new(&m.graph).unwrap(), FastExec::new(&int.coded).unwrap(), FastInt::new(&int.graph).unwrap());
    let mut seen: Vec<Seen> = int.graph.outputs.iter().map(|_| Seen::default()).collect();
    for (i, sample) in samples.iter().enumerate() {
        let reals: Vec<Vec<f32>> = sample.iter().zip(&m.inputs).map(|(t, i)| i.reals(t).unwrap()).collect();
        let slices: Vec<&[f32]> = reals.iter().map(Vec::as_slice).collect();
        let value = |n| int.graph.value(int.graph.out(n));
        let codes: Vec<Tensor> =
            sample.iter().zip(&m.inputs).zip(&int.graph.inputs).map(|((t, i), &n)| i.codes(t, value(n)).unwrap()).collect();
        let want = float.run(&mut float.scratch(), &slices, |_, _| {}).unwrap();
        let fake = coded.run(&mut coded.scratch(), &slices, |_, _| {}).unwrap();
        let ints = exact.run(&codes, |_, _| {}).unwrap();
        if i < book {
            let tensors: Vec<Tensor> = reals.iter().zip(&m.inputs).map(|(r, i)| Tensor::from_f32(i.shape.clone(), r).unwrap()).collect();
            for ((b, f), o) in run(&int.coded, &tensors).unwrap().iter().zip(&fake).zip(&int.graph.outputs) {
                let step = int.graph.value(o.value).quant.as_ref().unwrap().step();
                let differ = b.as_f32().unwrap().iter().zip(f).filter(|(b, f)| f64::from((**b - **f).abs()) > 1.5 * step).count();
                assert!(differ * 100 <= f.len(), "{differ} of {} by the book", f.len());
            }
        }
        for ((((w, f), t), o), s) in want.iter().zip(&fake).zip(&ints).zip(&int.graph.outputs).zip(&mut seen) {
            let q = int.graph.value(o.value).quant.as_ref().unwrap();
            for ((&w, &f), c) in w.iter().zip(f).zip(t.to_i64_vec().unwrap()) {
                let (w, f, y) = (f64::from(w), f64::from(f), q.real(c));
                let apart = ((f - y) / q.step()).abs();
                s.steps = s.steps.max(apart);
                s.far = (s.far.0 + usize::from(apart > 1.5), s.far.1 + 1);
                s.errors = (s.errors.0 + (w - f) * (w - f), s.errors.1 + (w - y) * (w - y));
            }
        }
    }
    seen
}

fn levels() -> [Options; 3] {
    let four = WeightBits { bits: 4, ends: true, ..Default::default() };
    [WeightBits::default(), four.clone(), WeightBits { block: Some(32), ..four }].map(|weights| Options { weights, ..Default::default() })
}

#[test]
fn the_digits_net() {
    let m =
        Model::load(&file("models/digits/digits.onnx"), &["pixels=u8,scale=1,offset=0".into()], &file("models/digits/digits.calib.npz"))
            .unwrap();
    let data = Dataset::open(&file("models/digits/digits.eval.npz")).unwrap();
    let samples: Vec<Vec<Tensor>> = data.samples(&m.inputs).unwrap().take(300).map(|s| s.unwrap().inputs).collect();
    for o in levels() {
        let int = integerize(&m.graph, &m.stats, &m.specs, &o).unwrap();
        let seen = compare(&m, &int, &samples, 5);
        assert!(seen[0].far.0 * 50 <= seen[0].far.1, "{seen:?}");
        assert!((seen[0].errors.0 / seen[0].errors.1 - 1.0).abs() < 0.1, "{seen:?}");
    }
}

/// The caller's codes under a scale a channel.
const CHANNELS: &str = "x=u8,scale=[0.01;0.02;0.005],offset=[128;100;140.5]";

/// Nets of this repository that hold what others do not, with the caller's codes in all forms.
#[test]
fn rare_operators() {
    let mut by_channel = 0;
    for name in ["squeeze_excite", "branches", "odds_and_ends"] {
        let mut graph = mcompc_onnx::import(&file(&format!("tests/suite/models/{name}.onnx")), &Default::default()).unwrap();
        mcompc_passes::run_pipeline(&mut graph).unwrap();
        for flag in ["x=f32", "x=u8,scale=0.01,offset=128", "x=u8,scale=0.01,offset=127.5", "x=i8,scale=0.01,offset=3", CHANNELS] {
            let specs = vec![InputSpec::parse(flag).unwrap()];
            let inputs = match Input::of_graph(&graph, &specs) {
                Ok(inputs) => inputs,
                // Another number of channels.
                Err(_) if flag == CHANNELS => continue,
                Err(e) => panic!("{e}"),
            };
            by_channel += usize::from(flag == CHANNELS);
            let stats = calibrate_without_data(&graph, &inputs).unwrap();
            let m = Model { graph: graph.clone(), specs, inputs, stats };
            let mut state = 7u64;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as u8
            };
            let shape = m.inputs[0].shape.clone();
            let n: usize = shape.iter().product();
            let samples: Vec<Vec<Tensor>> = (0..6)
                .map(|_| {
                    let raw: Vec<u8> = (0..n).map(|_| next()).collect();
                    let floats: Vec<f32> = raw.iter().map(|&v| f32::from(v) / 64.0 - 2.0).collect();
                    vec![match m.specs[0].dtype {
                        mcompc_ir::DType::U8 => Tensor::from_u8(shape.clone(), &raw).unwrap(),
                        mcompc_ir::DType::I8 => Tensor::from_i8(shape.clone(), &raw.iter().map(|&v| v as i8).collect::<Vec<_>>()).unwrap(),
                        _ => Tensor::from_f32(shape.clone(), &floats).unwrap(),
                    }]
                })
                .collect();
            for o in levels() {
                let int = integerize(&m.graph, &m.stats, &m.specs, &o).unwrap();
                for s in compare(&m, &int, &samples, 1) {
                    assert!(s.steps <= 4.5 && s.far.0 * 4 <= s.far.1, "{name} {flag}: {s:?}");
                    assert!(s.errors.1 == 0.0 || (0.5..2.0).contains(&(s.errors.0 / s.errors.1)), "{name} {flag}: {s:?}");
                }
            }
        }
    }
    assert!(by_channel > 0);
}
