//! `tests/filetests/lower/*.mir`, first line `; test: NAME`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

// NAME is a machine description: the kernel module for it.
fn run(name: &str, graph: &str) -> String {
    let g = mcompc_ir::parse(graph).unwrap_or_else(|e| panic!("{e}"));
    mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{e}"));
    let machine = mcompc_target::machine(name).unwrap();
    let l = mcompc_lower::lower(&g, &machine, &mcompc_lower::Options { name: "g".into(), ..Default::default() }).unwrap();
    mcompc_kernel::verify(&l.module).unwrap().complete().unwrap();
    mcompc_kernel::print(&l.module)
}

#[test]
fn filetests() {
    mcompc_filetest::check("lower", 10, run);
}
