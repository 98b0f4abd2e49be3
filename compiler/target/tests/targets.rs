//! Every folder of `targets/` holds together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::Code;
use mcompc_kernel::{Form, Lane, MacForm, Machine, Ty};
use mcompc_target::{Backend, Target, machine, machines};
use std::path::Path;

/// Folders, read afresh: the build script must not have missed one.
fn folders(sub: &str, file: &str) -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../targets").join(sub);
    let mut v: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.path().join(file).is_file())
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    v.sort();
    v
}

#[test]
fn every_folder_is_embedded() {
    let all: Vec<String> = Target::all().unwrap().into_iter().map(|t| t.name).collect();
    assert_eq!(all, folders("", "target.toml"));
    assert!(!all.is_empty());
    assert_eq!(machines().collect::<Vec<_>>(), folders("isa", "machine.toml"));
}

#[test]
fn machines_are_named_as_their_folders_and_all_used() {
    let targets = Target::all().unwrap();
    for name in machines() {
        assert_eq!(machine(name).unwrap().isa, name);
        let names = |t: &Target| {
            let own = [Some(t.machine_mlir.clone()), t.machine_cranelift.clone(), t.machine_small.clone()];
            [own.to_vec(), vec![t.bundle.mlir.clone(), t.bundle.cranelift.clone()]].concat()
        };
        let used = targets.iter().any(|t| names(t).iter().flatten().any(|n| n == name));
        assert!(used, "{name} is used by no target");
    }
}

fn check_rows(m: &Machine) {
    for r in &m.contract {
        let (isa, name) = (&m.isa, &r.name);
        assert_eq!(r.tile[1] % r.n, 0, "{isa} {name}: tile is no multiple of n");
        assert_eq!(r.tile_fc % r.n, 0, "{isa} {name}: tile_fc is no multiple of n");
        assert_eq!(r.tile[0] % r.m, 0, "{isa} {name}: tile is no multiple of m");
        assert!(r.w_mem.lane() <= r.w.lane(), "{isa} {name}: weights are wider in memory than in the register");
        for ty in [r.acc_ty(), r.a_ty(), r.w_ty()] {
            if let Ty::Vec(_, n) = ty {
                assert!(n.is_power_of_two(), "{isa} {name}: {ty}");
                // A scalar-form accumulator may be a group of registers.
                assert!(r.form == Form::Scalar || ty.bytes() <= m.vector_bytes as usize, "{isa} {name}: {ty} is wider than a register");
            }
        }
        assert_eq!(r.form == Form::Packed, r.acc_ty() == Ty::I32 && r.w.lane() == Lane::I16 && m.vector_bytes == 0);
    }
    assert_eq!(m.vector_bytes == 0, matches!(m.mac, MacForm::Scalar | MacForm::Planes), "{}", m.isa);
}

#[test]
fn machine_descriptions_are_consistent() {
    for t in Target::all().unwrap() {
        let m = t.machine(Backend::Mlir).unwrap();
        check_rows(&m);
        assert!(m.vector_bytes * 8 <= t.vector_bits, "{}", t.name);
        assert_eq!(m.pointer_bytes, if t.arch().ends_with("64") { 8 } else { 4 }, "{}", t.name);
        match t.machine(Backend::Cranelift) {
            Ok(m) => {
                check_rows(&m);
                assert!(m.vector_bytes <= 16, "{}: Cranelift has 128-bit registers", t.name);
                assert!(m.contract.iter().all(|r| r.cranelift == "tree"), "{}", t.name);
            }
            Err(e) => {
                assert_eq!(e.code, Code::NeedsMlir);
                assert!(e.hint.is_some());
            }
        }
    }
}

#[test]
fn unknown_names_are_refused_with_the_list() {
    let e = Target::by_name("z80").unwrap_err();
    assert_eq!(e.code, Code::UnknownTarget);
    assert!(e.hint.unwrap().contains("cortex-m4"));
    assert_eq!(machine("z80").unwrap_err().code, Code::UnknownTarget);
}

#[test]
fn a_misspelt_key_is_refused() {
    let e = Target::from_toml("x", "tripel = \"a\"").unwrap_err();
    assert_eq!(e.code, Code::Parse);
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
fn the_host_has_a_target() {
    let t = Target::by_name("host").unwrap();
    assert!(t.runs_here());
    assert_eq!(t.arch(), std::env::consts::ARCH);
    assert!(t.machine(Backend::Cranelift).is_ok());
}

#[test]
fn the_target_of_the_docs_is_one() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/adding-a-target.md")).unwrap();
    let toml = text.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
    let t = Target::from_toml("cortex-m85", toml).unwrap();
    assert_eq!(t.machine(Backend::Mlir).unwrap().isa, "armv8.1-m-mve");
}
