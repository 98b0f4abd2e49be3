//! Every operator, over its versions and attributes, computes what ONNX Runtime computes (`tests/data/make_operators.py`).
//!
//! The imported graph is run by the by-the-book interpreter, so this holds importer and reference semantics together to the standard.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Cases, models};
use mcompc_ir::{Graph, Tensor};
use mcompc_onnx::proto::TensorProto;
use mcompc_onnx::{ImportOptions, import_bytes, ops};
use prost::Message;
use std::collections::BTreeSet;

fn tensor(t: &TensorProto) -> Tensor {
    let shape: Vec<usize> = t.dims.iter().map(|&d| d as usize).collect();
    let data: Vec<f32> = t.raw_data.as_ref().unwrap().chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
    Tensor::from_f32(shape, &data).unwrap()
}

fn run(g: &Graph, x: Tensor) -> Tensor {
    mcompc_interp::run(g, &[x]).unwrap().remove(0)
}

/// What is wrong with a result.
fn difference(got: &Tensor, want: &Tensor) -> Option<String> {
    if got.shape != want.shape {
        return Some(format!("shape {:?}, expected {:?}", got.shape, want.shape));
    }
    let (a, b) = (got.as_f32().unwrap(), want.as_f32().unwrap());
    let distance = |x: &f32, y: &f32| (x - y).abs() / y.abs().max(1.0);
    let far = |(_, (x, y)): &(usize, (&f32, &f32))| distance(x, y).is_nan() || distance(x, y) > 1e-5;
    a.iter().zip(b.iter()).enumerate().find(far).map(|(i, (x, y))| format!("element {i} is {x}, expected {y}"))
}

#[track_caller]
fn assert_close(name: &str, got: &Tensor, want: &Tensor) {
    assert_eq!(difference(got, want), None, "{name}");
}

#[test]
fn operators_compute_what_onnx_runtime_computes() {
    let file = Cases::of_operators();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for c in &file.cases {
        match import_bytes(c.model.clone().into(), &ImportOptions::default()) {
            Ok(g) => {
                mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{}: {e}", c.name));
                wrong.extend(difference(&run(&g, tensor(&c.x)), &tensor(&c.y)).map(|d| format!("{}: {d}", c.name)));
            }
            Err(e) => wrong.push(format!("{}: {e}", c.name)),
        }
        seen.insert(c.name.split([' ', '-']).nth(1).unwrap_or("").to_string());
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    let functions = mcompc_ops::functions().filter(|f| f.since.is_some()).map(|f| f.op.name);
    // Operators on codes: tests/quantized.rs.
    let float = |op: &&str| !op.contains("uantizeLinear") && !op.starts_with("QLinear") && *op != "QGemm" && *op != "DynamicQuantizeLSTM";
    let own = ops::microsoft().iter().map(|r| r.name);
    for name in ops::TABLE.iter().map(|r| r.name).chain(own).filter(float).chain(functions) {
        assert!(seen.contains(name), "no case for {name}");
    }
    assert!(file.cases.len() >= 839);
}

/// `make_operators.py --random N FILE` writes cases beyond the file that is kept; `MCOMPC_CASES` names it. A refusal is printed, and a wrong
/// result fails.
#[test]
fn cases_of_a_file_of_the_callers() {
    let Some(path) = std::env::var_os("MCOMPC_CASES") else { return eprintln!("NOT RUN: MCOMPC_CASES names no file") };
    let file = Cases::decode(std::fs::read(path).unwrap().as_slice()).unwrap();
    let mut refused = 0;
    for c in &file.cases {
        match import_bytes(c.model.clone().into(), &ImportOptions::default()) {
            Ok(g) => assert_close(&c.name, &run(&g, tensor(&c.x)), &tensor(&c.y)),
            Err(e) => {
                refused += 1;
                println!("{}: {e}", c.name);
            }
        }
    }
    println!("{refused} of {} cases are refused", file.cases.len());
}

#[test]
fn the_digits_model_keeps_its_accuracy() {
    let opts = ImportOptions::default();
    let g = mcompc_onnx::import(&models().join("digits/digits.onnx"), &opts).unwrap();
    mcompc_ops::verify(&g).unwrap();
    let npz = npyz::npz::NpzArchive::open(models().join("digits/digits.eval.npz"));
    let mut npz = npz.unwrap();
    let pixels: Vec<u8> = npz.by_name("pixels").unwrap().unwrap().into_vec().unwrap();
    let labels: Vec<u8> = npz.by_name("y").unwrap().unwrap().into_vec().unwrap();
    let right = labels.iter().zip(pixels.chunks_exact(64)).filter(|&(&label, image)| {
        let x: Vec<f32> = image.iter().map(|&p| f32::from(p)).collect();
        let p = run(&g, Tensor::from_f32([1, 1, 8, 8], &x).unwrap());
        let p = p.as_f32().unwrap();
        (0..10).all(|i| p[i] <= p[usize::from(label)])
    });
    assert_eq!((right.count(), labels.len()), (441, 450), "train.py prints 0.9800 of 450");
}
