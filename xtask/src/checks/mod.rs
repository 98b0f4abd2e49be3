//! `cargo xtask checks`: what the sources must hold beyond what the compiler and its lints see.
//! Each check returns its findings, one line each; none is skipped.

mod arrows;
mod codes;
mod floors;
mod leaks;
mod links;
mod lints;
mod sizes;
mod source;

use crate::{Result, docs};

type Check = fn() -> Result<Vec<String>>;

const CHECKS: &[(&str, Check)] = &[
    ("sizes", sizes::check),
    ("arrows", arrows::check),
    ("floors", floors::check),
    ("codes", codes::check),
    ("lints", lints::check),
    ("links", links::check),
    ("leaks", leaks::check),
    ("docs", docs::stale),
];

/// Runs the named checks, all of them without a name.
pub fn run(names: &[String]) -> Result {
    if let Some(name) = names.iter().find(|name| !CHECKS.iter().any(|(n, _)| n == name)) {
        let known: Vec<_> = CHECKS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no check is called '{name}'; there are {}", known.join(", ")));
    }
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        if !names.is_empty() && !names.iter().any(|n| n == name) {
            continue;
        }
        let findings = check().unwrap_or_else(|message| vec![message]);
        for finding in &findings {
            println!("{name}: {finding}");
        }
        if findings.is_empty() {
            println!("{name}: ok");
        } else {
            failed.push(*name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("checks failed: {}", failed.join(", "))) }
}
