//! The back ends in the calling process.

use crate::job::Job;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Frames, Module};
use mcompc_target::Backend;
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) fn compile(module: &Module, job: &Job<'_>) -> Result<(Vec<u8>, Frames)> {
    let weights_section = job.weights_section.map(str::to_owned);
    let elsewhere = job.elsewhere.iter().cloned().collect();
    match job.backend {
        Backend::Cranelift => {
            let options = mcompc_codegen_cranelift::Options { weights_section, elsewhere };
            mcompc_codegen_cranelift::compile_with_frames(module, job.target, &options)
        }
        Backend::Small if !job.elsewhere.is_empty() => {
            Err(Error::new(Code::Backend, "the small back end writes objects that are complete by themselves"))
        }
        Backend::Small => {
            let options = mcompc_codegen_small::Options { weights_section };
            mcompc_codegen_small::compile_with_frames(module, job.target, &options)
        }
        Backend::Mlir => {
            let options = mcompc_codegen_mlir::Options { weights_section, elsewhere, ..Default::default() };
            mcompc_codegen_mlir::compile_with_frames(module, job.target, &options)
        }
    }
}

/// Message and place of the first panic since the last [`guarded`] began, wherever it was caught first.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

fn panic() -> MutexGuard<'static, Option<String>> {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on panics of any thread are noted for [`guarded`] instead of printed. `RUST_BACKTRACE` prints them with their trace all the
/// same.
pub fn record_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let message = format!("{}{place}", text(info.payload()));
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            // Standard error may be gone; a panic in here would end the process.
            let _ = writeln!(std::io::stderr(), "{message}\n{trace}");
        }
        panic().get_or_insert(message);
    }));
}

/// Runs `work`; a panic's message, and after [`record_panics`] its place, where it panics. What `work` was making is lost then, so
/// nothing half-done is seen.
///
/// # Errors
/// The message.
pub fn guarded<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    panic().take();
    catch_unwind(AssertUnwindSafe(work)).map_err(|p| panic().take().unwrap_or_else(|| text(&*p)))
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
