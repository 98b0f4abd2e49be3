//! The standard's node tests: fetched once with the package that holds them, then run by a test of the importer.

use std::process::Command;

use crate::{Result, shell, workspace};

/// The package whose cases tests/node-tests.txt lists.
const PACKAGE: &str = "onnx==1.22.0";

/// Fetches the cases into the target folder, where they are not there yet, and runs the test; `--bless` rewrites the list.
pub fn run(args: &[String]) -> Result {
    let bless = args.iter().any(|a| a == "--bless");
    if let Some(other) = args.iter().find(|a| *a != "--bless") {
        return Err(format!("node-tests has no option '{other}'"));
    }
    let folder = workspace::target().join("node-tests");
    let data = folder.join("onnx/backend/test/data");
    if !data.join("node").is_dir() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]).arg(&folder).arg(PACKAGE);
        shell::run(pip)?;
    }
    let mut test = shell::cargo(&["test", "-p", "mcompc-onnx", "--test", "standard", "--", "--nocapture"]);
    test.env("MCOMPC_NODE_TESTS", data);
    if bless {
        test.env("MCOMPC_BLESS", "1");
    }
    shell::run(test)
}
