//! A model as a module of a program: what a build script makes is included, compiled by rustc alone, and run.
#![allow(clippy::unwrap_used, clippy::panic)]

use mcompc_build::Model;
use std::path::Path;
use std::process::Command;

const MAIN: &str = r#"
#![deny(warnings)]
include!(concat!(env!("OUT_DIR"), "/digits.rs"));
fn main() {
    let mut arena = digits::Arena::new();
    let pixels = [7u8; digits::pixels::ELEMS];
    let mut out = [0i8; digits::probabilities::ELEMS];
    digits::run(&pixels, &mut out, &mut arena).unwrap();
    let layers = digits::layers::LAYERS.len();
    println!("{} {}", out.iter().map(|&q| i32::from(q) + 128).sum::<i32>() > 200, layers > 3);
}
"#;

#[test]
fn a_program_includes_the_module() {
    let dir = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/digits");
    let v2 = ["ssse3", "sse4.1", "sse4.2", "popcnt"];
    let (triple, features): (_, &[&str]) =
        if cfg!(target_arch = "x86_64") { ("x86_64-unknown-linux-gnu", &v2) } else { ("aarch64-unknown-linux-gnu", &[]) };
    let model = Model::new(models.join("digits.onnx")).calib(models.join("digits.calib.npz"));
    let model = model.flag("--input", "pixels=u8,scale=0.0625,offset=0").switch("--layer-dump");
    let lines = model.build_into(dir.path(), triple, features).unwrap();
    // As Cargo would: what to link, and when to come again.
    let value = |key: &str| lines.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_else(|| panic!("{key}: {lines}")).to_string();
    assert_eq!(lines.matches("cargo:rerun-if-changed=").count(), 2);
    let main = dir.path().join("main.rs");
    std::fs::write(&main, MAIN).unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2021", "-L"]).arg(value("cargo:rustc-link-search=")).arg("-l").arg(value("cargo:rustc-link-lib="));
    let made = rustc.arg(&main).arg("-o").arg(dir.path().join("main")).env("OUT_DIR", dir.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ran = Command::new(dir.path().join("main")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "true true\n");
}

#[test]
fn what_is_wrong_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let e = Model::new("no.onnx").build_into(dir.path(), "x86_64-pc-windows-msvc", &[]).unwrap_err();
    assert!(e.to_string().contains("x86_64-pc-windows-msvc"), "{e}");
    let e = Model::new("no.onnx").build_into(dir.path(), "thumbv7em-none-eabihf", &[]).unwrap_err();
    assert!(e.to_string().contains("no.onnx"), "{e}");
    assert!(Model::new("no.onnx").build_into(Path::new(""), "thumbv7em-none-eabihf", &[]).is_err());
    for (name, value) in [("--bundle", Some("linux")), ("-o", Some("x")), ("--scheme-out", Some("x")), ("--json", None), ("--force", None)]
    {
        let m = Model::new("no.onnx");
        let m = if let Some(v) = value { m.flag(name, v) } else { m.switch(name) };
        let e = m.build_into(dir.path(), "thumbv7em-none-eabihf", &[]).unwrap_err();
        assert!(e.code == mcompc_ir::Code::Usage && e.to_string().contains(name), "{e}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
