//! The caller's side: starts a worker, asks it, and says how it ended.

use crate::end::End;
use crate::wire::{Answer, Request};
use mcompc_interrupt::Process;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Block, Inst, Module};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// The one argument that makes an executable a worker; it then calls [`crate::serve`] and nothing else.
pub const WORKER: &str = "--serve-as-back-end";

/// Time limit of a run of generated code.
pub(crate) const RUN: Duration = Duration::from_secs(600);
/// Least time limit of a part of a module, where a whole one had to be given up.
pub(crate) const LEAST: Duration = Duration::from_secs(5);

/// Of a translation: at least this, and so much for each instruction of the kernels. LLVM takes about 0.1 ms for one on a slow machine.
const START: Duration = Duration::from_secs(120);
const INSTRUCTION: Duration = Duration::from_millis(10);

/// Bytes of a worker's error output that are read; the rest is dropped.
const SAID: u64 = 1 << 16;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the executable that serves as worker: one whose main function calls [`crate::serve`] when its first argument is [`WORKER`].
/// Without a path it is the one that runs. The first call counts.
///
/// # Errors
/// E001 where the system does not tell the running executable's path.
pub fn use_worker(program: Option<&Path>) -> Result<()> {
    // By this name an executable that is replaced or removed meanwhile still starts.
    const SELF: &str = "/proc/self/exe";
    let path = match program {
        Some(p) => p.to_path_buf(),
        None if cfg!(target_os = "linux") && Path::new(SELF).exists() => SELF.into(),
        None => std::env::current_exe().map_err(|e| Error::new(Code::Io, format!("the running program's path: {e}")))?,
    };
    mcompc_interrupt::use_tether(&path);
    PROGRAM.get_or_init(|| path);
    Ok(())
}

/// Time limit for translating a module.
pub(crate) fn compile_limit(m: &Module) -> Duration {
    let n: u32 = m.funcs.iter().map(|f| instructions(&f.body)).sum();
    START + INSTRUCTION * n
}

fn instructions(b: &Block) -> u32 {
    b.insts
        .iter()
        .map(|i| match i {
            Inst::For { body, .. } => 1 + instructions(body),
            Inst::If { then, els, .. } => 1 + instructions(then) + instructions(els),
            Inst::Op { .. } | Inst::Store { .. } | Inst::Call { .. } => 1,
        })
        .sum()
}

/// An executable that serves, and how long it may take.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    program: PathBuf,
    /// Instead of the usual limit; `Some(None)` is none at all.
    limit: Option<Option<Duration>>,
}

impl Worker {
    /// The one that was named, if one was.
    pub(crate) fn known() -> Result<Option<Self>> {
        // An executable that named itself is not sent elsewhere by a variable of the user's shell.
        let variable = || std::env::var_os("MCOMPC_WORKER").filter(|v| !v.is_empty()).map(PathBuf::from);
        let Some(program) = PROGRAM.get().cloned().or_else(variable) else { return Ok(None) };
        let limit = match std::env::var("MCOMPC_TIMEOUT") {
            Err(_) => None,
            Ok(text) => match text.parse::<u64>() {
                Ok(0) => Some(None),
                Ok(n) => Some(Some(Duration::from_secs(n))),
                Err(_) => {
                    let e = Error::new(Code::Usage, format!("MCOMPC_TIMEOUT is `{text}`, no whole number of seconds"));
                    return Err(e.hint("unset it for the usual limits, set it to 0 for none"));
                }
            },
        };
        Ok(Some(Self { program, limit }))
    }

    pub(crate) fn with_limit(&self, limit: Duration) -> Self {
        Self { limit: Some(Some(limit)), ..self.clone() }
    }

    /// Asks a new worker. The inner error is how it ended instead of answering.
    pub(crate) fn ask(&self, request: &Request<'_>, usual: Duration) -> Result<std::result::Result<Answer, End>> {
        let bytes = request.to_frame()?;
        let most = request.most();
        let io = |e: std::io::Error| Error::new(Code::Io, format!("the back end's process (`{}`): {e}", self.program.display()));
        let mut command = Command::new(&self.program);
        command.arg(WORKER).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(&mut command).map_err(io)?;
        let child = process.child();
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let limit = self.limit.unwrap_or(Some(usual));
        let (status, out, said) = thread::scope(|s| {
            // The pipe stays open until the worker's end: its closing tells the worker that this process is gone.
            let writer = s.spawn(move || {
                let mut pipe = stdin;
                // A worker that ended without reading says why by its end.
                let _ = pipe.as_mut().map(|p| p.write_all(&bytes).and_then(|()| p.flush()));
                pipe
            });
            let out = s.spawn(move || take(stdout, most));
            let said = s.spawn(move || {
                let mut pipe = stderr;
                let said = take(pipe.as_mut(), SAID);
                let _ = pipe.map(|mut p| std::io::copy(&mut p, &mut std::io::sink()));
                said
            });
            // Who sets a limit means time; the usual one is for work.
            let status = if self.limit.is_some() { process.wait(limit) } else { process.wait_at_work(usual) };
            drop(writer.join());
            (status, out.join().unwrap_or_default(), said.join().unwrap_or_default())
        });
        let end = match (status.map_err(io)?, limit) {
            (Some(status), _) => end(status, &said),
            (None, limit) => Some(End::Timeout(limit.unwrap_or_default())),
        };
        if end.as_ref().is_some_and(End::comes_from_outside) {
            // The same signal may be on its way to this process, which then ends without another word.
            thread::sleep(Duration::from_millis(200));
        }
        Ok(match end {
            Some(end) => Err(end),
            None => Answer::from_bytes(&out),
        })
    }
}

fn take(pipe: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error is not an answer; that shows when it is parsed.
    let _ = pipe.map(|p| p.take(most).read_to_end(&mut bytes));
    bytes
}

fn end(status: ExitStatus, said: &[u8]) -> Option<End> {
    if status.success() {
        return None;
    }
    let said = last_words(&String::from_utf8_lossy(said));
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Some(End::Signal(signal, said));
    }
    Some(End::Status(status.code().unwrap_or(-1), said))
}

/// The line that says most: LLVM's or Rust's own, else the last one; not too much of it.
fn last_words(text: &str) -> String {
    const TELLING: [&str; 5] = ["memory allocation of", "LLVM ERROR", "UNREACHABLE", "Assertion", "overflowed its stack"];
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let telling = text.lines().map(str::trim).find(|l| TELLING.iter().any(|t| l.contains(t)));
    telling.or_else(|| lines.next_back()).unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_is_quoted() {
        let text = "warning\n LLVM ERROR: Instruction Combining on k did not reach a fixpoint\nPLEASE submit a bug report\n";
        assert_eq!(last_words(text), "LLVM ERROR: Instruction Combining on k did not reach a fixpoint");
        assert_eq!((last_words("a\nb\n\n"), last_words("")), ("b".into(), String::new()));
        assert_eq!(End::Signal(6, "x".into()).to_string(), "was ended by SIGABRT (x)");
        assert!(End::Signal(9, String::new()).comes_from_outside() && !End::Signal(11, String::new()).comes_from_outside());
    }
}
