//! What int8 may lose on the public models: the bars, on the evaluation files that lie beside the zoo.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::model::{Model, Pair, argmax, relative_error};
use mcompc_compress::Options;
use mcompc_data::Dataset;
use std::path::PathBuf;

/// What a model is held to.
enum Bar {
    /// Top-1 lost, in points.
    Points(f64),
    /// Top-1 agreement on evaluation and calibration data, in percent.
    Agreement(f64),
    /// Squared output error over output variance.
    Error(f64),
}

fn check(name: &str, bar: Bar, samples: usize) {
    let (Some(zoo), Some(data)) = (std::env::var_os("MCOMPC_ZOO"), std::env::var_os("MCOMPC_ZOO_DATA")) else {
        return mcompc_emu::not_run("MCOMPC_ZOO and MCOMPC_ZOO_DATA are not both set");
    };
    let (zoo, data) = (PathBuf::from(zoo), PathBuf::from(data));
    let index: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(data.join("inputs.json")).unwrap()).unwrap();
    let e = &index[name];
    let flags: Vec<String> = e["input"].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_string()).collect();
    let file = |part: &str| data.join(format!("{name}.{part}.npz"));
    let m = Model::load(&zoo.join(e["onnx"].as_str().unwrap()), &flags, &file("calib")).unwrap();
    let int = m.integerize(&Options::default()).unwrap();
    let eval = Dataset::open(&file("eval")).unwrap();
    let mut pairs = m.compare(&int, &eval, samples).unwrap();
    assert!(!pairs.is_empty());
    match bar {
        Bar::Points(most) => {
            let all = eval.samples(&m.inputs).unwrap().total();
            let y = eval.labels(&m.inputs, all).unwrap().unwrap();
            let hits = |f: &dyn Fn(&Pair) -> usize| pairs.iter().zip(&y).filter(|(p, y)| f(p) as i64 == **y).count() as f64;
            let loss = 100.0 * (hits(&|p| argmax(&p.float)) - hits(&|p| argmax(&p.int))) / pairs.len() as f64;
            assert!(loss <= most, "{name} loses {loss} points");
        }
        Bar::Agreement(least) => {
            pairs.extend(m.compare(&int, &Dataset::open(&file("calib")).unwrap(), usize::MAX).unwrap());
            let agree = pairs.iter().filter(|p| argmax(&p.float) == argmax(&p.int)).count() as f64;
            assert!(100.0 * agree / pairs.len() as f64 >= least, "{name} agrees on {agree} of {}", pairs.len());
        }
        Bar::Error(most) => {
            let e = relative_error(&pairs);
            assert!(e <= most, "{name}: error over variance {e}");
        }
    }
}

#[test]
fn keyword_spotting() {
    check("kws", Bar::Points(1.0), usize::MAX);
}

#[test]
fn image_classification() {
    check("ic", Bar::Points(1.0), usize::MAX);
}

#[test]
fn visual_wake_words() {
    check("vww", Bar::Agreement(97.0), usize::MAX);
}

#[test]
fn anomaly_detection() {
    check("ad", Bar::Error(0.004), usize::MAX);
}

#[test]
fn mnist() {
    check("mnist", Bar::Points(1.0), usize::MAX);
}

#[test]
fn mobilenet_v1() {
    check("mbv1_025", Bar::Points(1.0), usize::MAX);
}

/// A part of the file; `examples/accuracy.rs` takes all.
#[test]
fn mobilenet_v2() {
    check("mbv2", Bar::Points(1.0), 100);
}
