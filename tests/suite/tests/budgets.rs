//! Instructions of whole models under QEMU. Counts are exact and repeatable: those with a budget are held to it, all are printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "budgets/announced.rs"]
mod announced;

use mcompc_compress::WeightBits;
use mcompc_suite::{MODELS, compile, emulate, prepare_with};
use mcompc_target::{Backend, Target};

/// Nominal multiply-accumulates of the models as published, dead channels included.
const NOMINAL: [(usize, f64); 4] = [(1, 264_192.0), (2, 2_656_768.0), (3, 12_501_632.0), (4, 7_489_664.0)];

fn eight() -> WeightBits {
    WeightBits::default()
}

/// What `-O int4` asks for; `ends`: with first and last layer too.
fn four(ends: bool) -> WeightBits {
    WeightBits { bits: 4, ends, ..WeightBits::default() }
}

/// Instructions of one inference, and bytes of packed weights without biases and multipliers.
struct Cost {
    instructions: f64,
    weights: usize,
    /// Weights of the model: their bytes with eight bits each and no padding.
    plain: usize,
}

fn measure(target: &str, backend: Backend, index: usize, macs: f64, bits: &WeightBits) -> Option<Cost> {
    let m = MODELS[index];
    if !mcompc_emu::runnable(target).unwrap() {
        return None;
    }
    let p = prepare_with(&m, &m.path()?, 1, bits.clone()).unwrap();
    let g = &p.quantized.graph;
    let (l, object) = compile(g, &Target::by_name(target).unwrap(), backend).unwrap();
    let got = emulate(target, g, &l, &object, &p.inputs[..1], true).unwrap();
    let instructions = got[0].instructions.unwrap() as f64;
    let level = format!("int{}{}", bits.bits, if bits.ends { " throughout" } else { "" });
    println!(
        "{:26} {target:16} {backend:?} {level:15} {:.3} instructions per nominal MAC, arena {} bytes",
        m.name(),
        instructions / macs,
        l.arena_bytes
    );
    let layers = g.topo().unwrap().into_iter().filter(|&n| matches!(g.node(n).op.as_str(), "q.conv" | "q.dense"));
    Some(Cost {
        instructions,
        weights: l.module.data.iter().filter(|d| d.weights).map(|d| d.bytes.len()).sum(),
        plain: layers.map(|n| g.value(g.inputs_of(n)[1]).elems()).sum(),
    })
}

/// Most instructions a nominal MAC with eight bits: AD, KWS, IC, VWW, as in [`NOMINAL`].
const MOST: [(&str, [f64; 4]); 5] = [
    ("cortex-m4", [2.0, 2.3, 2.0, 1.6]),
    ("cortex-m55", [0.455, 0.662, 0.372, 0.675]),
    ("riscv64gcv", [0.6; 4]),
    ("aarch64-dotprod", [0.25; 4]),
    ("riscv32imac", [4.5; 4]),
];

/// Instructions an inference of four-bit weights may take in eight-bit ones; `ends`: throughout. Dense layers of one pixel are all loads
/// of weights, where a vector machine takes two registers at a time and then must take each apart.
fn most(target: &str, ends: bool) -> f64 {
    match (target, ends) {
        ("cortex-m4", _) => 1.2,
        (_, false) => 1.3,
        (_, true) => 1.4,
    }
}

fn compare(target: &str, backend: Backend) {
    for (i, (index, macs)) in NOMINAL.into_iter().enumerate() {
        let Some(eight) = measure(target, backend, index, macs, &eight()) else { continue };
        if backend == Backend::Mlir
            && let Some((_, most)) = MOST.iter().find(|(name, _)| *name == target)
        {
            let per = eight.instructions / macs;
            assert!(per <= most[i], "{}: {target}: {per:.3} instructions per nominal MAC", MODELS[index].name());
        }
        for ends in [false, true] {
            let Some(four) = measure(target, backend, index, macs, &four(ends)) else { continue };
            let ratio = four.instructions / eight.instructions;
            let share = four.weights as f64 / four.plain as f64;
            println!(
                "{:26} {target:16} {backend:?} int4{}: {ratio:.3} of int8's instructions; {} bytes of weights, {share:.3} of one byte each",
                MODELS[index].name(),
                if ends { " throughout" } else { "" },
                four.weights
            );
            assert!(ratio <= most(target, ends), "{}: {target}: {ratio:.3} of int8's instructions", MODELS[index].name());
            // A bar for the microcontroller, whose flash it is: other machines pad to vectors.
            assert!(!ends || target != "cortex-m4" || share <= 0.52, "{}: {share:.3} of int8's weights", MODELS[index].name());
        }
    }
}

#[test]
fn cranelift_dot_products() {
    for (index, macs) in NOMINAL {
        let Some(cost) = measure("aarch64-dotprod", Backend::Cranelift, index, macs, &eight()) else { continue };
        let per = cost.instructions / macs;
        assert!(per <= 0.6, "{}: {per:.3} instructions per MAC", MODELS[index].name());
    }
}

#[test]
fn cranelift_int4() {
    compare("aarch64-dotprod", Backend::Cranelift);
    compare("x86_64", Backend::Cranelift);
}

#[cfg(feature = "mlir")]
#[test]
fn mlir() {
    for target in ["cortex-m4", "cortex-m55", "riscv64gcv", "aarch64-dotprod", "riscv32imac", "x86_64"] {
        compare(target, Backend::Mlir);
    }
}

/// Bytes on Cortex-M4 that are neither weights nor biases (code, multipliers, look-up tables), and the largest live activations: AD,
/// KWS, IC, VWW.
#[cfg(feature = "mlir")]
const SMALL: [(usize, u64, usize); 4] = [(1, 9_300, 768), (2, 6_300, 16_000), (3, 11_700, 49_152), (4, 14_700, 55_296)];

#[cfg(feature = "mlir")]
#[test]
fn flash_and_ram_of_a_microcontroller() {
    use object::{Object, ObjectSection, SectionKind};
    for ((index, limit, peak), bits) in SMALL.into_iter().flat_map(|x| [(x, eight()), (x, four(true))]) {
        let m = MODELS[index];
        let Some(path) = m.path() else { continue };
        let p = prepare_with(&m, &path, 0, bits.clone()).unwrap();
        let g = &p.quantized.graph;
        let (l, object) = compile(g, &Target::by_name("cortex-m4").unwrap(), Backend::Mlir).unwrap();
        let file = object::File::parse(&*object).unwrap();
        let bytes = |kinds: &[SectionKind]| file.sections().filter(|s| kinds.contains(&s.kind())).map(|s| s.size()).sum::<u64>();
        let code = bytes(&[SectionKind::Text]);
        let constants = bytes(&[SectionKind::ReadOnlyData, SectionKind::ReadOnlyString, SectionKind::Data]);
        let weights: u64 = l.module.data.iter().filter(|d| d.weights).map(|d| d.bytes.len() as u64).sum();
        let layers = g.topo().unwrap().into_iter().filter(|&n| matches!(g.node(n).op.as_str(), "q.conv" | "q.dense"));
        let biases: u64 = layers.map(|n| g.value(g.inputs_of(n)[2]).bytes() as u64).sum();
        let tables = constants - weights - biases;
        let ram = peak * 11 / 10;
        println!(
            "{:26} cortex-m4 int{} code {code} + tables {tables} of {limit}, weights {weights}, arena {} of {ram}",
            m.name(),
            bits.bits,
            l.arena_bytes
        );
        // Kernels for packed codes are larger, by a small part of what the weights save: printed, not held.
        assert!(bits.bits < 8 || code + tables <= limit, "{}: {code} bytes of code, {tables} of tables", m.name());
        assert!(l.arena_bytes <= ram, "{}: {} bytes of arena", m.name(), l.arena_bytes);
    }
}
