//! Starting other programs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::Result;

/// A command for `cargo` itself, the one that started this program, in the workspace root.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(crate::paths::root());
    command
}

/// A short form of a command line for messages.
pub fn show(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name();
    let program = program.unwrap_or_default().to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}

/// Runs to the end; a status other than 0 is an error.
pub fn run(mut command: Command) -> Result {
    println!("$ {}", show(&command));
    let status = command.status().map_err(|e| format!("{}: {e}", show(&command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", show(&command))) }
}

/// Runs to the end and returns what it wrote to its standard output.
pub fn capture(mut command: Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| format!("{}: {e}", show(&command)))?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", show(&command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("{}: {e}", show(&command)))
}

/// Runs to the end, shows both output streams as they come and hands each line to `line`.
/// Returns whether the status was 0.
pub fn watch(mut command: Command, mut line: impl FnMut(&str)) -> Result<bool> {
    println!("$ {}", show(&command));
    let name = show(&command);
    let fail = |e: std::io::Error| format!("{name}: {e}");
    let (reader, writer) = std::io::pipe().map_err(fail)?;
    let second = writer.try_clone().map_err(fail)?;
    let mut child = command.stdout(writer).stderr(second).spawn().map_err(fail)?;
    // The command keeps the writing ends open; without this the reader never sees the end.
    drop(command);
    for text in BufReader::new(reader).split(b'\n') {
        let text = text.map_err(fail)?;
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        line(&text);
    }
    Ok(child.wait().map_err(fail)?.success())
}

/// Whether a Cargo subcommand is installed.
pub fn has_subcommand(name: &str) -> bool {
    cargo(&[name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
