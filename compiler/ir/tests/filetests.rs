//! `tests/filetests/ir/*.mir`, first line `; test: print | verify`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::{parse, print, verify};

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
    mcompc_filetest::check("ir", mcompc_filetest::GRAPHS, 10, run);
}
