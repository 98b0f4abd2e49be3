//! Broken input through the binary: a code, a name, a hint, exit status 1, and nothing left on the disk.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, edited, mcompc, npy};
use mcompc_onnx::proto::StringStringEntryProto;
use std::path::{Path, PathBuf};

/// Compiles and checks the error; `at` is a part of the first line. Gives the hint back.
fn fails(dir: &Path, model: &Path, calib: &Path, more: &[&str], status: i32, code: &str, at: &str) -> String {
    let before = std::fs::read_dir(dir).unwrap().count();
    let mut args = vec![model.to_str().unwrap(), "--target", "x86_64", "--calib", calib.to_str().unwrap(), "-o", "out"];
    args.extend(more);
    if !more.contains(&"--input") {
        args.extend(["--input", INPUT]);
    }
    let out = mcompc(dir, &args);
    let text = String::from_utf8(out.stderr).unwrap();
    let first = text.lines().next().unwrap_or_default();
    assert_eq!(out.status.code(), Some(status), "{text}");
    assert!(first.starts_with(&format!("error[{code}]")) && first.contains(at), "{text}");
    assert!(text.contains("\n  hint: "), "no hint: {text}");
    assert!(out.stdout.is_empty());
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), before, "something was left behind");
    text.split("\n  hint: ").nth(1).unwrap_or_default().trim_end().into()
}

fn model_fails(edit: impl FnOnce(&mut mcompc_onnx::proto::ModelProto), code: &str, at: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let model = edited(dir.path(), edit);
    fails(dir.path(), &model, &digits("digits.calib.npz"), &[], 1, code, at)
}

#[test]
fn truncated_file() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(digits("digits.onnx")).unwrap();
    for part in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        let model = dir.path().join("cut.onnx");
        std::fs::write(&model, &bytes[..part]).unwrap();
        fails(dir.path(), &model, &digits("digits.calib.npz"), &[], 1, "E101", "");
    }
}

#[test]
fn missing_file() {
    let dir = tempfile::tempdir().unwrap();
    fails(dir.path(), Path::new("nowhere.onnx"), &digits("digits.calib.npz"), &[], 1, "E001", "nowhere.onnx");
    fails(dir.path(), &digits("digits.onnx"), Path::new("nowhere.npz"), &[], 1, "E001", "nowhere.npz");
}

#[test]
fn wrong_dims() {
    let name = name_of_weight();
    model_fails(|m| m.graph.as_mut().unwrap().initializer[0].dims[0] += 1, "E102", &name);
}

fn name_of_weight() -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut name = String::new();
    edited(dir.path(), |m| name = m.graph.as_ref().unwrap().initializer[0].name.clone().unwrap());
    name
}

#[test]
fn nan_weights() {
    let name = name_of_weight();
    let nan = |m: &mut mcompc_onnx::proto::ModelProto| {
        let t = &mut m.graph.as_mut().unwrap().initializer[0];
        let mut raw = t.raw_data.clone().unwrap().to_vec();
        raw[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        t.raw_data = Some(raw.into());
    };
    model_fails(nan, "E105", &name);
}

#[test]
fn cyclic_graph() {
    let cycle = |m: &mut mcompc_onnx::proto::ModelProto| {
        let g = m.graph.as_mut().unwrap();
        let last = g.node.last().unwrap().output[0].clone();
        g.node[0].input[0] = last;
    };
    model_fails(cycle, "E104", "at `");
}

#[test]
fn external_data_outside() {
    let name = name_of_weight();
    let outside = |m: &mut mcompc_onnx::proto::ModelProto| {
        let t = &mut m.graph.as_mut().unwrap().initializer[0];
        t.raw_data = None;
        t.data_location = Some(1);
        t.external_data = vec![StringStringEntryProto { key: Some("location".into()), value: Some("../weights.bin".into()) }];
    };
    model_fails(outside, "E103", &name);
}

#[test]
fn unsupported_operator() {
    let change = |m: &mut mcompc_onnx::proto::ModelProto| {
        let n = &mut m.graph.as_mut().unwrap().node[1];
        n.op_type = Some("DeformConv".into());
        n.name = Some("the_node".into());
    };
    model_fails(change, "E201", "at `the_node`: ");
}

#[test]
fn several_unsupported_operators_are_named_at_once() {
    let change = |m: &mut mcompc_onnx::proto::ModelProto| {
        for (i, op) in [(1, "DeformConv"), (2, "Scan"), (3, "DeformConv")] {
            let n = &mut m.graph.as_mut().unwrap().node[i];
            n.op_type = Some(op.into());
            n.name = Some(format!("node{i}"));
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let model = edited(dir.path(), change);
    let out = mcompc(dir.path(), [model.to_str().unwrap(), "--target", "x86_64", "-o", "out"]);
    let text = String::from_utf8(out.stderr).unwrap();
    for part in [
        "error[E201] at `node1`: 3 nodes are not supported (DeformConv 2, Scan 1)",
        "1 node as `node2`: operator Scan",
        "a Loop or a Scan is imported where its number of iterations is known",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn dims_that_are_numbers_already() {
    let dir = tempfile::tempdir().unwrap();
    let hint = fails(dir.path(), &digits("digits.onnx"), &digits("digits.calib.npz"), &["--dim", "N=1"], 2, "E002", "N");
    assert!(hint.contains("a number already"), "{hint}");
}

fn calib_fails(descr: &str, shape: &str, data: &[u8], input: &str, code: &str, at: &str, hint: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join("calib.npy");
    npy(&file, descr, shape, data);
    let got = fails(dir.path(), &digits("digits.onnx"), &file, &["--input", input], 1, code, at);
    assert!(got.contains(hint), "{shape} {descr}: {got}");
}

#[test]
fn calibration_data() {
    calib_fails("|u1", "(2, 1, 8, 9)", &[1; 144], INPUT, "E401", "", "bring the samples to this size");
    calib_fails("|u1", "(2, 1, 8, 8)", &[1; 100], INPUT, "E401", "", "cut off or damaged");
    calib_fails("<f4", "(1, 1, 8, 8)", &[0; 256], INPUT, "E401", "holds f32, but the input is declared as u8", "--input pixels=f32");
    calib_fails("<f4", "(1, 1, 8, 8)", &f32::NAN.to_le_bytes().repeat(64), "pixels=f32", "E105", "", "repair the sample");
    calib_fails("|u1", "(2, 1, 8, 8)", &[1; 128], "pixels=f32", "E401", "holds u8", "--input pixels=u8,scale=S,offset=O");
    calib_fails("<i8", "(1, 1, 8, 8)", &[1; 512], "pixels=f32", "E401", "holds i64", "--input pixels=i64,scale=S,offset=O");
    calib_fails("|u1", "(2, 8, 8, 1)", &[1; 128], INPUT, "E401", "[2, 8, 8, 1]", "numpy.transpose(x, (0, 3, 1, 2))");
    calib_fails("|u1", "(1, 8, 8)", &[1; 64], INPUT, "E401", "", "x[None]");
    calib_fails("|u1", "(2, 64)", &[1; 128], INPUT, "E401", "", "x.reshape(-1, 1, 8, 8)");
    calib_fails("|u1", "(0, 1, 8, 8)", &[], INPUT, "E401", "no samples", "at least one sample");
    calib_fails(">f4", "(1, 1, 8, 8)", &[0; 256], INPUT, "E401", ">f4", "little-endian");
}

#[test]
fn calibration_files() {
    let dir = tempfile::tempdir().unwrap();
    let model = digits("digits.onnx");
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "no array in here").unwrap();
    let hint = fails(dir.path(), &model, &text, &[], 1, "E401", "not a .npz or .npy file");
    assert!(hint.contains("numpy.savez"), "{hint}");
    let hint = fails(dir.path(), &model, Path::new("nowhere.npz"), &[], 1, "E001", "nowhere.npz");
    assert!(hint.contains("check the path"), "{hint}");
    let hint = fails(dir.path(), &model, dir.path(), &[], 1, "E401", "a folder");
    assert!(hint.contains(".npz or .npy"), "{hint}");
    // The arrays of another model.
    let other = edited(dir.path(), |m| {
        let g = m.graph.as_mut().unwrap();
        g.input[0].name = Some("image".into());
        for n in &mut g.node {
            n.input.iter_mut().filter(|x| *x == "pixels").for_each(|x| *x = "image".into());
        }
    });
    let hint = fails(dir.path(), &other, &digits("digits.calib.npz"), &["--input", "image=u8"], 1, "E401", "it has: pixels");
    assert!(hint.contains("'image': .."), "{hint}");
}

#[test]
fn flags() {
    let dir = tempfile::tempdir().unwrap();
    let run = |more: &[&str], status, code| fails(dir.path(), &digits("digits.onnx"), &digits("digits.calib.npz"), more, status, code, "");
    for level in ["int3", "f32", "O3"] {
        run(&["-O", level], 1, "E501");
    }
    run(&["--input", "nobody=u8"], 2, "E002");
    run(&["--input", "pixels=u9"], 2, "E002");
    run(&["--dim", "N"], 2, "E002");
    let target = ["--target", "z80"];
    let out = mcompc(dir.path(), [digits("digits.onnx").to_str().unwrap(), "-o", "out"].into_iter().chain(target));
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stderr).unwrap().starts_with("error[E502]"));
    let out = mcompc(dir.path(), ["--no-such-flag"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8(out.stderr).unwrap().starts_with("error[E002]: `mcompc compile` has no flag --no-such-flag\n  hint: "));
}

#[test]
fn errors_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let out = mcompc(dir.path(), ["plan", digits("digits.onnx").to_str().unwrap(), "-O", "f32", "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(v["error"]["code"], "E501");
    assert!(v["error"]["hint"].as_str().unwrap().contains("int8"));
    // A command line that does not parse, too.
    let out = mcompc(dir.path(), ["plan", "--calib", "--json"]);
    let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), &v["error"]["code"]), (Some(2), &"E002".into()));
}

/// The digits net's evaluation data with labels of its own making: `y` and a further array.
fn with_labels(dir: &Path, labels: &[u8]) -> PathBuf {
    let n = labels.len();
    let path = dir.join("labelled.npz");
    let mut npz = npyz::npz::NpzWriter::create(&path).unwrap();
    let mut add = |name: &str, shape: &[u64], data: &[u8]| {
        use npyz::WriterBuilder;
        let mut w = npz.array::<u8>(name, Default::default()).unwrap().default_dtype().shape(shape).begin_nd().unwrap();
        w.extend(data.iter().copied()).unwrap();
        w.finish().unwrap();
    };
    add("pixels", &[n as u64, 1, 8, 8], &vec![7; n * 64]);
    add("y", &[n as u64], labels);
    add("notes", &[1], &[0]);
    path
}

#[test]
fn labels_out_of_range_are_refused_and_unused_arrays_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let run = |labels: &[u8]| {
        let data = with_labels(dir.path(), labels);
        let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
        let args =
            ["verify", model.to_str().unwrap(), "--target", "x86_64", "--calib", calib.to_str().unwrap(), "--input", INPUT, "--data"];
        mcompc(dir.path(), args.into_iter().chain([data.to_str().unwrap()]))
    };
    let out = run(&[0, 9]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && text.contains("warning: array `notes`") && text.contains("2 labelled samples"), "{text}");
    let out = run(&[0, 10]);
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(text.starts_with("error[E401] at `y`") && text.contains("sample 1 is 10") && text.contains("0 to 9"), "{text}");
}

#[test]
fn an_input_called_y_is_no_list_of_labels() {
    let dir = tempfile::tempdir().unwrap();
    let model = edited(dir.path(), |m| {
        let g = m.graph.as_mut().unwrap();
        g.input[0].name = Some("y".into());
        g.node.iter_mut().flat_map(|n| &mut n.input).filter(|x| *x == "pixels").for_each(|x| *x = "y".into());
    });
    let data = dir.path().join("y.npz");
    let mut npz = npyz::npz::NpzWriter::create(&data).unwrap();
    {
        use npyz::WriterBuilder;
        let mut w = npz.array::<u8>("y", Default::default()).unwrap().default_dtype().shape(&[3, 1, 8, 8]).begin_nd().unwrap();
        w.extend((0..3 * 64).map(|i| i as u8)).unwrap();
        w.finish().unwrap();
    }
    drop(npz);
    let (model, data) = (model.to_str().unwrap(), data.to_str().unwrap());
    let out = mcompc(dir.path(), ["verify", model, "--target", "x86_64", "--input", "y=u8,scale=1,offset=0", "--calib", data]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
