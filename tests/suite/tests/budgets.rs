//! Instructions of whole models under QEMU. Counts are exact and repeatable: those with a budget are held to it, all are printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_suite::{MODELS, compile, emulate, prepare};
use mcompc_target::{Backend, Target};

/// Nominal multiply-accumulates of the models as published, dead channels included.
const NOMINAL: [(usize, f64); 4] = [(1, 264_192.0), (2, 2_656_768.0), (3, 12_501_632.0), (4, 7_489_664.0)];

fn measure(target: &str, backend: Backend, index: usize, macs: f64) -> Option<f64> {
    let m = MODELS[index];
    if !mcompc_emu::runnable(target).unwrap() {
        return None;
    }
    let p = prepare(&m, &m.path()?, 1).unwrap();
    let (l, object) = compile(&p.quantized.graph, &Target::by_name(target).unwrap(), backend).unwrap();
    let got = emulate(target, &p.quantized.graph, &l, &object, &p.inputs[..1], true).unwrap();
    let per = got[0].instructions.unwrap() as f64 / macs;
    println!("{:26} {target:16} {backend:?} {per:.3} instructions per nominal MAC, arena {} bytes", m.name(), l.arena_bytes);
    Some(per)
}

#[test]
fn cranelift_dot_products() {
    for (index, macs) in NOMINAL {
        let Some(per) = measure("aarch64-dotprod", Backend::Cranelift, index, macs) else { continue };
        assert!(per <= 0.6, "{}: {per:.3} instructions per MAC", MODELS[index].name());
    }
}

#[cfg(feature = "mlir")]
#[test]
fn mlir() {
    for target in ["cortex-m4", "cortex-m55", "riscv64gcv", "aarch64-dotprod", "riscv32imac"] {
        for (index, macs) in NOMINAL {
            measure(target, Backend::Mlir, index, macs);
        }
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
    for (index, limit, peak) in SMALL {
        let m = MODELS[index];
        let Some(path) = m.path() else { continue };
        let p = prepare(&m, &path, 0).unwrap();
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
        println!("{:26} cortex-m4 code {code} + tables {tables} of {limit}, arena {} of {ram}", m.name(), l.arena_bytes);
        assert!(code + tables <= limit, "{}: {code} bytes of code, {tables} of tables", m.name());
        assert!(l.arena_bytes <= ram, "{}: {} bytes of arena", m.name(), l.arena_bytes);
    }
}
