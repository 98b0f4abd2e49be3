//! The project's own model, from its file to integers: accuracy, reproducibility, and what happens without data.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::model::{Model, argmax, relative_error};
use mcompc_compress::{CalibOptions, Options, WeightBits, calibrate, calibrate_without_data};
use mcompc_data::Dataset;
use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/digits").join(name)
}

fn model() -> Model {
    Model::load(&file("digits.onnx"), &["pixels=u8,scale=1,offset=0".into()], &file("digits.calib.npz")).unwrap()
}

#[test]
fn digits_lose_at_most_a_point() {
    let m = model();
    let int = m.integerize(&Options::default()).unwrap();
    let eval = Dataset::open(&file("digits.eval.npz")).unwrap();
    let pairs = m.compare(&int, &eval, usize::MAX).unwrap();
    let y = eval.labels(&m.inputs, pairs.len()).unwrap().unwrap();
    let top1 = |f: &dyn Fn(usize) -> usize| (0..y.len()).filter(|&i| f(i) as i64 == y[i]).count() as f64 / y.len() as f64;
    let (float, int) = (top1(&|i| argmax(&pairs[i].float)), top1(&|i| argmax(&pairs[i].int)));
    assert!(float > 0.9, "{float}");
    assert!(int >= float - 0.01, "{float} {int}");
}

#[test]
fn threads_do_not_matter() {
    let m = model();
    let again = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let data = Dataset::open(&file("digits.calib.npz")).unwrap();
        pool.install(|| calibrate(&m.graph, &data, &m.inputs, &CalibOptions::default(), &mut |_, _| {}).unwrap())
    };
    let (a, b) = (again(1), again(3));
    assert!(a == b && a == m.stats);
    let text = |s| mcompc_ir::print(&common::int::integerize(&m.graph, s, &m.specs, &Options::default()).unwrap().graph);
    assert_eq!(text(&a), text(&b));
}

#[test]
fn without_data_it_warns_and_works() {
    let mut m = model();
    m.stats = calibrate_without_data(&m.graph, &m.inputs).unwrap();
    let int = m.integerize(&Options::default()).unwrap();
    assert_eq!(int.warnings.len(), 1);
    let pairs = m.compare(&int, &Dataset::open(&file("digits.eval.npz")).unwrap(), 200).unwrap();
    let agree = pairs.iter().filter(|p| argmax(&p.float) == argmax(&p.int)).count() as f64 / pairs.len() as f64;
    assert!(agree > 0.9, "{agree}");
}

/// Four bits: what is observed loses less than rounding to nearest, and runs of weights less than whole channels.
#[test]
fn four_bits_lose_less_by_observation_and_in_runs() {
    let m = model();
    let eval = Dataset::open(&file("digits.eval.npz")).unwrap();
    let error = |block, method| {
        let weights = WeightBits { bits: 4, block, ends: true, ..WeightBits::default() };
        let int = m.integerize_by(&Options { weights, ..Options::default() }, method).unwrap();
        relative_error(&m.compare_coded(&int, &eval, usize::MAX).unwrap())
    };
    let (whole, runs, nearest) = (error(None, None), error(Some(32), None), error(None, Some("search")));
    assert!(whole < 0.7 * nearest, "{whole} {nearest}");
    assert!(runs < whole, "{runs} {whole}");
}
