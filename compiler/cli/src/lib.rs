//! The `mcompc` command line, and beneath it the [`driver`]: the one path from a model to a library, which tests and benches use too.
#![forbid(unsafe_code)]

pub mod args;
pub mod bench;
mod commands;
pub mod cost;
mod docs;
pub mod driver;
mod explain;
pub mod layers;
pub mod progress;
mod size;
pub mod verify;

use args::{Cli, Command, Dev, with_default_command};
use clap::Parser;
use mcompc_ir::{Code, Error};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What a command gives back: text for people, JSON for tools.
pub(crate) struct Answer {
    text: String,
    json: serde_json::Value,
}

/// Runs the command line `args` (program name first) and returns the exit status: 0, 1 for an error of the model or the machine, 2 for
/// an error of usage. Results go to standard output, errors and progress to standard error; with `--json` an error is an object on
/// standard output too.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(with_default_command(args)) {
        Ok(c) => c,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let (json, answer) = match &cli.command {
        Command::Compile(c) => (c.build.json, commands::compile(c)),
        Command::Plan(p) => (p.build.json, commands::plan(&p.build)),
        Command::Verify(v) => (v.build.json, commands::verify(v)),
        Command::Bench(b) => (b.build.json, commands::bench(b)),
        Command::Targets(t) => (t.json, commands::targets()),
        Command::Explain(e) => (e.json, commands::explain(&e.code)),
        Command::Dev(Dev::Show { stage, build }) => (build.json, commands::show(*stage, build)),
        Command::Dev(Dev::Cost { target, plugin, json }) => (*json, commands::cost(target, plugin.as_deref())),
        Command::Dev(Dev::Docs { which, json }) => (*json, commands::document(*which)),
    };
    match answer {
        Ok(a) => print(&if json { format!("{:#}\n", a.json) } else { a.text }),
        Err(e) => {
            let more = format!("`mcompc explain {}` says more", e.code.as_str());
            fail(&e.general_hint(more), json)
        }
    }
}

/// A reader that closes the pipe early, such as `head`, is no failure.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn fail(e: &Error, json: bool) -> ExitCode {
    eprintln!("{e}");
    if json {
        let v = serde_json::json!({"error": {"code": e.code.as_str(), "node": e.node, "message": e.message, "hint": e.hint}});
        let _ = writeln!(std::io::stdout(), "{v:#}");
    }
    ExitCode::from(if e.code == Code::Usage { 2 } else { 1 })
}
