//! Data files as a caller makes them, whole and broken.
#![allow(clippy::unwrap_used, clippy::panic)]

use mcompc_data::{Dataset, Input, InputSpec};
use mcompc_ir::{Code, DType, Graph, Result, Value};
use std::io::Write;
use std::path::PathBuf;

/// A `.npy` file as NumPy writes it.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut f = b"\x93NUMPY\x01\x00".to_vec();
    f.extend((dict.len() as u16).to_le_bytes());
    f.extend(dict.bytes());
    f.extend(data);
    f
}

/// An archive of stored (even positions) and deflated (odd positions) entries.
fn npz(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut dir) = (Vec::new(), Vec::new());
    for (i, (name, data)) in files.iter().enumerate() {
        let name = format!("{name}.npy");
        let mut crc = flate2::Crc::new();
        crc.update(data);
        let (method, body) = if i % 2 == 0 {
            (0u16, data.clone())
        } else {
            let mut e = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            e.write_all(data).unwrap();
            (8, e.finish().unwrap())
        };
        let at = out.len() as u32;
        let mut common = vec![20, 0, 0, 0];
        common.extend(method.to_le_bytes());
        common.extend([0; 4]);
        for v in [crc.sum(), body.len() as u32, data.len() as u32] {
            common.extend(v.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.bytes());
        out.extend(body);
        dir.extend(b"PK\x01\x02\x14\x00");
        dir.extend(&common);
        dir.extend([0; 10]);
        dir.extend(at.to_le_bytes());
        dir.extend(name.bytes());
    }
    let at = out.len() as u32;
    out.extend(&dir);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((files.len() as u16).to_le_bytes());
    out.extend((files.len() as u16).to_le_bytes());
    out.extend((dir.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

struct File {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

fn file(name: &str, data: &[u8]) -> File {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, data).unwrap();
    File { path, _dir: dir }
}

fn f32s(v: &[f32]) -> Vec<u8> {
    v.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn input(flag: &str, shape: &[usize]) -> Input {
    Input::new(InputSpec::parse(flag).unwrap(), shape.to_vec()).unwrap()
}

fn read(data: &[u8], inputs: &[Input]) -> Result<Vec<Vec<Vec<f32>>>> {
    let f = file("d.npz", data);
    let set = Dataset::open(&f.path)?;
    set.samples(inputs)?.map(|s| s?.inputs.iter().zip(inputs).map(|(t, i)| i.reals(t)).collect()).collect()
}

#[test]
fn stored_and_deflated_entries_with_slashes_in_names() {
    let data = npz(&[
        ("a/b:0", npy("<f4", "(2, 3)", &f32s(&[1., 2., 3., 4., 5., 6.]))),
        ("k", npy("|u1", "(2, 1, 2)", &[0, 1, 128, 255])),
        ("y", npy("<i8", "(2,)", &[7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0])),
    ]);
    let inputs = [input("a/b:0=f32", &[1, 3]), input("k=u8,scale=0.5,offset=128", &[1, 2])];
    let got = read(&data, &inputs).unwrap();
    assert_eq!(got, vec![vec![vec![1., 2., 3.], vec![-64., -63.5]], vec![vec![4., 5., 6.], vec![0., 63.5]]]);
    let f = file("d.npz", &data);
    assert_eq!(Dataset::open(&f.path).unwrap().labels(&inputs, 2).unwrap(), Some(vec![7, 9]));
    assert_eq!(Dataset::open(&f.path).unwrap().labels(&inputs, 3).unwrap_err().code, Code::BadCalib);
}

#[test]
fn a_bare_array_is_x() {
    let f = file("x.npy", &npy("<f8", "(2, 2)", &[1f64, 2., 3., -4.].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()));
    let inputs = [input("whatever=f32", &[1, 2])];
    let s: Vec<_> =
        Dataset::open(&f.path).unwrap().samples(&inputs).unwrap().map(|s| s.unwrap().inputs[0].as_f32().unwrap().to_vec()).collect();
    assert_eq!(s, [[1., 2.], [3., -4.]]);
}

#[test]
fn scales_per_channel_follow_either_layout() {
    let flag = "i=u8,scale=[1;2;4],offset=[0;1;2]";
    let first = input(flag, &[1, 3, 1, 2]);
    let raw = mcompc_ir::Tensor::from_u8([1, 3, 1, 2], &[3, 3, 3, 3, 3, 3]).unwrap();
    assert_eq!(first.reals(&raw).unwrap(), [3., 3., 4., 4., 4., 4.]);
    let last = input(flag, &[1, 1, 2, 3]);
    assert_eq!(last.reals(&raw).unwrap(), [3., 4., 4., 3., 4., 4.]);
}

#[test]
fn codes_are_raw_bytes_or_rounded() {
    let raw = mcompc_ir::Tensor::from_u8([1, 2], &[0, 255]).unwrap();
    let v = Value::new("i", DType::U8, [1, 2]).with_quant(1.0, 0);
    assert_eq!(&*input("i=u8", &[1, 2]).codes(&raw, &v).unwrap().as_u8().unwrap(), [0, 255]);
    let v = Value::new("i", DType::I8, [1, 4]).with_quant(0.5, 3);
    let raw = mcompc_ir::Tensor::from_f32([1, 4], &[0.25, -0.25, 1e9, -1e9]).unwrap();
    assert_eq!(&*input("i=f32", &[1, 4]).codes(&raw, &v).unwrap().as_i8().unwrap(), [4, 2, 127, -128]);
}

fn fails(data: Vec<u8>, inputs: &[Input], code: Code, says: &str) {
    let e = read(&data, inputs).unwrap_err();
    assert_eq!(e.code, code, "{e}");
    assert!(e.to_string().contains(says), "`{says}` is not in: {e}");
}

#[test]
fn misfits_are_named() {
    let i = [input("in=f32", &[1, 2])];
    let one = |name: &str, d: Vec<u8>| npz(&[(name, d)]);
    fails(one("other", npy("<f4", "(1, 2)", &f32s(&[0., 0.]))), &i, Code::BadCalib, "it has: other");
    fails(one("in", npy("<f4", "(1, 3)", &f32s(&[0., 0., 0.]))), &i, Code::BadCalib, "[1, 3]");
    fails(one("in", npy("<f4", "(0, 2)", &[])), &i, Code::BadCalib, "no samples");
    fails(one("in", npy("|u1", "(1, 2)", &[1, 2])), &i, Code::BadCalib, "holds u8, but the input is declared as f32");
    fails(one("in", npy("<f4", "(1, 2)", &f32s(&[0., 0.]))), &[input("in=u8", &[1, 2])], Code::BadCalib, "declared as u8");
    fails(one("in", npy("<f4", "(2, 2)", &f32s(&[0., 0., f32::NAN, 0.]))), &i, Code::NotFinite, "sample 1");
    fails(one("in", npy(">f4", "(1, 2)", &f32s(&[0., 0.]))), &i, Code::BadCalib, ">f4");
    fails(one("in", npy("<f4", "(1, 2)", &f32s(&[0.]))), &i, Code::BadCalib, "end early");
    fails(one("in", npy("<f4", "(1, 2)", &f32s(&[0., 0., 0.]))), &i, Code::BadCalib, "go on");
    // A header may state any size; nothing is allocated for it.
    fails(one("in", npy("<f4", "(99999999999999999, 2)", &f32s(&[0., 0., 0.]))), &i, Code::BadCalib, "end early");
    let two = [input("in=f32", &[1, 2]), input("b=f32", &[1, 1])];
    fails(
        npz(&[("in", npy("<f4", "(1, 2)", &f32s(&[0., 0.]))), ("b", npy("<f4", "(2, 1)", &f32s(&[0., 0.])))]),
        &two,
        Code::BadCalib,
        "2 samples",
    );
    fails(b"PK\x03\x04".to_vec(), &i, Code::BadCalib, "end record");
    fails(Vec::new(), &i, Code::BadCalib, "empty");
    fails(b"text file".to_vec(), &i, Code::BadCalib, "not a .npz or .npy file");
}

#[test]
fn every_damaged_byte_is_an_error_or_harmless() {
    let good = npz(&[("in", npy("|i1", "(3, 4)", &[1; 12])), ("y", npy("<i4", "(3,)", &[0; 12]))]);
    let i = [input("in=i8", &[1, 4])];
    let want = read(&good, &i).unwrap();
    for at in 0..good.len() {
        for bit in [0, 3, 7] {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            if let Ok(got) = read(&bad, &i) {
                assert_eq!(got, want, "byte {at} bit {bit}");
            }
        }
        assert!(read(&good[..at], &i).is_err());
    }
}

#[test]
fn flags() {
    let s = InputSpec::parse("a/b:0=i8,scale=0.5,offset=[1;-2]").unwrap();
    assert_eq!((s.name.as_str(), s.dtype, s.scale, s.offset), ("a/b:0", DType::I8, vec![0.5], vec![1., -2.]));
    for bad in [
        "x",
        "=u8",
        "x=u16",
        "x=f32,scale=0",
        "x=u8,scale=-1",
        "x=u8,scale=nan",
        "x=u8,zero=1",
        "x=u8,scale=1,scale=1",
        "x=u8,scale=[1;2],offset=[1;2;3]",
    ] {
        assert_eq!(InputSpec::parse(bad).unwrap_err().code, Code::Usage, "{bad}");
    }
    let mut g = Graph::new("g");
    g.add_input(Value::new("in", DType::F32, [1, 3]));
    let spec = |s: &str| InputSpec::parse(s).unwrap();
    assert!(Input::of_graph(&g, &[spec("in=u8")]).is_ok());
    assert!(Input::of_graph(&g, &[spec("out=u8")]).unwrap_err().to_string().contains("there are: in"));
    assert!(Input::of_graph(&g, &[spec("in=u8"), spec("in=i8")]).is_err());
    assert!(Input::of_graph(&g, &[spec("in=u8,scale=[1;2]")]).is_err());
}

#[test]
fn arrays_that_nobody_reads_are_known() {
    let array = || npy("<f4", "(1, 2)", &f32s(&[1., 2.]));
    let f = file("d.npz", &npz(&[("a", array()), ("b", array()), ("x", array()), ("y", npy("|u1", "(1,)", &[0]))]));
    let set = Dataset::open(&f.path).unwrap();
    assert_eq!(set.unused(&[input("a=f32", &[1, 2])]), ["b", "x"]);
    assert_eq!(set.unused(&[input("a=f32", &[1, 2]), input("b=f32", &[1, 2])]), ["x"]);
    // The one input goes by any name.
    assert_eq!(set.unused(&[input("other=f32", &[1, 2])]), ["a", "b"]);
}

/// Opening a pipe that nobody writes to would wait for ever.
#[test]
#[cfg(unix)]
fn a_pipe_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe.npz");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let e = Dataset::open(&pipe).unwrap_err();
    assert!(e.code == Code::Io && e.message.contains("neither a file nor a folder") && e.hint.is_some(), "{e}");
}
