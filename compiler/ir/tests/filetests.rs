//! `tests/filetests/ir/*.mir`: first line `; test: print | verify`, then a graph, then after a line `; ---` the expected text as comments.
//! `MCOMPC_BLESS=1` rewrites the expected text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::{parse, print, verify};
use std::path::Path;

fn run(mode: &str, graph: &str) -> String {
    let g = match parse(graph) {
        Ok(g) => g,
        Err(e) => return e.to_string(),
    };
    match mode {
        "print" => print(&g),
        "verify" => verify(&g).map_or_else(|e| e.to_string(), |()| "ok".into()),
        m => panic!("unknown test mode {m}"),
    }
}

#[test]
fn filetests() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/filetests/ir");
    let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.retain(|p| p.extension().is_some_and(|e| e == "mir"));
    assert!(files.len() >= 10, "the file tests are missing");
    let mut bad = Vec::new();
    for f in files {
        let text = std::fs::read_to_string(&f).unwrap();
        let body = text.split("; ---\n").next().unwrap().to_string();
        let mode = body.lines().next().and_then(|l| l.strip_prefix("; test: ")).expect("first line `; test: MODE`").to_string();
        let got: String = run(&mode, &body).lines().map(|l| format!("; {l}\n").replace("; \n", ";\n")).collect();
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
