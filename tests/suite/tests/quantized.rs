//! Models that are quantized already: their integers are those of ONNX Runtime up to one step, and native code's are ours.
#![allow(clippy::unwrap_used, clippy::panic)]

use mcompc_driver::{self as driver, Front, Quantized, Request, Silent};
use mcompc_interp::FastInt;
use mcompc_ir::{DType, Tensor};
use mcompc_suite::{Model, compile, emulate, native, reference};
use mcompc_target::{Backend, Target};
use std::path::Path;

/// Inputs and outputs of ONNX Runtime, sample by sample.
struct Reference {
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

fn tensors(path: &Path, kind: &str) -> Vec<Tensor> {
    let mut archive = npyz::npz::NpzArchive::open(path).unwrap();
    let name = archive.array_names().find(|n| n.starts_with(kind)).unwrap().to_owned();
    let array = archive.by_name(&name).unwrap().unwrap();
    let shape: Vec<usize> = array.shape().iter().map(|&d| d as usize).collect();
    let (n, one) = (shape[0], shape[1..].to_vec());
    let (dtype, bytes): (DType, Vec<u8>) = match array.dtype().descr().as_str() {
        "'|u1'" => (DType::U8, array.into_vec::<u8>().unwrap()),
        "'|i1'" => (DType::I8, array.into_vec::<i8>().unwrap().into_iter().map(|v| v as u8).collect()),
        _ => (DType::F32, array.into_vec::<f32>().unwrap().iter().flat_map(|v| v.to_le_bytes()).collect()),
    };
    bytes.chunks_exact(bytes.len() / n).map(|b| Tensor::new(dtype, one.clone(), b.to_vec().into()).unwrap()).collect()
}

struct Case {
    front: Front,
    quantized: Quantized,
    inputs: Vec<Vec<Tensor>>,
    want: Vec<Tensor>,
}

fn case(file: &'static str) -> Option<Case> {
    let path = Model { file, input: "" }.path()?;
    let o = Request {
        model: path.clone(),
        command: None,
        target: Target::by_name("x86_64").unwrap(),
        backend: Backend::Cranelift,
        name: "model".into(),
        calib: None,
        inputs: vec![],
        dims: vec![],
        cut: Default::default(),
        range: mcompc_compress::RangeMethod::Mse,
        states: Default::default(),
        firmware: Default::default(),
        weights: Default::default(),
        acts: Default::default(),
        scheme: None,
        ask: None,
    };
    let front = driver::front(&o, &Silent).unwrap();
    let quantized = driver::quantize(&o, &front, &Silent).unwrap();
    let data = path.with_extension("ref.npz");
    let r = Reference { inputs: tensors(&data, "in."), outputs: tensors(&data, "out.") };
    let value = quantized.graph.value(quantized.graph.out(quantized.graph.inputs[0]));
    let inputs = r.inputs.iter().map(|t| vec![front.inputs[0].codes(t, value).unwrap()]).collect();
    Some(Case { front, quantized, inputs, want: r.outputs })
}

/// Codes of the output that ONNX Runtime gives, as ours count.
fn codes(c: &Case, t: &Tensor) -> Vec<i64> {
    let q = c.quantized.graph.value(c.quantized.graph.outputs[0].value).quant.clone().unwrap();
    match t.dtype {
        DType::F32 => t.as_f32().unwrap().iter().map(|&v| i64::from(q.code(v.into()))).collect(),
        DType::U8 => t.to_i64_vec().unwrap().into_iter().map(|v| v - 128).collect(),
        _ => t.to_i64_vec().unwrap(),
    }
}

/// Values, those off by more than a step, and samples with another largest element.
fn compare(c: &Case) -> (usize, usize, usize) {
    let fast = FastInt::new(&c.quantized.graph).unwrap();
    let (mut all, mut off, mut other) = (0, 0, 0);
    for (x, want) in c.inputs.iter().zip(&c.want) {
        let (have, want) = (fast.run(x, |_, _| {}).unwrap()[0].to_i64_vec().unwrap(), codes(c, want));
        assert_eq!(have.len(), want.len());
        all += have.len();
        off += have.iter().zip(&want).filter(|(a, b)| (*a - *b).abs() > 1).count();
        // Of equal codes any is the largest.
        let at = have.iter().enumerate().max_by_key(|(_, v)| **v).unwrap().0;
        other += usize::from(want[at] < *want.iter().max().unwrap());
    }
    (all, off, other)
}

const OWN: [&str; 7] = [
    "quantized_qdq_i8.onnx",
    "quantized_qdq_i8_codes.onnx",
    "quantized_qdq_u8.onnx",
    "quantized_qdq_u8_codes.onnx",
    "quantized_operators.onnx",
    "quantized_qdq_zeros.onnx",
    "quantized_operators_zeros.onnx",
];

#[test]
fn every_form_gives_the_codes_of_onnx_runtime() {
    for file in OWN {
        let c = case(file).unwrap();
        let (all, off, other) = compare(&c);
        assert!(all == 120 && off == 0 && other == 0, "{file}: {off} of {all}, {other}");
        // Codes at the interface are the file's.
        let ends = (c.front.inputs[0].spec.dtype, c.quantized.graph.value(c.quantized.graph.outputs[0].value).dtype);
        let want = if file.contains("u8_codes") {
            DType::U8
        } else if file.contains("codes") {
            DType::I8
        } else {
            DType::F32
        };
        assert_eq!(ends, (want, DType::I8), "{file}");
        assert!(c.quantized.warnings.is_empty(), "{file}: {:?}", c.quantized.warnings);
    }
}

#[test]
fn native_code_gives_the_same_bytes() {
    for file in ["quantized_qdq_u8_codes.onnx", "quantized_operators.onnx", "quantized_operators_zeros.onnx"] {
        let c = case(file).unwrap();
        let g = &c.quantized.graph;
        let want: Vec<_> = c.inputs.iter().map(|x| reference(g, x).unwrap()).collect();
        let host = Target::host().unwrap();
        let (l, object) = compile(g, &host, Backend::Cranelift).unwrap();
        assert_eq!(native(g, &l, &object, &c.inputs).unwrap(), want, "{file}");
        if mcompc_emu::runnable("cortex-m4").unwrap() {
            let (l, object) = compile(g, &Target::by_name("cortex-m4").unwrap(), Backend::Small).unwrap();
            let got: Vec<_> = emulate("cortex-m4", g, &l, &object, &c.inputs, false).unwrap().into_iter().map(|m| m.outputs).collect();
            assert_eq!(got, want, "{file}");
        }
    }
}

#[test]
fn public_models_give_the_codes_of_onnx_runtime() {
    for (file, of) in [
        ("ad_autoencoder/ad_int8_qdq.onnx", 1000),
        ("kws_dscnn/kws_int8_qdq.onnx", 1000),
        ("kws_dscnn/kws_qdq_floatio.onnx", 1000),
        ("sww_streaming/sww_int8_qdq.onnx", 1000),
        ("vww_mbv1_025/vww_int8_qdq.onnx", 1000),
        ("ic_resnet8/ic_int8_qdq.onnx", 1000),
        ("ic_resnet8/ic_qdq_floatio.onnx", 1000),
        ("ic_resnet8/ic_qlinear_ort.onnx", 1000),
        // A mean of 16 codes keeps their scale: one in sixteen is a tie, and a softmax makes more of the step between.
        ("mobilenet_v1_025_128/mbv1_025_uint8_qdq.onnx", 250),
    ] {
        let Some(c) = case(file) else { return };
        let (all, off, other) = compare(&c);
        assert!(off * of <= all && other == 0, "{file}: {off} of {all}, {other}");
    }
}
