//! What is fuzzed: functions from bytes to an outcome that must not panic, hang or eat memory.

mod coded;
mod data;
mod model;
mod net;
mod text;

use mcompc_ir::Error;

/// One function under test.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Runs one input. The value names the outcome, for telling new ones from known ones; an
    /// `Err` is a property that does not hold.
    pub run: fn(&[u8]) -> Result<String, String>,
    /// Runs of one process, which has ten minutes for them.
    pub stretch: u64,
}

/// All targets; the first is the command's default.
pub const TARGETS: &[Target] = &[
    Target { name: "reader", seeds: model::small, run: model::reader, stretch: 4000 },
    Target { name: "passes", seeds: model::own, run: model::passes, stretch: 4000 },
    Target { name: "data", seeds: data::seeds, run: data::dataset, stretch: 4000 },
    Target { name: "scheme", seeds: data::scheme_seeds, run: data::scheme, stretch: 4000 },
    Target { name: "input-flag", seeds: data::flag_seeds, run: data::flag, stretch: 4000 },
    Target { name: "graph-text", seeds: text::graphs, run: text::graph, stretch: 4000 },
    Target { name: "kernel-text", seeds: text::kernels, run: text::kernel, stretch: 4000 },
    Target { name: "coded-weights", seeds: coded::seeds, run: coded::run, stretch: 4000 },
    Target { name: "network", seeds: net::seeds, run: net::run, stretch: 100 },
];

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
