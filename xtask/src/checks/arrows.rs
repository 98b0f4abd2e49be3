//! Dependency arrows between the workspace's crates point one way.

use crate::Result;
use crate::workspace::{self, Kind, Package};

/// The crates in order, by their folders, without `compiler/`: a crate may depend on crates of later
/// rows only, never on one of its own row.
const ORDER: &[&[&str]] = &[
    &["python", "build-script"],
    &["cli"],
    &["driver"],
    &["bundle"],
    &["backend", "package", "report"],
    &["exec", "emu"],
    &["codegen-cranelift", "codegen-mlir", "codegen-small"],
    &["lower"],
    &["plan"],
    &["cost"],
    &["compress", "integerize"],
    &["data"],
    &["passes"],
    &["onnx"],
    &["interp"],
    &["ops"],
    &["target"],
    &["kernel"],
    &["coding"],
    &["ir"],
    &["interrupt", "runtime", "tools/qemu-count"],
];

/// Arrows the order allows and that must not be: the graph's reference semantics and the kernel
/// level are compared with each other in the tests and share no arithmetic.
const FORBIDDEN: &[(&str, &str)] = &[("ops", "kernel"), ("interp", "kernel")];

/// Crates that only tests and people use, those of the order aside; no crate of the compiler depends on them in a build.
const TOOLS: &[&str] = &["xtask", "tests/", "tools/", "benches/"];

/// Arrows against the order, and crates the order does not know. Dependencies of tests are free,
/// save that they too must exist in the order.
pub fn check() -> Result<Vec<String>> {
    Ok(findings(&workspace::packages()?))
}

fn findings(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        if is_tool(package) {
            continue;
        }
        let Some(from) = rank(package) else {
            findings.push(format!("{} ({}) is not in the order", package.name, package.folder));
            continue;
        };
        for (name, kind) in &package.dependencies {
            let Some(to) = packages.iter().find(|p| p.name == *name) else { continue };
            if *kind == Kind::Dev {
                continue;
            }
            match rank(to) {
                _ if is_tool(to) => {
                    findings.push(format!("{} depends on the tool {name}", package.name));
                }
                Some(rank) if rank <= from => {
                    findings.push(format!("{} -> {name} points the wrong way", package.name));
                }
                _ => {}
            }
            if FORBIDDEN.contains(&(stem(package), stem(to))) {
                findings.push(format!("{} -> {name}: the two share no arithmetic", package.name));
            }
        }
    }
    findings
}

fn is_tool(package: &Package) -> bool {
    rank(package).is_none() && TOOLS.iter().any(|tool| package.folder.starts_with(tool))
}

fn stem(package: &Package) -> &str {
    package.folder.strip_prefix("compiler/").unwrap_or(&package.folder)
}

fn rank(package: &Package) -> Option<usize> {
    ORDER.iter().position(|row| row.contains(&stem(package)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str, dependencies: &[(&str, Kind)]) -> Package {
        Package {
            name: folder.to_owned(),
            folder: folder.to_owned(),
            dependencies: dependencies.iter().map(|(n, k)| ((*n).to_owned(), *k)).collect(),
            features: Vec::new(),
            binaries: Vec::new(),
        }
    }

    #[test]
    fn only_arrows_to_the_right_pass() {
        use Kind::{Dev, Normal};
        let good = [
            package("compiler/cli", &[("compiler/ir", Normal), ("compiler/lower", Normal)]),
            package("compiler/lower", &[("compiler/ir", Normal), ("tests/suite", Dev)]),
            package("compiler/ops", &[("compiler/ir", Normal), ("compiler/lower", Dev)]),
            package("compiler/kernel", &[("compiler/ir", Normal)]),
            package("compiler/ir", &[]),
            package("tests/suite", &[("compiler/cli", Normal)]),
        ];
        assert_eq!(findings(&good), [""; 0]);
        let bad = |from: &str, to: &str| {
            let mut all = good.to_vec();
            all.push(package("compiler/report", &[]));
            all.push(package("compiler/package", &[]));
            let from = all.iter_mut().find(|p| p.folder == from).unwrap();
            from.dependencies.push((to.to_owned(), Normal));
            findings(&all).len()
        };
        assert_eq!(bad("compiler/ir", "compiler/ops"), 1);
        assert_eq!(bad("compiler/report", "compiler/package"), 1);
        assert_eq!(bad("compiler/ops", "compiler/kernel"), 1);
        assert_eq!(bad("compiler/lower", "tests/suite"), 1);
        assert_eq!(findings(&[package("compiler/new", &[])]).len(), 1);
    }
}
