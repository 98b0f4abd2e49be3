//! Kernel modules to relocatable ELF (for Apple's systems Mach-O) objects through Cranelift: x86-64, aarch64 and riscv64 (scalars only).
//!
//! A translation of kernel operations and nothing else: no operator is known here. Vectors live in 128-bit registers; a narrower one
//! takes the low bytes of a register, a wider one a sequence of them. Cranelift has no inner-product operation: rows are spelt as the
//! trees of widening multiplications and pairwise sums that its instruction selection folds (contract.rs).
#![forbid(unsafe_code)]

mod arith;
mod contract;
mod control;
mod isa;
mod lanes;
mod layout;
mod memory;
mod object;
mod pipeline;
mod rescale;
mod shuffle;
mod translate;
mod writer;

use cranelift_codegen::Context;
use cranelift_codegen::isa::TargetIsa;
use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::{Frames, Module, structure};
use mcompc_target::Target;
use std::collections::BTreeSet;

/// What does not follow from the module and the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Section of [`mcompc_kernel::Data`] marked as weights, for Mach-O as `SEGMENT,section`; read-only data when absent.
    pub weights_section: Option<String>,
    /// Names of data that another object has: global symbols there, hidden from other libraries, which this object only refers to.
    pub elsewhere: BTreeSet<String>,
}

/// Translates a module to a relocatable object. Same module, target and options give the same bytes on any host.
///
/// Functions are local symbols except those marked `export`; no symbol is undefined, and there is no unwind information.
///
/// # Errors
/// [`Code::NeedsMlir`] where Cranelift has no code generator for the target, [`Code::Verify`] for a malformed module,
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
    let isa = isa::build(target)?;
    object::emit(module, isa, options)
}

/// Machine code of one function as assembly text, for tests and for people.
///
/// # Errors
/// As [`compile`]; [`Code::Usage`] where there is no such function.
pub fn disassemble(module: &Module, target: &Target, function: &str) -> Result<String> {
    structure(module)?;
    let isa = isa::build(target)?;
    let mut out = writer::Writer::new(module, isa.clone())?;
    let func = module.func(function).ok_or_else(|| Error::new(Code::Usage, format!("no function is called `{function}`")))?;
    let mut ctx = object::translate(&mut out, func)?;
    ctx.set_disasm(true);
    let code = compile_function(&mut ctx, &*isa, function)?;
    Ok(code.vcode.clone().unwrap_or_default())
}

fn compile_function<'c>(ctx: &'c mut Context, isa: &dyn TargetIsa, name: &str) -> Result<&'c cranelift_codegen::CompiledCode> {
    ctx.compile(isa, &mut Default::default()).map_err(|e| backend(name, format!("{:?}", e.inner)))
}

/// The error of this crate: function, and what was refused.
fn backend(function: &str, what: impl std::fmt::Display) -> Error {
    Error::new(Code::Backend, format!("Cranelift, function `{function}`: {what}"))
}
