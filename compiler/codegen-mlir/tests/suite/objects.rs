//! What every object holds and does not hold, on all operations and types.

use crate::ops::all;
use crate::support::*;
use mcompc_codegen_mlir::{Options, compile};
use mcompc_kernel::*;
use mcompc_target::Target;
use object::{Object, ObjectSection, ObjectSymbol};

fn targets() -> Vec<Target> {
    Target::all().unwrap()
}

#[test]
fn objects_are_closed_and_reproducible() {
    for t in targets() {
        let m = all(&t.name).finished();
        let bytes = object(&m, &t.name);
        // Compiling takes the time of this test; one target of each kind shows what holds for all.
        if matches!(t.name.as_str(), "x86_64" | "cortex-m4") {
            assert!(bytes == object(&m, &t.name), "{}: two runs differ", t.name);
        }
        let o = object::File::parse(&*bytes).unwrap();
        let open: Vec<_> =
            o.symbols().filter(|s| s.is_undefined() && !s.name().unwrap_or("").is_empty()).map(|s| s.name().unwrap()).collect();
        assert!(open.is_empty(), "{}: undefined {open:?}", t.name);
        let global: Vec<_> = o.symbols().filter(|s| s.is_global() && !s.is_undefined()).map(|s| s.name().unwrap()).collect();
        assert_eq!(global, [if t.is_macho() { "_all" } else { "all" }], "{}", t.name);
        for s in o.sections() {
            let name = s.name().unwrap();
            // Of the unwinder's tables there is at most the mark that a function cannot be unwound.
            assert!(
                !name.contains("eh_frame") && !name.contains("unwind") && !name.starts_with(".ARM.extab"),
                "{}: section {name}",
                t.name
            );
            assert!(
                ![".data", ".bss", "__data", "__bss"].iter().any(|n| name.starts_with(n)) || s.size() == 0,
                "{}: section {name}",
                t.name
            );
        }
    }
}

/// Mnemonics of floating-point arithmetic, comparison and conversion; the vector moves and logic of the same register files are allowed.
fn floating(mnemonic: &str, target: &Target) -> bool {
    let arch = target.arch();
    if arch == "x86_64" {
        let m = mnemonic.trim_start_matches('v');
        let arithmetic = ["add", "sub", "mul", "div", "sqrt", "max", "min", "cmp", "hadd", "addsub", "round", "dp"];
        return m.starts_with("cvt")
            || m.starts_with("ucomis")
            || m.starts_with("comis")
            || mnemonic.starts_with("vf")
            || arithmetic.iter().any(|a| ["ss", "sd", "ps", "pd"].iter().any(|s| m == format!("{a}{s}")));
    }
    if arch.starts_with("thumb") {
        // Without MVE no instruction of the floating-point unit at all; with it, moves of part of a register are named after its type.
        let moves = arch == "thumbv8.1m.main" && (mnemonic.starts_with("vmov") || mnemonic == "vins.f16");
        return mnemonic.starts_with('v')
            && !moves
            && (arch != "thumbv8.1m.main" || [".f16", ".f32", ".f64"].iter().any(|s| mnemonic.contains(s)));
    }
    if arch == "aarch64" {
        return (mnemonic.starts_with('f') && !mnemonic.starts_with("fmov"))
            || mnemonic.starts_with("scvtf")
            || mnemonic.starts_with("ucvtf");
    }
    let precise = [".s", ".d", ".h"].iter().any(|s| mnemonic.contains(s));
    (mnemonic.starts_with('f') && precise && !mnemonic.starts_with("fmv") && mnemonic != "fence") || mnemonic.starts_with("vf")
}

#[test]
fn no_floating_point() {
    for t in targets() {
        let asm = assembly(&all(&t.name).finished(), &t.name);
        let mut instructions = 0;
        for line in asm.lines().filter(|l| l.starts_with('\t') && !l.trim().starts_with(['.', '@', '#'])) {
            let mnemonic = line.split_whitespace().next().unwrap_or("");
            instructions += 1;
            assert!(!floating(mnemonic, &t), "{}: {line}", t.name);
        }
        assert!(instructions > 1000, "{}: only {instructions} instructions read", t.name);
    }
}

#[test]
fn the_floating_point_check_can_fail() {
    let named = |n: &str| Target::by_name(n).unwrap();
    for (target, mnemonic) in [
        ("x86_64", "vmulps"),
        ("x86_64-v2", "cvtsi2sd"),
        ("cortex-m4", "vmov"),
        ("cortex-m55", "vadd.f32"),
        ("aarch64", "fmul"),
        ("riscv64gcv", "fcvt.s.w"),
        ("riscv64gcv", "vfmacc.vv"),
    ] {
        assert!(floating(mnemonic, &named(target)), "{target} {mnemonic}");
    }
}

#[test]
fn weights_go_where_the_user_says() {
    let m = all("cortex-m4").finished();
    let t = Target::by_name("cortex-m4").unwrap();
    let opts = Options { weights_section: Some(".nn_weights".into()), ..Options::default() };
    let bytes = compile(&m, &t, &opts).unwrap();
    let o = object::File::parse(&*bytes).unwrap();
    let table: Vec<u8> = (0..99).collect();
    assert!(o.section_by_name(".nn_weights").unwrap().data().unwrap().starts_with(&table));
}

#[test]
fn refusals_carry_a_code() {
    let t = Target::by_name("cortex-m4").unwrap();
    let mut b = Builder::new("f");
    b.export();
    let p = b.ptr("p", Role::Out, 64, 4);
    let acc = b.iconst(1);
    let mut row = t.machine(mcompc_target::Backend::Mlir).unwrap().row().clone();
    row.llvm = "llvm.arm.no.such".into();
    let v = b.contract(0, &row, 0, acc, acc, acc);
    b.store(v, MemElem::W32, p, 0);
    let m = Module { funcs: vec![b.finish()], data: vec![], rows: vec![row] };
    let e = compile(&m, &t, &Options::default()).unwrap_err();
    assert_eq!((e.code, e.node.as_deref()), (mcompc_ir::Code::Backend, Some("f")), "{e}");
    assert!(e.message.contains("llvm.arm.no.such"), "{e}");
}
