//! The kernel level: what every operator is lowered to once, and what each back end only translates.
//!
//! A [`Module`] is a list of functions over scalars (`i32`), pointers and fixed-width vectors, in structured SSA form, plus the
//! constant data they read. Inner products are rows of the target's [`Machine`] description.
#![forbid(unsafe_code)]

mod build;
mod func;
pub mod interp;
mod machine;
mod op;
mod provenance;
mod row;
mod stack;
pub mod testing;
mod text;
mod types;
mod unpack;
mod verify;

pub use build::Builder;
pub use func::{Block, Data, Func, Inst, Module, Param, Role};
pub use machine::{MacForm, Machine, Tail};
pub use op::{Bin, Cmp, MemElem, Op, Rescale};
pub use provenance::constant_pointers;
pub use row::{Elem, Form, Row};
pub use stack::{Frames, calls, stack_bytes};
pub use text::{parse, print};
pub use types::{Lane, Ty, Val};
pub use unpack::{Method, Unpack};
pub use verify::{Proof, structure, verify};
