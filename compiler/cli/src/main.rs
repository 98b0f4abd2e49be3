//! The `mcompc` binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    mcompc::run(std::env::args_os())
}
