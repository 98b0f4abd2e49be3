//! Every crate takes the workspace's lints, and unsafe code stays in the few crates that cannot
//! do without.

use crate::{Result, workspace};

/// Crates that call foreign or generated code, or map files. All others forbid unsafe code.
const UNSAFE: &[(&str, &str)] = &[
    ("compiler/codegen-mlir", "calls LLVM's C interface"),
    ("compiler/exec", "calls the code it loads"),
    ("compiler/onnx", "maps files"),
    ("tools/qemu-count", "is called by QEMU"),
];

/// Crates without `[lints] workspace = true`, and crate roots without `#![forbid(unsafe_code)]`.
pub fn check() -> Result<Vec<String>> {
    let files = workspace::files()?;
    let mut findings = Vec::new();
    for package in workspace::packages()? {
        let folder = &package.folder;
        let manifest = workspace::text(&format!("{folder}/Cargo.toml"))?.unwrap_or_default();
        let lints = manifest.split("[lints]").nth(1).unwrap_or_default();
        if !lints.trim_start().starts_with("workspace = true") {
            findings.push(format!("{folder}/Cargo.toml does not take the workspace's lints"));
        }
        if UNSAFE.iter().any(|(name, _)| name == folder) {
            continue;
        }
        for root in ["lib.rs", "main.rs"].map(|name| format!("{folder}/src/{name}")) {
            if files.contains(&root) && !workspace::text(&root)?.unwrap_or_default().contains("#![forbid(unsafe_code)]") {
                findings.push(format!("{root} does not forbid unsafe code"));
            }
        }
    }
    Ok(findings)
}
