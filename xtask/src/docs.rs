//! Documents the compiler prints about itself: one list, rewritten by `generate` and compared by
//! `checks`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, shell, workspace};

/// What `mcompc dev docs NAME` prints, and the file that holds it.
const GENERATED: &[(&str, &str)] =
    &[("errors", "docs/errors.md"), ("ops", "docs/ops.md"), ("targets", "docs/targets.md"), ("flags", "docs/flags.md")];

/// The compiler, built.
fn compiler() -> Result<PathBuf> {
    // With the tests' selection of packages: another one would build every dependency again with other features.
    shell::capture(shell::cargo(&["build", "-q", "--workspace", "--bin", "mcompc"]))?;
    Ok(workspace::target().join("debug/mcompc"))
}

fn print(compiler: &Path, name: &str) -> Result<String> {
    let mut command = Command::new(compiler);
    command.args(["dev", "docs", name]);
    let text = shell::capture(command)?;
    if text.trim().is_empty() {
        return Err(format!("`mcompc dev docs {name}` prints nothing"));
    }
    Ok(text)
}

/// Rewrites every generated document.
pub fn generate() -> Result {
    let compiler = compiler()?;
    for (name, path) in GENERATED {
        let text = print(&compiler, name)?;
        fs::write(workspace::root().join(path), text).map_err(|e| format!("{path}: {e}"))?;
        println!("{path}");
    }
    Ok(())
}

/// The documents that differ from what would be generated now.
pub fn stale() -> Result<Vec<String>> {
    let compiler = compiler()?;
    let mut stale = Vec::new();
    for (name, path) in GENERATED {
        let expected = print(&compiler, name)?;
        let found = fs::read_to_string(workspace::root().join(path)).unwrap_or_default();
        if found != expected {
            stale.push(format!("{path} is not what `mcompc dev docs {name}` prints: run cargo xtask generate"));
        }
    }
    Ok(stale)
}
