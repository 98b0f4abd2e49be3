//! Tests that cannot run on this machine say so, and are not counted as passed.

use std::fs::OpenOptions;
use std::io::Write as _;

use crate::{Error, missing};

/// Notes that the calling test could not run, and why. The test should then return: the test
/// runner counts it as passed, and `cargo xtask ci`, which sets `MCOMPC_NOT_RUN` to the file that
/// is written here, takes it off again.
pub fn not_run(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("{test}\t{reason}\n");
    eprint!("not run: {line}");
    if let Some(path) = std::env::var_os("MCOMPC_NOT_RUN") {
        // One write of one line: tests of several processes append to the same file.
        let written = OpenOptions::new().append(true).create(true).open(&path).and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            eprintln!("{}: {error}", path.display());
        }
    }
}

/// Whether programs for `machine` can run here. What this CPU cannot do is noted by [`not_run`];
/// the caller returns then.
///
/// # Errors
/// A tool is missing, which scripts/setup.sh installs: the test should fail.
pub fn runnable(machine: &str) -> Result<bool, Error> {
    match missing(machine) {
        None => Ok(true),
        Some(e @ (Error::CpuLacks(_) | Error::NoEmulator(_))) => {
            not_run(&format!("{machine}: {e}"));
            Ok(false)
        }
        Some(error) => Err(error),
    }
}
