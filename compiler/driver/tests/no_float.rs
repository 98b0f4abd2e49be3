//! Emitted code has no floating-point arithmetic, compare or conversion: the assembly of every function is read. It comes from the
//! back end, because in the object constants follow the code and a disassembler would take them for instructions.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::digits;
use mcompc_codegen_cranelift::disassemble;
use mcompc_driver::{self as driver, Silent};

/// Mnemonics by operation; vector moves and shuffles that are named after floats (movaps, shufps, fmov of a register) are allowed.
fn is_float(target: &str, m: &str) -> bool {
    let any = |words: &[&str]| words.iter().any(|w| m.starts_with(w));
    match target.split(['_', '-', '6']).next().unwrap_or_default() {
        "x8" => {
            let m = m.strip_prefix('v').unwrap_or(m);
            let arithmetic =
                ["add", "sub", "mul", "div", "min", "max", "sqrt", "rcp", "rsqrt", "hadd", "hsub", "addsub", "cmp", "dp", "round"];
            let typed = ["ss", "sd", "ps", "pd"].iter().any(|t| m.ends_with(t));
            // `cmpsd` and `movsd` are string instructions too, which the compiler never emits.
            (typed && arithmetic.iter().any(|a| m.starts_with(a)))
                || ["cvt", "fmadd", "fmsub", "fnmadd", "fnmsub", "comis", "ucomis"].iter().any(|a| m.starts_with(a))
                || (m.starts_with('f') && !m.starts_with("fs:"))
        }
        "aarch" => any(&["scvtf", "ucvtf"]) || (m.starts_with('f') && !any(&["fmov"])),
        _ => m.starts_with('f') && !any(&["fence", "flw", "fld", "fsw", "fsd", "fmv"]),
    }
}

#[test]
fn the_reader_knows_floats() {
    for (target, yes, no) in [
        (
            "x86_64",
            vec!["vaddps", "cvtdq2ps", "ucomiss", "vfmadd213ps", "fld", "minss", "vcmpltps"],
            vec!["movaps", "vshufps", "paddd", "vpdpbusd", "adds"],
        ),
        ("aarch64", vec!["fadd", "fcmp", "scvtf", "fcvtzs"], vec!["fmov", "sdot", "add"]),
        ("riscv64gc", vec!["fadd.s", "fcvt.s.w", "flt.s"], vec!["fence", "mulh", "add"]),
    ] {
        assert!(yes.iter().all(|m| is_float(target, m)), "{target}: {yes:?}");
        assert!(!no.iter().any(|m| is_float(target, m)), "{target}: {no:?}");
    }
}

#[test]
fn no_float_instruction() {
    for target in ["x86_64", "x86_64-v2", "x86_64-v4", "aarch64", "aarch64-dotprod", "riscv64gc"] {
        let options = digits(target);
        let module = driver::compile(&options, &Silent).unwrap().built.lowered.module;
        let mut read = 0;
        for f in &module.funcs {
            let text = disassemble(&module, &options.target, &f.name).unwrap();
            // Instructions are indented, labels and comments are not.
            for line in text.lines().filter(|l| l.starts_with(' ')) {
                let Some(mnemonic) = line.split_whitespace().next() else { continue };
                assert!(!is_float(target, mnemonic), "{target}, {}: {line}", f.name);
                read += 1;
            }
        }
        assert!(read > 300, "{target}: only {read} instructions were read");
    }
}
