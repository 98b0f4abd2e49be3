//! Kernel modules to relocatable ELF objects for microcontrollers: Thumb (Armv6-M, Armv7-M, Armv7E-M, Armv8-M main) and RV32IM[A]C, with
//! nothing but Rust.
//!
//! A translation of kernel operations and nothing else: no operator is known here. The way of a function:
//!
//! | stage | what |
//! |---|---|
//! | [`opt`] | kernel function to kernel function: vectors taken apart into scalars, operations the core lacks spelt out, constants folded, equal values shared, what does not change moved out of loops |
//! | [`select`] | kernel operations to instructions over virtual registers ([`lir`]) |
//! | [`peephole`], [`schedule`] | addresses that step after their access; the order a core likes |
//! | [`alloc`] | registers, by the crate regalloc2 |
//! | [`thumb`], [`riscv`] | encodings; [`asm`] places labels, literal pools and branches |
//! | [`object`] | the ELF file |
#![forbid(unsafe_code)]

mod alloc;
mod asm;
mod done;
mod isa;
mod lir;
mod live;
mod object;
mod opt;
mod peephole;
mod riscv;
mod schedule;
mod select;
mod spills;
mod thumb;

use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Frames, Module, structure};
use mcompc_target::Target;

/// What does not follow from the module and the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Section of [`mcompc_kernel::Data`] marked as weights; read-only data when absent.
    pub weights_section: Option<String>,
}

/// Translates a module to a relocatable object. Same module, target and options give the same bytes on any host.
///
/// Functions are local symbols except those marked `export`; no symbol is undefined, and there is no unwind information.
///
/// # Errors
/// [`Code::UnknownTarget`] for an architecture that this back end has no instructions for, [`Code::Verify`] for a malformed module,
/// [`Code::Backend`] naming function and operation for what this back end does not translate.
pub fn compile(module: &Module, target: &Target, options: &Options) -> Result<Vec<u8>> {
    Ok(compile_with_frames(module, target, options)?.0)
}

/// As [`compile`], with the stack bytes each function takes for itself.
///
/// # Errors
/// As [`compile`].
pub fn compile_with_frames(module: &Module, target: &Target, options: &Options) -> Result<(Vec<u8>, Frames)> {
    structure(module)?;
    let isa = isa::Isa::of(target)?;
    let mut frames = Frames::new();
    let mut texts = vec![];
    for f in &module.funcs {
        let (text, frame) = function(module, f, &isa)?;
        frames.insert(f.name.clone(), frame);
        texts.push(text);
    }
    Ok((object::write(module, &isa, texts, options)?, frames))
}

/// Machine code and stack bytes of one function.
fn function(module: &Module, f: &mcompc_kernel::Func, isa: &isa::Isa) -> Result<(asm::Text, u64)> {
    let small = opt::run(module, f, isa)?;
    let mut code = select::run(module, &small, isa)?;
    peephole::run(&mut code, isa);
    schedule::run(&mut code, isa);
    let done = alloc::run(&code, isa).map_err(|e| backend(&f.name, e))?;
    let text = if isa.is_thumb() { thumb::emit(&done, isa) } else { riscv::emit(&done, isa) };
    Ok((text.map_err(|e| backend(&f.name, e))?, done.frame_bytes(isa)))
}

/// The error of this crate: function, and what was refused.
fn backend(function: &str, what: impl std::fmt::Display) -> Error {
    Error::new(Code::Backend, format!("small back end, function `{function}`: {what}"))
}
