//! Real models: the importer takes them, and an independent decoder reads the same messages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{models, zoo};
use mcompc_ir::{Code, Graph};
use mcompc_onnx::{ImportOptions, Limits, decode_model, import};
use onnx_protobuf::Message as _;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Paths of the public models that `models/manifest` lists, if this machine has them; their hashes are checked.
fn manifest() -> Vec<PathBuf> {
    let Some(dir) = zoo() else {
        eprintln!("not run: MCOMPC_ZOO does not name a folder");
        return Vec::new();
    };
    let text = std::fs::read_to_string(models().join("manifest")).unwrap();
    let rows = text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split_whitespace().collect::<Vec<_>>());
    rows.map(|r| {
        let path = dir.join(r[1]);
        let hash: String = Sha256::digest(std::fs::read(&path).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hash, r[0], "{} is another file than the manifest means", path.display());
        path
    })
    .collect()
}

fn load(path: &Path) -> Graph {
    import(path, &ImportOptions::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn ops(g: &Graph, op: &str) -> usize {
    g.ids().into_iter().filter(|&i| g.node(i).op == op).count()
}

#[test]
fn the_digits_model() {
    let g = load(&models().join("digits/digits.onnx"));
    assert_eq!(g.name, "digits");
    assert_eq!(g.node(g.inputs[0]).outs[0].shape, [1, 1, 8, 8]);
    let out = g.value(g.outputs[0].value);
    assert_eq!((out.name.as_str(), out.shape.as_slice()), ("probabilities", [1, 10].as_slice()));
    for (op, n) in [("Conv", 4), ("BatchNormalization", 4), ("MaxPool", 2), ("Add", 1), ("Dense", 1), ("Softmax", 1), ("Reshape", 1)] {
        assert_eq!(ops(&g, op), n, "{op}");
    }
    assert!(g.topo().is_ok());
}

#[test]
fn every_model_of_the_manifest() {
    for path in manifest() {
        let g = load(&path);
        assert!(g.topo().is_ok(), "{}", path.display());
        assert_eq!(ops(&g, "Identity") + ops(&g, "Constant") + ops(&g, "Gemm"), 0);
        eprintln!("{}: {} nodes", path.display(), g.len());
    }
}

#[test]
fn weights_are_slices_of_the_mapped_file() {
    let path = models().join("digits/digits.onnx");
    let size = std::fs::metadata(&path).unwrap().len() as usize;
    let g = load(&path);
    let weights: Vec<_> = g.ids().into_iter().filter_map(|i| g.node(i).tensor.as_ref()).map(|t| t.bytes().as_ptr_range()).collect();
    let (first, last) = (weights.iter().map(|r| r.start).min().unwrap(), weights.iter().map(|r| r.end).max().unwrap());
    assert!(last as usize - first as usize <= size, "the constants do not lie in one mapping");
}

/// A text that holds what both decoders saw of a model.
fn ours(m: &mcompc_onnx::proto::ModelProto) -> String {
    let g = m.graph.as_ref().unwrap();
    let mut s = format!("{:?} {:?}\n", m.ir_version.unwrap_or(0), g.name.as_deref().unwrap_or(""));
    for o in &m.opset_import {
        s += &format!("{} {}\n", o.domain.as_deref().unwrap_or(""), o.version.unwrap_or(0));
    }
    for n in &g.node {
        s += &format!("{} {:?} {:?} {:?}\n", n.op_type.as_deref().unwrap_or(""), n.name.as_deref().unwrap_or(""), n.input, n.output);
        for a in &n.attribute {
            let text = a.s.as_deref().unwrap_or(&[]);
            s += &format!(
                " {:?} {} {} {:?} {:?} {:?} {:?}\n",
                a.name,
                a.i.unwrap_or(0),
                a.f.unwrap_or(0.0),
                text,
                a.ints,
                a.floats,
                a.t.as_ref().map(|t| &t.dims)
            );
        }
    }
    for t in &g.initializer {
        let raw = t.raw_data.as_deref().unwrap_or(&[]);
        s += &format!(
            "{:?} {:?} {} {:?} {:?} {:?} {:?}\n",
            t.name,
            t.dims,
            t.data_type.unwrap_or(0),
            raw,
            t.float_data,
            t.int32_data,
            t.int64_data
        );
    }
    for v in g.input.iter().chain(&g.output).chain(&g.value_info) {
        let shape = v.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref());
        let dims: Vec<String> = shape
            .map(|s| s.dim.iter().map(|d| d.dim_param.clone().unwrap_or_else(|| d.dim_value.unwrap_or(0).to_string())).collect())
            .unwrap_or_default();
        s += &format!("{:?} {dims:?}\n", v.name);
    }
    s
}

fn theirs(m: &onnx_protobuf::ModelProto) -> String {
    let g = m.graph.as_ref().unwrap();
    let mut s = format!("{:?} {:?}\n", m.ir_version, g.name);
    for o in &m.opset_import {
        s += &format!("{} {}\n", o.domain, o.version);
    }
    for n in &g.node {
        s += &format!("{} {:?} {:?} {:?}\n", n.op_type, n.name, n.input, n.output);
        for a in &n.attribute {
            s += &format!(
                " {:?} {} {} {:?} {:?} {:?} {:?}\n",
                Some(&a.name),
                a.i,
                a.f,
                &a.s[..],
                a.ints,
                a.floats,
                a.t.as_ref().map(|t| &t.dims)
            );
        }
    }
    for t in &g.initializer {
        s += &format!(
            "{:?} {:?} {} {:?} {:?} {:?} {:?}\n",
            Some(&t.name),
            t.dims,
            t.data_type,
            &t.raw_data[..],
            t.float_data,
            t.int32_data,
            t.int64_data
        );
    }
    for v in g.input.iter().chain(&g.output).chain(&g.value_info) {
        let shape = v.type_.as_ref().filter(|t| t.has_tensor_type()).and_then(|t| t.tensor_type().shape.as_ref());
        let dims: Vec<String> = shape
            .map(|s| s.dim.iter().map(|d| if d.has_dim_param() { d.dim_param().to_string() } else { d.dim_value().to_string() }).collect())
            .unwrap_or_default();
        s += &format!("{:?} {dims:?}\n", Some(&v.name));
    }
    s
}

#[test]
fn an_independent_decoder_agrees() {
    let mut files = vec![models().join("digits/digits.onnx")];
    files.extend(
        zoo()
            .into_iter()
            .flat_map(|z| std::fs::read_dir(z).unwrap())
            .flat_map(|d| std::fs::read_dir(d.unwrap().path()).into_iter().flatten())
            .map(|f| f.unwrap().path()),
    );
    let mut compared = 0;
    for f in files.iter().filter(|f| f.extension().is_some_and(|e| e == "onnx")) {
        let bytes = std::fs::read(f).unwrap();
        let a = decode_model(bytes.clone().into(), &Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", f.display()));
        let b = onnx_protobuf::ModelProto::parse_from_bytes(&bytes).unwrap();
        let (a, b) = (ours(&a), theirs(&b));
        assert!(a == b, "{}: first difference in line {:?}", f.display(), a.lines().zip(b.lines()).position(|(x, y)| x != y));
        compared += 1;
    }
    eprintln!("{compared} models compared");
    assert!(compared > 0);
}

#[test]
fn every_other_zoo_model_is_taken_or_refused_with_a_name() {
    for dir in zoo().into_iter().flat_map(|z| std::fs::read_dir(z).unwrap()) {
        for f in std::fs::read_dir(dir.unwrap().path()).into_iter().flatten() {
            let f = f.unwrap().path();
            if f.extension().is_none_or(|e| e != "onnx") {
                continue;
            }
            match import(&f, &ImportOptions::default()) {
                Ok(g) => eprintln!("{}: {} nodes", f.display(), g.len()),
                Err(e) => {
                    eprintln!("{}: {e}", f.display());
                    let expected = [Code::UnsupportedOp, Code::UnsupportedType, Code::UnboundDim, Code::UnsupportedAttr, Code::BadShape];
                    assert!(expected.contains(&e.code), "{}: {e}", f.display());
                    assert!(e.node.is_some() && e.hint.is_some(), "{}: {e}", f.display());
                }
            }
        }
    }
}
