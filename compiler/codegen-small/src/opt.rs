//! Kernel function to kernel function: what the core lacks is spelt out in what it has, see the modules.

mod dead;
mod expand;
mod fold;
mod lanes;
mod memory;
mod walk;

pub(crate) use walk::{has_loop, reads, visit};

use crate::isa::Isa;
use mcompc_ir::Result;
use mcompc_kernel::{Func, Module};

/// A function over scalars and pointers, of operations that instructions of the core stand for.
pub(crate) fn run(module: &Module, f: &Func, isa: &Isa) -> Result<Func> {
    let mut small = expand::run(module, f, isa)?;
    dead::run(&mut small);
    Ok(small)
}
