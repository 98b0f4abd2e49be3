//! `cargo xtask fuzz`: the mutation fuzzer of tests/fuzz, built with optimisation and overflow
//! checks.

use crate::{Result, shell};

/// Passes its arguments on; the fuzzer explains them.
pub fn run(args: &[String]) -> Result {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    checked(&["-p", "mcompc-fuzz"], &args)
}

/// Builds a binary with optimisation and overflow checks, in a folder of its own, and runs it with `args`.
pub fn checked(package: &[&str], args: &[&str]) -> Result {
    let mut command = shell::cargo(&[&["run", "--release"], package, &["--"], args].concat());
    // Silent wrap-around would hide what a debug build reports as a panic.
    command.env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true");
    command.env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    command.env("CARGO_TARGET_DIR", crate::workspace::target().join("fuzz"));
    shell::run(command)
}
