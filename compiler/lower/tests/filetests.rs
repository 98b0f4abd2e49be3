//! `tests/filetests/lower/*.mir`, first line `; test: NAME`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_lower::Weights;

// NAME is a machine description: the kernel module for it; behind it may stand `coded`, for weights that are entropy-coded.
fn run(name: &str, graph: &str) -> String {
    let g = mcompc_ir::parse(graph).unwrap_or_else(|e| panic!("{e}"));
    mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{e}"));
    let (name, weights) = match name.split_once(' ') {
        Some((name, "coded")) => (name, Weights::AllCoded),
        Some((_, what)) => panic!("no way to store weights is called {what}"),
        None => (name, Weights::Stored),
    };
    let machine = mcompc_target::machine(name).unwrap();
    let l = mcompc_lower::lower(&g, &machine, &mcompc_lower::Options { name: "g".into(), weights, ..Default::default() }).unwrap();
    mcompc_kernel::verify(&l.module).unwrap().complete().unwrap();
    mcompc_kernel::print(&l.module)
}

#[test]
fn filetests() {
    mcompc_filetest::check("lower", mcompc_filetest::GRAPHS, 10, run);
}

/// Multipliers of runs of weights belong to layers with one group of channels; no kernel takes them for another.
#[test]
fn runs_with_multipliers_in_a_grouped_layer_are_refused() {
    let graph = |group: usize, inner: usize| {
        let taps = vec!["2"; 2 * 4 * inner].join(", ");
        mcompc_ir::parse(&format!(
            "graph \"g\" {{\n%0 = input() \"x\" -> \"x\" i8[1, 3, 3, 2] q(0.5, -3)\n\
             %1 = const() \"w\" -> \"w\" i8[2, 2, 2, {inner}] = [{taps}]\n%2 = const() \"b\" -> \"b\" i32[2] = [0, 0]\n\
             %3 = const() \"m\" -> \"m\" i32[2] = [1073741824, 1073741824]\n\
             %4 = const() \"r\" -> \"r\" i8[2, {inner}] = [{}]\n\
             %5 = q.conv(%0, %1, %2, %3, %4) \"conv\" {{strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], group = {group}, \
             pre = 0, shift = 6, lo = -128, hi = 127, bits = 4, block = 4}} -> \"y\" i8[1, 2, 2, 2] q(0.25, -128)\n\
             inputs(%0)\noutputs(\"y\" = %5)\n}}\n",
            vec!["2"; 2 * inner].join(", ")
        ))
        .unwrap()
    };
    let machine = mcompc_target::machine("armv7e-m").unwrap();
    let lower = |g: &mcompc_ir::Graph| {
        mcompc_ops::verify(g).unwrap();
        mcompc_lower::lower(g, &machine, &mcompc_lower::Options::default())
    };
    assert!(lower(&graph(1, 2)).is_ok());
    assert_eq!(lower(&graph(2, 1)).unwrap_err().code, mcompc_ir::Code::Backend);
}
