//! `tests/filetests/lower/*.mir`: first line `; test: NAME`, then a graph, then after a line `; ---` the expected text as comments.
//! `MCOMPC_BLESS=1` rewrites the expected text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

// NAME is a machine description: the kernel module for it.
fn run(name: &str, graph: &str) -> String {
    let g = mcompc_ir::parse(graph).unwrap_or_else(|e| panic!("{e}"));
    mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{e}"));
    let machine = mcompc_target::machine(name).unwrap();
    let l = mcompc_lower::lower(&g, &machine, &mcompc_lower::Options { name: "g".into() }).unwrap();
    mcompc_kernel::verify(&l.module).unwrap().complete().unwrap();
    mcompc_kernel::print(&l.module)
}

#[test]
fn filetests() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/filetests/lower");
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
