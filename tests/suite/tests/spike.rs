//! Two kernels of the KWS network on every machine: equal to the definition to the last bit, and within their instruction budgets.
//!
//! Instruction counts are exact and repeatable, so they are asserted here; they include staging, rescale, stores and the call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_suite::{compile, conv_graph, emulate, inputs_for, interpret, reference};
use mcompc_target::{Backend, Target};

struct Case {
    target: &'static str,
    backend: Backend,
    pointwise: f64,
    depthwise: f64,
}

fn check(c: &Case) {
    if !mcompc_emu::runnable(c.target).unwrap() {
        return;
    }
    let target = Target::by_name(c.target).unwrap();
    for (depthwise, bar) in [(false, c.pointwise), (true, c.depthwise)] {
        let g = if depthwise { conv_graph(25, 5, 64, 64, 3, true) } else { conv_graph(25, 5, 64, 64, 1, false) }.unwrap();
        let macs = if depthwise { 25 * 5 * 64 * 9 } else { 25 * 5 * 64 * 64 };
        let x = inputs_for(&g, 5).unwrap();
        let want = reference(&g, &x).unwrap();
        let (l, object) = compile(&g, &target, c.backend).unwrap();
        assert_eq!(interpret(&g, &l, &x).unwrap(), want, "{}: kernel interpreter", c.target);
        let got = emulate(c.target, &g, &l, &object, &[x], true).unwrap();
        assert_eq!(got[0].outputs, want, "{}: generated code", c.target);
        let per = got[0].instructions.unwrap() as f64 / macs as f64;
        println!(
            "{:18} {:?} {} {per:.3} instructions per MAC (bar {bar})",
            c.target,
            c.backend,
            if depthwise { "depthwise" } else { "pointwise" }
        );
        assert!(per <= bar, "{}: {per:.3} instructions per MAC, at most {bar}", c.target);
    }
}

const NONE: f64 = f64::INFINITY;

#[test]
fn cranelift() {
    for (target, pointwise) in [("aarch64-dotprod", 0.2), ("aarch64", NONE), ("x86_64", NONE), ("x86_64-v2", NONE), ("riscv64gc", NONE)] {
        check(&Case { target, backend: Backend::Cranelift, pointwise, depthwise: NONE });
    }
}

#[cfg(feature = "mlir")]
#[test]
fn mlir() {
    for (target, pointwise, depthwise) in [
        ("cortex-m4", 1.5, 3.0),
        ("cortex-m55", 0.2, NONE),
        ("riscv64gcv", 0.45, NONE),
        ("aarch64-dotprod", 0.2, NONE),
        ("x86_64", NONE, NONE),
    ] {
        check(&Case { target, backend: Backend::Mlir, pointwise, depthwise });
    }
}
