//! `tests/filetests/passes/*.mir`, first line `; test: NAME`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

// NAME is a pass: the graph after it.
fn run(name: &str, graph: &str) -> String {
    let mut g = mcompc_ir::parse(graph).unwrap_or_else(|e| panic!("{e}"));
    mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{e}"));
    let pass = mcompc_passes::PASSES.iter().find(|p| p.name == name).unwrap_or_else(|| panic!("no pass {name}"));
    let n = (pass.run)(&mut g).unwrap();
    g.remove_dead();
    mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{e}"));
    format!("{n} changes\n{}", mcompc_ir::print(&g))
}

#[test]
fn filetests() {
    mcompc_filetest::check("passes", mcompc_filetest::GRAPHS, 19, run);
}

#[test]
fn every_pass_has_a_file() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/filetests/passes");
    for p in mcompc_passes::PASSES {
        assert!(dir.join(format!("{}.mir", p.name)).is_file(), "no tests/filetests/passes/{}.mir", p.name);
    }
}
