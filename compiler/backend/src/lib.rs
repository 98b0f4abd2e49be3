//! One door to the back ends and to the code they made: [`compile`] translates a kernel module, [`run`] calls an object's functions.
//!
//! LLVM ends the process on an internal error, a code generator may crash or never return, and wrong machine code does anything. So both
//! happen in a child process, the *worker*: the same executable, started with [`WORKER`], which calls [`serve`]. Requests and answers are
//! framed bytes on its standard input and output (wire.rs). Whatever becomes of the worker, the caller gets a result or an error.
//!
//! Which executable that is: [`use_worker`] names it (the command line does, with itself), the variable `MCOMPC_WORKER` names it for other
//! programs. Where neither did, as in tests that link the library, the work is done in the calling process, and only panics become errors.
//!
//! `MCOMPC_TIMEOUT` is the time limit of a worker in seconds, 0 for none; otherwise the limit follows from the size of the work.
#![forbid(unsafe_code)]

mod blame;
mod end;
mod fault;
mod guest;
mod here;
mod host;
mod job;
mod wire;
mod worker;

pub use guest::{Call, Passed, Returned};
pub use here::{guarded, record_panics};
pub use host::{WORKER, use_worker};
pub use job::{Job, built_in};
pub use worker::serve;

use end::{End, REPORT};
use host::Worker;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Frames, Module};
use mcompc_target::Backend;
use wire::{Answer, Request};

/// Translates a module: the relocatable object, and the stack bytes each function takes for itself. The bytes are the same with and
/// without a worker.
///
/// # Errors
/// Those of the back end (E503, E504); E506 where it is ended from outside; E504 as well where it crashes, ends the process, does not end in time or answers with something
/// else than an object. The error is then at the kernel function at fault, where that one fails by itself too. E001 where the
/// worker does not start.
pub fn compile(module: &Module, job: &Job<'_>) -> Result<(Vec<u8>, Frames)> {
    let worker = Worker::known()?;
    match attempt(worker.as_ref(), module, job)? {
        Ok(made) => Ok(made),
        Err(end) => Err(failed(worker.as_ref(), module, job, &end)),
    }
}

/// One try; the inner error is an end that no back end may come to.
fn attempt(worker: Option<&Worker>, module: &Module, job: &Job<'_>) -> Result<std::result::Result<(Vec<u8>, Frames), End>> {
    let Some(worker) = worker else {
        return Ok(match here::guarded(|| here::compile(module, job)) {
            Ok(done) => Ok(done?),
            Err(panic) => Err(End::Panic(panic)),
        });
    };
    match worker.ask(&Request::compile(module, job), host::compile_limit(module))? {
        Ok(Answer::Compiled { object, frames }) => Ok(Ok((object, frames))),
        Ok(Answer::Refused(e)) => Err(e),
        Ok(Answer::Panicked(message)) => Ok(Err(End::Panic(message))),
        Ok(Answer::Ran(_)) => Ok(Err(End::Garbage("an answer to another question".into()))),
        Err(end) => Ok(Err(end)),
    }
}

fn failed(worker: Option<&Worker>, module: &Module, job: &Job<'_>, end: &End) -> Error {
    let name = match job.backend {
        Backend::Cranelift => "Cranelift",
        Backend::Mlir => "LLVM",
        Backend::Small => "the small back end",
    };
    let hint = match end {
        End::Timeout(_) => {
            "MCOMPC_TIMEOUT=SECONDS gives it longer, 0 without limit; on an idle machine this is a bug of the compiler: report it \
                            with the model, the command line and this message"
        }
        End::Signal(..) if end.comes_from_outside() => {
            "another program, or the system for want of memory, ended it: free memory and run the command again"
        }
        end if end.wants_memory() => {
            "the model's code takes more memory to translate than there is: free memory, or run the command on a larger machine (a worker may \
             take three quarters of it)"
        }
        _ => "this is a bug of the compiler, not of the model: report it with the model, the command line and this message",
    };
    let other = Backend::ALL.into_iter().find(|b| *b != job.backend && built_in(*b) && job.target.machine(*b).is_ok());
    let other = other.filter(|_| !end.comes_from_outside()).map(|b| format!("; meanwhile try --backend {}", b.name())).unwrap_or_default();
    let code = if end.comes_from_outside() { Code::Ended } else { Code::Backend };
    let error = |what: String| Error::new(code, what).hint(format!("{hint}{other}"));
    // A signal from outside says nothing about any kernel.
    let culprit = if end.comes_from_outside() { None } else { blame::kernel(module, &mut |part| fails(worker, part, job, end)) };
    match culprit {
        Some(kernel) => error(format!("{name} {end}, translating kernel `{kernel}`")).at(kernel),
        None => error(format!("{name} {end}")),
    }
}

/// Whether a part of the module comes to a bad end too. After a timeout the parts, which are smaller, get an eighth of the time.
fn fails(worker: Option<&Worker>, part: &Module, job: &Job<'_>, end: &End) -> bool {
    let short = worker.map(|w| match end {
        End::Timeout(limit) => w.with_limit((*limit / 8).max(host::LEAST).min(*limit)),
        _ => w.clone(),
    });
    matches!(attempt(short.as_ref(), part, job), Ok(Err(_)))
}

/// Calls functions of an object for this computer, one after the other, on buffers of their own; `buffers` are the contents before the
/// first call. Every buffer begins at a multiple of 64 bytes and stands between guards.
///
/// # Errors
/// E506 where it is ended from outside; E601 where the code crashes, does not end in time or writes outside its buffers; those of the loader (E504) and of its calls (E002).
pub fn run(object: &[u8], buffers: &[Vec<u8>], calls: &[Call]) -> Result<Vec<Returned>> {
    let wrong = |end: &End| {
        let (code, hint) = match end {
            end if end.comes_from_outside() => {
                (Code::Ended, "another program, or the system for want of memory, ended it: free memory and run the command again")
            }
            end if end.wants_memory() => {
                (Code::Ended, "the model's buffers do not fit this computer's memory: free some, or use a larger machine")
            }
            _ => (Code::Mismatch, REPORT),
        };
        Error::new(code, format!("the generated code {end}")).hint(hint)
    };
    let Some(worker) = Worker::known()? else {
        return guest::run(object, buffers, calls);
    };
    match worker.ask(&Request::Run { object, buffers, calls }, host::RUN)? {
        Ok(Answer::Ran(returned)) => Ok(returned),
        Ok(Answer::Refused(e)) => Err(e),
        Ok(Answer::Panicked(message)) => Err(wrong(&End::Panic(message))),
        Ok(Answer::Compiled { .. }) => Err(wrong(&End::Garbage("an answer to another question".into()))),
        Err(end) => Err(wrong(&end)),
    }
}
