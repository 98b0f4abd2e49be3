//! The binary, the model of this repository, and files made on the spot.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use mcompc_onnx::proto::ModelProto;
use prost::Message;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Says what the digits net's callers have.
pub const INPUT: &str = "pixels=u8,scale=1,offset=0";

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

pub fn digits(file: &str) -> PathBuf {
    root().join("models/digits").join(file)
}

/// A run of the binary in `dir`.
pub fn mcompc<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcompc")).args(args).current_dir(dir).output().unwrap()
}

/// Standard output of a run that must succeed.
pub fn ok<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> String {
    let out = mcompc(dir, args);
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A run that must fail, with this code, a hint, and `what` in its message.
#[track_caller]
pub fn refused<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>, code: &str, what: &str) {
    let out = mcompc(dir, args);
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success() && text.starts_with(&format!("error[{code}]")) && text.contains("\n  hint: "), "{text}");
    assert!(text.contains(what), "{text}");
}

/// Standard output of a tool that must succeed.
pub fn tool(c: &mut Command) -> String {
    let out = c.output().unwrap_or_else(|e| panic!("{c:?}: {e}"));
    assert!(out.status.success(), "{c:?}\n{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Compiles the digits net into `dir/out` under `name`.
pub fn compile_digits(dir: &Path, target: &str, name: &str, out: &str) -> String {
    let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let (model, calib) = (model.to_str().unwrap(), calib.to_str().unwrap());
    ok(dir, [model, "--target", target, "-O", "int8", "--calib", calib, "--input", INPUT, "--name", name, "-o", out])
}

/// The digits net with something changed.
pub fn edited(dir: &Path, edit: impl FnOnce(&mut ModelProto)) -> PathBuf {
    let bytes = std::fs::read(digits("digits.onnx")).unwrap();
    let mut m = ModelProto::decode(&*bytes).unwrap();
    edit(&mut m);
    let path = dir.join("edited.onnx");
    std::fs::write(&path, m.encode_to_vec()).unwrap();
    path
}

/// A `.npy` file: `descr` as numpy spells types, `shape` as a Python tuple.
pub fn npy(path: &Path, descr: &str, shape: &str, data: &[u8]) {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    std::fs::write(path, bytes).unwrap();
}

/// Every file under `dir` with its contents.
pub fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(d) = todo.pop() {
        for e in std::fs::read_dir(&d).unwrap() {
            let p = e.unwrap().path();
            if p.is_dir() {
                todo.push(p);
            } else {
                all.insert(p.strip_prefix(dir).unwrap().to_path_buf(), std::fs::read(&p).unwrap());
            }
        }
    }
    all
}
