//! `cargo xtask random-nets`: the networks of tests/nets, built like the fuzzer.

use crate::Result;

/// Passes its arguments on; the command explains them. `--mlir` builds the MLIR back end in.
pub fn run(args: &[String]) -> Result {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let features: &[&str] = if args.contains(&"--mlir") { &["--features", "mlir"] } else { &[] };
    crate::fuzz::checked(&[&["-p", "mcompc-nets", "--bin", "mcompc-nets"], features].concat(), &args)
}
