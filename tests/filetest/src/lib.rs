//! Text in, text out. A test file (`*.mir`) is a body, then a line `; ---`, then the expected text as `; ` comments. The body's first
//! line may be `; test: NAME`, which tells the test what to do with it. `MCOMPC_BLESS=1` rewrites the expected text.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

/// The test files of `tests/filetests/<folder>`, in order of names.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filetests").join(folder);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<_> = entries.map(|e| e.expect("folder entry").path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "mir"));
    files.sort();
    files
}

/// Compares what `run(NAME, body)` prints for every file of `folder` with what the file expects; NAME is empty without a `test` line.
///
/// # Panics
/// On a difference (unless blessing), and where there are fewer than `least` files.
pub fn check(folder: &str, least: usize, run: impl Fn(&str, &str) -> String) {
    let all = files(folder);
    assert!(all.len() >= least, "tests/filetests/{folder} has {} files, {least} at least are expected", all.len());
    let mut bad = Vec::new();
    for f in all {
        let text = std::fs::read_to_string(&f).unwrap();
        let body = text.split("; ---\n").next().unwrap_or_default().to_string();
        let name = body.lines().next().and_then(|l| l.strip_prefix("; test: ")).unwrap_or_default().to_string();
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

/// The folder of public models: `MCOMPC_ZOO`, by default `../shared/zoo` beside the repository; says so loudly where it is missing.
pub fn zoo() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/zoo");
    let dir = std::env::var_os("MCOMPC_ZOO").map_or(beside, PathBuf::from);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("NOT RUN: the model zoo is missing at {}; set MCOMPC_ZOO", dir.display());
    None
}
