//! What is fuzzed: functions from bytes to an outcome that must not panic, hang or eat memory.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use mcompc_ir::Error;
use mcompc_onnx::{ImportOptions, Limits, import_bytes};

/// One function under test.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Runs one input. The value names the outcome, for telling new ones from known ones; an
    /// `Err` is a property that does not hold.
    pub run: fn(&[u8]) -> Result<String, String>,
}

/// All targets.
pub const TARGETS: &[Target] =
    &[Target { name: "reader", seeds: models, run: reader }, Target { name: "graph-text", seeds: graph_texts, run: graph_text }];

/// Longest model that serves as a seed: larger ones only make runs slower.
const LONGEST_SEED: u64 = 1 << 19;

/// The models of this repository, and small ones of `MCOMPC_ZOO` if that is set.
fn models() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    find(&root.join("models"), &mut paths);
    if let Some(zoo) = std::env::var_os("MCOMPC_ZOO") {
        find(Path::new(&zoo), &mut paths);
    }
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

fn find(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, paths);
        } else if path.extension().is_some_and(|e| e == "onnx") && entry.metadata().is_ok_and(|m| m.len() <= LONGEST_SEED) {
            paths.push(path);
        }
    }
}

/// Limits far below the defaults: an input that passes them is still small work.
fn options() -> ImportOptions {
    let limits = Limits { elements: 1 << 22, folded_bytes: 1 << 24, nodes: 10_000, entries: 100_000, ..Limits::default() };
    ImportOptions { limits, ..ImportOptions::default() }
}

/// The model reader: whatever comes, a graph that passes the verifier or an error that helps.
fn reader(bytes: &[u8]) -> Result<String, String> {
    match import_bytes(Bytes::copy_from_slice(bytes), &options()) {
        Ok(graph) => {
            mcompc_ir::verify(&graph).map_err(|e| format!("the reader made a graph the verifier refuses: {e}"))?;
            Ok("a graph".to_owned())
        }
        Err(error) => helpful(&error),
    }
}

fn graph_texts() -> Vec<Vec<u8>> {
    models()
        .into_iter()
        .filter_map(|model| import_bytes(Bytes::from(model), &options()).ok())
        .map(|graph| mcompc_ir::print(&graph).into_bytes())
        .filter(|text| text.len() as u64 <= LONGEST_SEED)
        .collect()
}

/// The text form: what parses prints, and parses again to the same text.
fn graph_text(bytes: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(bytes);
    match mcompc_ir::parse(&text) {
        Ok(graph) => {
            let printed = mcompc_ir::print(&graph);
            let again = mcompc_ir::parse(&printed).map_err(|e| format!("what was printed does not parse: {e}"))?;
            if mcompc_ir::print(&again) != printed {
                return Err("printing twice gives two texts".to_owned());
            }
            let verified = mcompc_ir::verify(&graph).is_ok();
            Ok(format!("a graph, verified {verified}"))
        }
        // A developer's format: the message names the line, a hint would add nothing.
        Err(error) => Ok(kind(&error)),
    }
}

/// Every error says what happened and what to do.
fn helpful(error: &Error) -> Result<String, String> {
    if error.message.trim().is_empty() {
        return Err(format!("{} without a message", error.code.as_str()));
    }
    if error.hint.as_deref().is_none_or(|hint| hint.trim().is_empty()) {
        return Err(format!("{} without a hint: {}", error.code.as_str(), error.message));
    }
    Ok(kind(error))
}

/// An outcome: the error's code and the first words of its message.
fn kind(error: &Error) -> String {
    let words: Vec<&str> = error.message.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2).take(5).collect();
    format!("{} {}", error.code.as_str(), words.join(" "))
}
