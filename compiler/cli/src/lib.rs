//! The `mcompc` command line: arguments, printing, exit codes. What it does is the driver's (`mcompc-driver`).
#![forbid(unsafe_code)]

mod answer;
mod args;
mod commands;
mod docs;
mod explain;
mod options;
mod progress;
mod timings;

use answer::Answer;
use args::{Command, Given, Line};
use mcompc_driver::Timed;
use mcompc_ir::{Code, Error, Result};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The main function of the `mcompc` executable: runs the command line `args` (program name first) and returns the exit status: 0, 1 for
/// an error of the model or the machine, 2 for an error of usage; a signal ends with 128 and its number. Results go to standard output,
/// errors and progress to standard error; with `--json` an error is an object on standard output too. Called by nobody else: the
/// executable serves as its own back-end process, and a panic's message and signals are taken over for the whole process.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    if args.get(1).is_some_and(|a| a == mcompc_backend::WORKER) {
        return mcompc_backend::serve();
    }
    if args.get(1).is_some_and(|a| a == mcompc_interrupt::TETHER) {
        return mcompc_interrupt::serve_tether(args.into_iter().skip(2));
    }
    mcompc_backend::record_panics();
    let words = args.get(1..).unwrap_or_default();
    let json = words.iter().take_while(|w| *w != "--").any(|w| w == args::JSON);
    let answer = match args::parse(words) {
        Ok(Line::Print(text)) => return print(&text, false, None),
        Ok(Line::Run(command, given)) => mcompc_backend::guarded(|| answer(command, &given)).unwrap_or_else(|panic| Err(bug(&panic))),
        Err(e) => Err(e),
    };
    // What looks like an error may be a signal's doing, and is not reported then.
    mcompc_interrupt::settle();
    match answer {
        Ok(a) => print(&if json { format!("{:#}\n", a.json) } else { a.text }, json, a.json.get("out").and_then(|o| o.as_str())),
        Err(e) => {
            let more = format!("`mcompc explain {}` says more", e.code.as_str());
            fail(&e.general_hint(more), json)
        }
    }
}

/// What a command line asks for, for callers that do it themselves.
pub struct Asked {
    /// The compilation.
    pub request: mcompc_driver::Request,
    /// Loss from which on there is no library.
    pub max_loss: Option<mcompc_driver::MaxLoss>,
}

/// Reads a command line (without the program's name) that names a command with a model, and does nothing.
///
/// # Errors
/// Those of its words.
pub fn asked(words: &[OsString]) -> Result<Asked> {
    let (_, given) = command(words)?;
    Ok(Asked { request: options::request(&given)?, max_loss: given.max_loss })
}

/// The JSON that a command line (without the program's name) prints with `--json`.
///
/// # Errors
/// Those of the command.
pub fn answer_to(words: &[OsString], progress: &dyn mcompc_driver::Progress) -> Result<serde_json::Value> {
    let (command, given) = command(words)?;
    Ok((command.run)(&given, progress)?.json)
}

fn command(words: &[OsString]) -> Result<(&'static Command, Box<Given>)> {
    match args::parse(words)? {
        Line::Run(command, given) => Ok((command, given)),
        Line::Print(_) => {
            Err(Error::new(Code::Usage, "these words ask for help, not for an answer").hint("name a command and what it needs"))
        }
    }
}

fn answer(command: &Command, given: &Given) -> Result<Answer> {
    mcompc_interrupt::watch().map_err(|e| Error::new(Code::Io, format!("signals cannot be watched: {e}")))?;
    mcompc_backend::use_worker(None)?;
    let bar = progress::Bar::default();
    if !given.timings {
        return (command.run)(given, &bar);
    }
    let timed = Timed::new(&bar);
    let mut answer = (command.run)(given, &timed)?;
    timings::add(&mut answer, &timed.steps());
    Ok(answer)
}

/// The error for a panic, which is always a bug of the compiler.
pub fn bug(panic: &str) -> Error {
    Error::new(Code::Internal, format!("the compiler panicked: {panic}")).hint(format!(
        "this is a bug of the compiler whatever the model is: report it with the model, the command line, this message and the version \
         ({})",
        mcompc_driver::VERSION
    ))
}

/// A reader that closes the pipe early, such as `head`, is no failure. A library that is in place (`out`) is not undone by a summary that
/// cannot be printed; a tool that asked for JSON is told that it has not got it.
fn print(text: &str, json: bool, out: Option<&str>) -> ExitCode {
    let mut stdout = std::io::stdout();
    match (stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()), out) {
        (Err(e), Some(out)) if e.kind() != std::io::ErrorKind::BrokenPipe && !json => {
            let _ = writeln!(std::io::stderr(), "warning: standard output takes no more: {e}; the library is in `{out}` all the same");
            ExitCode::SUCCESS
        }
        (Err(e), out) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            let e = Error::new(Code::Io, format!("standard output takes no more: {e}"));
            fail(
                &match out {
                    Some(out) => e.hint(format!("the library is in `{out}` all the same, with this report as report.json")),
                    None => e,
                },
                json,
            )
        }
        _ => ExitCode::SUCCESS,
    }
}

fn fail(e: &Error, json: bool) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{e}");
    if json {
        let v = serde_json::json!({"error": {"code": e.code.as_str(), "node": e.node, "message": e.message, "hint": e.hint}});
        let _ = writeln!(std::io::stdout(), "{v:#}");
    }
    ExitCode::from(if e.code == Code::Usage { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn a_panic_on_any_thread_is_an_error_with_its_place_and_where_to_send_it() {
        mcompc_backend::record_panics();
        let work = || (0..64).into_par_iter().for_each(|i| assert!(i != 40, "forty"));
        let e = bug(&mcompc_backend::guarded(work).unwrap_err());
        // The test's own threads have their own panics' messages printed again from here on.
        let _ = std::panic::take_hook();
        assert_eq!(e.code, Code::Internal);
        assert!(e.message.contains("forty at ") && e.message.contains("lib.rs:"), "{}", e.message);
        assert!(e.hint.is_some_and(|h| h.contains("report it") && h.contains(mcompc_driver::VERSION)));
        assert_eq!(mcompc_backend::guarded(|| 7), Ok(7));
    }
}
