//! Back ends that crash, end, hang or answer nonsense, through the binary: an error with a code, the layer and the kernel, and nothing on
//! the disk. `MCOMPC_TEST_FAULT` has the back end's process misbehave.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, tree};
use mcompc_backend::{Call, Job, Passed};
use mcompc_ir::Code;
use mcompc_kernel::Module;
use mcompc_target::{Backend, Target};
use std::path::Path;
use std::process::{Command, Output};

fn command(dir: &Path) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_mcompc"));
    c.arg(digits("digits.onnx")).args(["--target", "x86_64", "--input", INPUT, "-o", "out", "--calib"]).arg(digits("digits.calib.npz"));
    c.current_dir(dir);
    c
}

fn fault(dir: &Path, fault: &str) -> Output {
    command(dir)
        .env("MCOMPC_TEST_FAULT", fault)
        .env("MCOMPC_TIMEOUT", if fault.starts_with("hang") { "1" } else { "120" })
        .output()
        .unwrap()
}

/// A kernel of the digits net, and the layer it computes.
fn some_kernel(dir: &Path) -> (String, String) {
    let plan = Command::new(env!("CARGO_BIN_EXE_mcompc"))
        .arg("plan")
        .arg(digits("digits.onnx"))
        .args(["--target", "x86_64", "--json"])
        .current_dir(dir)
        .output()
        .unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    let layer = &plan["layers"][1];
    (layer["kernel"].as_str().unwrap().into(), layer["name"].as_str().unwrap().into())
}

#[test]
fn every_bad_end_is_an_error_and_leaves_the_output_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    assert!(command(dir.path()).output().unwrap().status.success());
    let before = tree(dir.path());
    let cases = [
        ("abort", "was ended by SIGABRT"),
        ("fatal", "was ended by SIGABRT (LLVM ERROR: as asked)"),
        ("segv", "was ended by SIGSEGV"),
        ("overflow", "overflowed its stack"),
        ("exit", "ended with status 3"),
        ("silent", "gave no answer"),
        ("garbage", "gave no answer"),
        ("panic", "panicked (as asked"),
        ("hang", "did not end within 1 s"),
    ];
    for (kind, said) in cases {
        let out = fault(dir.path(), kind);
        let text = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{kind}: {text}");
        assert!(text.starts_with("error[E504]") && text.contains(said), "{kind}: {text}");
        assert!(text.contains("hint: ") && text.contains("report it"), "{kind}: {text}");
        assert!(out.stdout.is_empty() && tree(dir.path()) == before, "{kind}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "{kind}: something was left behind");
    }
}

#[test]
fn want_of_memory_is_not_called_a_bug() {
    let dir = tempfile::tempdir().unwrap();
    let out = fault(dir.path(), "memory");
    let text = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error[E504]") && text.contains("memory allocation of") && text.contains("free memory"), "{text}");
    assert!(!text.contains("report it"), "{text}");
}

#[test]
fn the_command_line_is_its_own_worker_whatever_a_variable_says() {
    let dir = tempfile::tempdir().unwrap();
    let out = command(dir.path()).env("MCOMPC_WORKER", "/nowhere/mcompc").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn the_kernel_at_fault_and_its_layer_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (kernel, layer) = some_kernel(dir.path());
    for kind in ["segv", "panic"] {
        let out = fault(dir.path(), &format!("{kind}@{kernel}"));
        let text = String::from_utf8(out.stderr).unwrap();
        assert!(text.starts_with(&format!("error[E504] at `{layer}`: ")) && text.contains(&format!("kernel `{kernel}`")), "{text}");
    }
    // Another module is translated as ever.
    assert!(fault(dir.path(), "abort@no_such_kernel").status.success());
    assert!(tree(dir.path()).contains_key(Path::new("out/digits.h")));
}

#[test]
fn a_time_limit_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = command(dir.path()).env("MCOMPC_TIMEOUT", "soon").output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8(out.stderr).unwrap().contains("MCOMPC_TIMEOUT"));
}

#[test]
fn a_worker_without_a_request_says_so() {
    let out = Command::new(env!("CARGO_BIN_EXE_mcompc")).arg(mcompc_backend::WORKER).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8(out.stderr).unwrap().contains("no request"));
}

/// In this process, and in a worker: the same bytes and frames.
#[test]
fn the_worker_makes_what_this_process_makes() {
    let target = Target::by_name("x86_64-v2").unwrap();
    let job = Job { target: &target, backend: Backend::Cranelift, weights_section: Some(".weights"), elsewhere: &[] };
    let m = mcompc_kernel::parse(STORE).unwrap();
    let options = mcompc_codegen_cranelift::Options { weights_section: Some(".weights".into()), ..Default::default() };
    let here = mcompc_codegen_cranelift::compile_with_frames(&m, &target, &options).unwrap();
    worker();
    assert!(mcompc_backend::compile(&m, &job).unwrap() == here);
    // What a back end refuses comes back as it was said.
    let mut bad = m;
    bad.funcs[0].name.clear();
    assert_eq!(mcompc_backend::compile(&bad, &job).unwrap_err().code, Code::Verify);
}

fn worker() {
    mcompc_backend::use_worker(Some(Path::new(env!("CARGO_BIN_EXE_mcompc")))).unwrap();
}

const STORE: &str = r#"
func export @f(%0 "x": ptr in align 1 bytes 4, %1 "y": ptr out align 1 bytes 4, %2 "n": i32 scalar) {
  %3: i32 = load w32 %0
  %4: i32 = add %3, %2
  store w32 %4, %1
}
"#;

fn object(m: &Module) -> Vec<u8> {
    let target = Target::host().unwrap();
    mcompc_codegen_cranelift::compile(m, &target, &Default::default()).unwrap()
}

fn call(n: i32) -> Call {
    let args = vec![Passed::In { buffer: 0, bytes: 4, align: 4 }, Passed::Out { buffer: 1, bytes: 4, align: 4 }, Passed::Int(n)];
    Call { symbol: "f".into(), args, keep: vec![(1, 0..4)] }
}

#[test]
fn generated_code_runs_in_the_worker_and_cannot_take_this_process_down() {
    worker();
    let buffers = [7_i32.to_le_bytes().to_vec(), vec![0; 4]];
    let good = mcompc_kernel::parse(STORE).unwrap();
    let returned = mcompc_backend::run(&object(&good), &buffers, &[call(3), call(-8)]).unwrap();
    let kept: Vec<i32> = returned.iter().map(|r| i32::from_le_bytes(r.kept[0][..].try_into().unwrap())).collect();
    assert_eq!((kept, returned[0].status), (vec![10, -1], 0));

    // Code that stores far away, and code that stores just behind its output.
    let wild = mcompc_kernel::parse(&STORE.replace("%4, %1", "%4, %1 + 2000000000")).unwrap();
    let e = mcompc_backend::run(&object(&wild), &buffers, &[call(1)]).unwrap_err();
    assert_eq!(e.code, Code::Mismatch);
    assert!(e.message.contains("was ended by SIG"), "{}", e.message);
    let off_by_one = mcompc_kernel::parse(&STORE.replace("%4, %1", "%4, %1 + 1")).unwrap();
    let e = mcompc_backend::run(&object(&off_by_one), &buffers, &[call(1)]).unwrap_err();
    assert!(e.code == Code::Mismatch && e.message.contains("outside buffer 1"), "{}", e.message);

    let e = mcompc_backend::run(&object(&good), &buffers, &[Call { symbol: "g".into(), ..call(1) }]).unwrap_err();
    assert_eq!(e.code, Code::Usage);
    let twice = Call { args: vec![Passed::Out { buffer: 0, bytes: 4, align: 1 }; 2], ..call(1) };
    assert_eq!(mcompc_backend::run(&object(&good), &buffers, &[twice]).unwrap_err().code, Code::Usage);
}
