//! `cargo xtask runtime-targets`: the runtime crate for every target's Rust triple, without `std`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use crate::{Result, shell, workspace};

/// The system's compiler, which has the library's source beside it; rustup's toolchains have only the targets that were added.
const SYSTEM: &str = "/usr/bin/rustc";

/// Builds for the triples named, for all of `targets/` without a name, going on after a failure.
pub fn run(args: &[String]) -> Result {
    let all = triples()?;
    if let Some(name) = args.iter().find(|name| !all.contains(*name)) {
        return Err(format!("no target is built for '{name}'; there are {}", all.into_iter().collect::<Vec<_>>().join(", ")));
    }
    if !Path::new(SYSTEM).is_file() {
        return Err(format!("{SYSTEM} is missing: scripts/setup.sh installs it"));
    }
    let mut failed = Vec::new();
    for triple in all.iter().filter(|t| args.is_empty() || args.contains(t)) {
        let mut command = shell::cargo(&["build", "-q", "--release", "-p", "mcompc-runtime", "-Z", "build-std=core", "--target", triple]);
        command.env("RUSTC", SYSTEM).env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", workspace::target().join("bare-metal"));
        let start = Instant::now();
        match shell::run(command) {
            Ok(()) => println!("{triple}: ok, {:.0} s", start.elapsed().as_secs_f32()),
            Err(message) => {
                println!("{triple}: FAILED: {message}");
                failed.push(triple.as_str());
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("the runtime does not build for {}", failed.join(", "))) }
}

/// `rust_triple` of every `targets/*/target.toml`.
fn triples() -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for path in workspace::files()? {
        if path.starts_with("targets/") && path.ends_with("/target.toml") {
            let text = workspace::text(&path)?.unwrap_or_default();
            let line = text.lines().find_map(|l| l.strip_prefix("rust_triple = "));
            all.insert(line.ok_or_else(|| format!("{path}: no rust_triple"))?.trim_matches('"').to_owned());
        }
    }
    Ok(all)
}
