//! Real models on every executor: the graph's definition, the kernel interpreter and generated code agree on every output byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod device;
mod matrix;

use mcompc_compress::{ActBits, WeightBits};
use mcompc_interp::FastInt;
use mcompc_suite::{MODELS, Model, Prepared, RARE, compile, emulate, interpret, native, prepare, prepare_at, prepare_with, reference};
use mcompc_target::{Backend, Target};

/// Random inputs a model, beside its reference samples.
const RANDOM: usize = 16;

/// Inputs the kernel interpreter runs of a model with this many multiply-accumulates: all of the small ones, of four bits a few.
fn interpreted(p: &Prepared, macs: u64) -> usize {
    let narrow = p.quantized.notes.iter().any(|n| n.weights.bits < 8);
    if macs > 100_000_000 || narrow { 2 } else { p.inputs.len() }
}

fn check(p: &Prepared, name: &str, target: &str, backend: Backend, want: &[Vec<Vec<u8>>]) {
    if !mcompc_emu::runnable(target).unwrap() {
        return;
    }
    let t = Target::by_name(target).unwrap();
    let g = &p.quantized.graph;
    let (l, object) = compile(g, &t, backend).unwrap_or_else(|e| panic!("{name} for {target}: {e}"));
    let macs: u64 = l.layers.iter().map(|x| x.macs).sum();
    let n = if target == "x86_64" { interpreted(p, macs) } else { 1 };
    if macs < 100_000_000 || target == "x86_64" {
        for (x, want) in p.inputs.iter().zip(want).take(n) {
            assert_eq!(&interpret(g, &l, x).unwrap(), want, "{name}, kernels for {target}, interpreted");
        }
    }
    let got = if t.runs_here() {
        native(g, &l, &object, &p.inputs).unwrap()
    } else {
        // A scalar machine under emulation takes seconds a large inference.
        let n = if macs > 100_000_000 && t.machine(backend).unwrap().vector_bytes == 0 { 6 } else { p.inputs.len() };
        emulate(target, g, &l, &object, &p.inputs[..n], false).unwrap().into_iter().map(|m| m.outputs).collect()
    };
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert_eq!(got, want, "{name}: {target}, input {i}");
    }
    println!("{name}: {target} {backend:?}: {} inputs equal, kernel interpreter {n}", got.len());
}

/// A model on the executors: targets through Cranelift, `boards` through the small back end, and, with LLVM, hosted targets and `boards`.
fn agree(m: Model, p: &Prepared, by_the_book: usize, cranelift: &[&str], boards: &[&str]) {
    let g = &p.quantized.graph;
    // The definition itself for the first inputs; its fast form, which tests of its own hold to it, for all.
    let fast = FastInt::new(g).unwrap();
    let want: Vec<Vec<Vec<u8>>> =
        p.inputs.iter().map(|x| fast.run(x, |_, _| {}).unwrap().into_iter().map(|t| t.bytes().to_vec()).collect()).collect();
    for (x, want) in p.inputs.iter().zip(&want).take(by_the_book) {
        assert_eq!(&reference(g, x).unwrap(), want, "{}: fast and by-the-book integer interpreters", m.name());
    }
    for target in cranelift {
        check(p, m.name(), target, Backend::Cranelift, &want);
    }
    for target in boards.iter().filter(|t| Target::by_name(t).unwrap().machine_small.is_some()) {
        check(p, m.name(), target, Backend::Small, &want);
    }
    #[cfg(feature = "mlir")]
    for target in ["x86_64", "x86_64-v4", "aarch64-dotprod", "riscv64gcv"].iter().chain(boards) {
        check(p, m.name(), target, Backend::Mlir, &want);
    }
}

fn model(m: Model, micro: bool) {
    let Some(path) = m.path() else { return };
    let p = prepare(&m, &path, RANDOM).unwrap_or_else(|e| panic!("{}: {e}", m.name()));
    let cranelift = ["x86_64", "x86_64-v2", "x86_64-v4", "aarch64", "aarch64-dotprod", "riscv64gc"];
    agree(m, &p, 4, &cranelift, if micro { BOARDS } else { &[] });
}

/// Weights of four bits, on targets of each way to take them apart; `block` gives runs of weights their multipliers.
fn four_bits(m: Model, micro: bool, block: Option<usize>) {
    let Some(path) = m.path() else { return };
    let bits = WeightBits { bits: 4, block, ends: block.is_none(), ..WeightBits::default() };
    let p = prepare_with(&m, &path, 12, bits).unwrap_or_else(|e| panic!("{}: {e}", m.name()));
    let cranelift = ["x86_64", "x86_64-v4", "aarch64", "aarch64-dotprod", "riscv64gc"];
    agree(m, &p, 1, &cranelift, if micro { &["cortex-m4", "cortex-m55"] } else { &[] });
}

/// Activations of 16 bits.
fn sixteen_bits(m: Model, micro: bool) {
    let Some(path) = m.path() else { return };
    let acts = ActBits { bits: 16, ..ActBits::default() };
    let p = prepare_at(&m, &path, 4, (WeightBits::default(), acts)).unwrap_or_else(|e| panic!("{}: {e}", m.name()));
    let cranelift = ["x86_64", "x86_64-v4", "aarch64", "aarch64-dotprod", "riscv64gc"];
    agree(m, &p, 1, &cranelift, if micro { &["cortex-m0plus", "cortex-m4", "cortex-m55", "riscv32imac"] } else { &[] });
}

#[test]
fn sixteen_bits_small() {
    for &m in &MODELS[..5] {
        sixteen_bits(m, true);
    }
}

#[test]
fn four_bits_small() {
    for &m in &MODELS[..5] {
        four_bits(m, true, None);
    }
}

#[test]
fn four_bits_mobilenet() {
    four_bits(MODELS[6], false, None);
}

#[test]
fn four_bits_in_groups() {
    for index in [0, 1, 3] {
        four_bits(MODELS[index], true, Some(32));
    }
}

/// One board for each instruction set; `verify-all` takes every target.
const BOARDS: &[&str] = &["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m55", "riscv32imac"];

macro_rules! models {
    ($($name:ident $index:literal)*) => { $(#[test] fn $name() { model(MODELS[$index], $index < 5); })* };
}

models! { digits 0 ad 1 kws 2 ic 3 vww 4 mnist 5 mbv1 6 mbv2 7 }

#[test]
fn rare_operators() {
    for &m in RARE {
        model(m, true);
    }
}

#[test]
fn every_model_has_a_test() {
    assert_eq!(MODELS.len(), 8);
}
