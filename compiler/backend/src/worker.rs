//! The worker's side: reads one request, does it, answers, ends.

use crate::job::Job;
use crate::wire::{Answer, Task};
use crate::{fault, guest, here};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

/// Stack of the thread that works: LLVM and MLIR recurse over nested code.
const STACK: usize = 64 << 20;

/// Serves one request from standard input and writes the answer to standard output. Called by an executable that was started as a
/// worker ([`crate::WORKER`]), and by it alone. It ends early when standard input is closed: then nobody waits for the answer.
pub fn serve() -> ExitCode {
    limits();
    here::record_panics();
    let task = match Task::read(&mut io::stdin().lock()) {
        Ok(task) => task,
        Err(e) => {
            let _ = writeln!(io::stderr(), "no request on standard input: {e}; this is how mcompc starts itself, not a command");
            return ExitCode::from(2);
        }
    };
    thread::spawn(end_with_the_caller);
    let done = thread::Builder::new().name("back end".into()).stack_size(STACK).spawn(move || match task {
        Ok(task) => here::guarded(|| work(task)).unwrap_or_else(Answer::Panicked),
        Err(e) => Answer::Refused(e),
    });
    let answer = match done.map(thread::JoinHandle::join) {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Answer::Panicked("the working thread ended early".into()),
        Err(e) => Answer::Panicked(format!("no thread to work in: {e}")),
    };
    let written = answer.to_frame().map_err(|e| e.to_string()).and_then(|f| write(&f).map_err(|e| e.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "the answer cannot be given: {e}");
            ExitCode::FAILURE
        }
    }
}

fn write(frame: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(frame)?;
    out.flush()
}

fn work(task: Task) -> Answer {
    match task {
        Task::Compile { module, target, backend, weights_section, elsewhere } => {
            fault::provoke(&module);
            let job = Job { target: &target, backend, weights_section: weights_section.as_deref(), elsewhere: &elsewhere };
            match here::compile(&module, &job) {
                Ok((object, frames)) => Answer::Compiled { object, frames },
                Err(e) => Answer::Refused(e),
            }
        }
        Task::Run { object, buffers, calls } => match guest::run(&object, &buffers, &calls) {
            Ok(returned) => Answer::Ran(returned),
            Err(e) => Answer::Refused(e),
        },
    }
}

/// The caller keeps the pipe open as long as it lives, however it ends.
fn end_with_the_caller() {
    let mut byte = [0];
    loop {
        match io::stdin().read(&mut byte) {
            Ok(1..) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    // Not by `exit`, which would run LLVM's destructors under the working thread.
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    #[cfg(not(unix))]
    std::process::abort();
}

/// Of the computer's memory, the parts in four that a worker may take; at least [`LEAST_MEMORY`] bytes.
const QUARTERS: u64 = 3;
const LEAST_MEMORY: u64 = 2 << 30;

/// A crash is reported by the caller and leaves no file. A back end that asks for ever more memory is refused it before the computer stalls.
fn limits() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = text.lines().find_map(|l| l.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
        let most = kib.map(|k| (k.saturating_mul(1024) / 4 * QUARTERS).max(LEAST_MEMORY));
        let now = getrlimit(Resource::As);
        if let Some(most) = most.filter(|m| now.current.is_none_or(|c| c > *m)) {
            // Where it is refused the system's own limits hold.
            let _ = setrlimit(Resource::As, Rlimit { current: Some(most), maximum: now.maximum });
        }
    }
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Where it is refused a file may be left; nothing else depends on it.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
}
