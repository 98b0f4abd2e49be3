//! Runs generated code where it belongs: links objects with a small C program and runs the result
//! natively, under qemu-user, or on a bare-metal board under qemu-system.
//!
//! The program is C with `#include "emu.h"` (firmware/emu.h) that defines `emu_main`, reads
//! its input with `emu_read` and writes its output with `emu_write`; [`call_main`] writes the
//! usual one. The same text works on every machine of [`machines`].
//!
//! ```no_run
//! # fn main() -> Result<(), mcompc_emu::Error> {
//! let main = r#"
//!     #include "emu.h"
//!     int32_t twice(int32_t x);
//!     int emu_main(void) {
//!         int32_t x;
//!         emu_read(&x, sizeof x);
//!         emu_begin(); x = twice(x); emu_end();
//!         emu_write(&x, sizeof x);
//!         return 0;
//!     }"#;
//! # let object = Vec::new();
//! let program = mcompc_emu::Program::new("cortex-m4", main).object("twice.o", object).build()?;
//! let run = program.run_counted(&21_i32.to_le_bytes())?;
//! assert_eq!(run.output, 42_i32.to_le_bytes());
//! println!("{} instructions", run.instructions.unwrap_or(0));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod build;
mod call;
mod error;
mod machine;
mod not_run;
mod run;

pub use build::{Executable, Program};
pub use call::{Argument, Calling, FAILED, OVERRUN, call_main};
pub use error::Error;
pub use machine::{machines, missing};
pub use not_run::{not_run, runnable};
pub use run::{Counting, Run};
