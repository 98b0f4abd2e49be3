//! Programs that end with this process however it ends, killed too: the running executable starts itself anew, asks the system for a signal
//! at its parent's death, and becomes the program. Only Linux has such a signal.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

/// First argument of an executable that is to become another program by [`serve_tether`].
pub const TETHER: &str = "--run-until-the-caller-ends";

static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();

/// Has [`command`] start programs by way of `executable`, whose main function calls [`serve_tether`] when its first argument is [`TETHER`].
/// The first call counts.
pub fn use_tether(executable: &Path) {
    EXECUTABLE.get_or_init(|| executable.to_path_buf());
}

/// A command for `program`, found as the system finds programs. After [`use_tether`] it ends with this process.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let program = program.as_ref();
    match EXECUTABLE.get().filter(|_| cfg!(target_os = "linux") && is_there(program)) {
        Some(executable) => {
            let mut command = Command::new(executable);
            command.arg(TETHER).arg(std::process::id().to_string()).arg(program);
            command
        }
        // What is not there is to be the caller's error.
        None => Command::new(program),
    }
}

/// Whether there is such a program, named by a path or found as the system finds programs.
pub fn is_there(program: &OsStr) -> bool {
    let path = Path::new(program);
    if path.components().count() > 1 {
        return path.is_file();
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// Becomes the program that the arguments behind [`TETHER`] name: the caller's process id, the program, its arguments. Returns only where
/// that fails, or the caller is gone already.
pub fn serve_tether(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let (Some(caller), Some(program)) = (args.next(), args.next()) else { return ExitCode::from(2) };
    become_program(&caller, &program, args)
}

#[cfg(target_os = "linux")]
fn become_program(caller: &OsStr, program: &OsStr, args: impl Iterator<Item = OsString>) -> ExitCode {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    use std::os::unix::process::CommandExt;
    // Where it is refused the program may outlive its caller; it is no less right.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // A caller that died before that has no death to come.
    if getppid().is_none_or(|p| caller.to_str() != Some(&p.as_raw_nonzero().to_string())) {
        return ExitCode::FAILURE;
    }
    let e = Command::new(program).args(args).exec();
    eprintln!("{}: {e}", program.display());
    ExitCode::from(127)
}

#[cfg(not(target_os = "linux"))]
fn become_program(_: &OsStr, program: &OsStr, args: impl Iterator<Item = OsString>) -> ExitCode {
    match Command::new(program).args(args).status() {
        Ok(status) => ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)),
        Err(_) => ExitCode::from(127),
    }
}
