//! Instructions of whole models under QEMU. Counts are exact and repeatable: those with a budget are held to it, all are printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "budgets/announced.rs"]
mod announced;

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
