//! `tests/filetests/passes/*.mir`: first line `; test: NAME`, then a graph, then after a line `; ---` the expected text as comments.
//! `MCOMPC_BLESS=1` rewrites the expected text.
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
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/filetests/passes");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.retain(|p| p.extension().is_some_and(|e| e == "mir"));
    assert!(files.len() >= 8, "the file tests are missing");
    let mut bad = Vec::new();
    for f in files {
        let text = std::fs::read_to_string(&f).unwrap();
        let body = text.split("; ---\n").next().unwrap().to_string();
        let name = body.lines().next().and_then(|l| l.strip_prefix("; test: ")).expect("first line `; test: NAME`").to_string();
        let got: String = run(&name, &body).lines().map(|l| format!("; {l}\n").replace("; \n", ";\n")).collect();
        let want = format!("{body}; ---\n{got}");
        if want != text {
            if std::env::var_os("MCOMPC_BLESS").is_some() {
                std::fs::write(&f, want).unwrap();
            } else {
                bad.push(format!("{}:\n{got}", f.display()));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn every_pass_has_a_file() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/filetests/passes");
    for p in mcompc_passes::PASSES {
        assert!(dir.join(format!("{}.mir", p.name)).is_file(), "no tests/filetests/passes/{}.mir", p.name);
    }
}
