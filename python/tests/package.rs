//! The package, with the extension that Cargo has built, in a Python of this computer.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Cargo links an extension module for no test: it is asked for here, with the default features, which is what the suite builds first.
fn extension() -> PathBuf {
    let release: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace", "--lib"]).args(release).current_dir(env!("CARGO_MANIFEST_DIR"));
    let out = cargo.output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    // Libraries lie two folders above a test's executable.
    let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_path_buf();
    let names = ["lib_mcompc.so", "lib_mcompc.dylib"];
    let of = |f: &Path| names.iter().map(|n| f.join(n)).find(|p| p.exists());
    of(&folder).or_else(|| of(&folder.join("deps"))).unwrap_or_else(|| panic!("no extension module in {}", folder.display()))
}

/// A Python with numpy.
fn python() -> &'static str {
    let has = |p: &&str| Command::new(p).args(["-c", "import numpy"]).output().is_ok_and(|o| o.status.success());
    ["python3", "/usr/bin/python3"].into_iter().find(has).unwrap_or_else(|| panic!("no Python with numpy: scripts/setup.sh installs it"))
}

#[test]
fn the_package_works() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("mcompc");
    std::fs::create_dir(&package).unwrap();
    for entry in std::fs::read_dir(here.join("mcompc")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, package.join(path.file_name().unwrap())).unwrap();
        }
    }
    std::fs::copy(extension(), package.join("_mcompc.abi3.so")).unwrap();
    let test = here.join("tests/test_package.py");
    let out = Command::new(python())
        .arg(test)
        .current_dir(dir.path())
        .env("PYTHONPATH", dir.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("MODELS", here.join("../models"))
        .output();
    let out = out.unwrap();
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}
