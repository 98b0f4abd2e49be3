//! Text in, text out: the one harness of all files in `tests/filetests`.
//!
//! A test file is a body that begins with comment lines `; KEY: VALUE` (`; test: NAME` tells the test what to do), and, where the test
//! prints something, a line `; ---` with the expected text below it as comments. `MCOMPC_BLESS=1` rewrites the expected text.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

/// A way to write test files.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Extension of the files.
    pub extension: &'static str,
    /// What a comment begins with.
    pub comment: &'static str,
}

/// Graphs in text form.
pub const GRAPHS: Form = Form { extension: "mir", comment: ";" };
/// Kernel modules in text form.
pub const KERNELS: Form = Form { extension: "mk", comment: "//" };

/// One test file.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it lies.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
    form: Form,
}

impl File {
    /// Its name without folder and extension.
    pub fn name(&self) -> String {
        self.path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
    }
    /// What stands before the expected text.
    pub fn body(&self) -> &str {
        self.text.split(&format!("{} ---\n", self.form.comment)).next().unwrap_or_default()
    }
    /// VALUE of a line `; KEY: VALUE` at the beginning.
    pub fn note(&self, key: &str) -> Option<&str> {
        let head = self.text.lines().map_while(|l| l.strip_prefix(self.form.comment));
        head.filter_map(|l| l.trim_start().strip_prefix(key)?.strip_prefix(": ")).next()
    }
}

/// The test files of `tests/filetests/<folder>`, in order of names.
///
/// # Panics
/// Where there are fewer than `least`.
pub fn files(folder: &str, form: Form, least: usize) -> Vec<File> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filetests").join(folder);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut paths: Vec<_> = entries.map(|e| e.expect("folder entry").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == form.extension));
    paths.sort();
    assert!(paths.len() >= least, "tests/filetests/{folder} has {} files, {least} at least are expected", paths.len());
    let read =
        |path: PathBuf| File { text: std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())), path, form };
    paths.into_iter().map(read).collect()
}

/// Compares what `run(NAME, body)` prints for every file of `folder` with what the file expects; NAME is empty without a `test` line.
///
/// # Panics
/// On a difference (unless blessing), and where there are fewer than `least` files.
pub fn check(folder: &str, form: Form, least: usize, run: impl Fn(&str, &str) -> String) {
    let c = form.comment;
    let mut bad = Vec::new();
    for f in files(folder, form, least) {
        let (name, body) = (f.note("test").unwrap_or_default(), f.body());
        let got: String = run(name, body).lines().map(|l| if l.is_empty() { format!("{c}\n") } else { format!("{c} {l}\n") }).collect();
        let want = format!("{body}{c} ---\n{got}");
        if want != f.text {
            if std::env::var_os("MCOMPC_BLESS").is_some() {
                std::fs::write(&f.path, want).unwrap();
            } else {
                bad.push(format!("{}:\n{got}", f.path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "MCOMPC_BLESS=1 accepts this:\n{}", bad.join("\n"));
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
