//! Back end on MLIR and LLVM 22: translates a kernel module to the MLIR dialects `llvm`, `arith` and `vector`, lowers them to LLVM IR
//! and lets LLVM write the object, all in this process.
//!
//! The translation to text is always there ([`to_mlir`]); [`compile`] needs the feature `llvm`, and without it returns
//! [`mcompc_ir::Code::NeedsMlir`]. Inner products are emitted as the intrinsics the machine description names, never left to pattern
//! matching.
#![cfg_attr(not(feature = "llvm"), forbid(unsafe_code))]
#![deny(unsafe_code)]

mod emit;
#[cfg(feature = "llvm")]
mod llvm;
#[cfg(feature = "llvm")]
mod scalable;

use mcompc_ir::Result;
#[cfg(feature = "llvm")]
use mcompc_kernel::Func;
use mcompc_kernel::{Frames, Module};
use mcompc_target::Target;
use std::collections::BTreeSet;

/// What to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// A relocatable object.
    #[default]
    Object,
    /// Assembly text.
    Assembly,
    /// LLVM IR text, after optimisation.
    LlvmIr,
}

/// Choices that are not the target's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Section that constant data marked as weights go to, for Mach-O as `SEGMENT,section`; read-only data when absent.
    pub weights_section: Option<String>,
    /// Names of data that another object has: global symbols there, hidden from other libraries, which this object only refers to.
    pub elsewhere: BTreeSet<String>,
    /// What to write.
    pub output: Output,
}

/// The module as MLIR text, before any pass.
///
/// # Errors
/// [`mcompc_ir::Code::Backend`] for operand types an operation has no translation for.
pub fn to_mlir(module: &Module, target: &Target, opts: &Options) -> Result<String> {
    emit::module(module, target, opts)
}

/// Translates a kernel module and returns the object's bytes (or text, see [`Output`]).
///
/// # Errors
/// [`mcompc_ir::Code::Backend`] where MLIR or LLVM refuses, with its message; [`mcompc_ir::Code::NeedsMlir`] without the feature `llvm`.
#[cfg(feature = "llvm")]
pub fn compile(module: &Module, target: &Target, opts: &Options) -> Result<Vec<u8>> {
    Ok(compile_with_frames(module, target, opts)?.0)
}

/// As [`compile`], with the stack bytes each function takes for itself (none for [`Output::LlvmIr`], which has no frames yet). Spilled
/// vectors of RISC-V count with registers of 128 bits; a machine with longer ones takes more.
///
/// # Errors
/// As [`compile`].
#[cfg(feature = "llvm")]
pub fn compile_with_frames(module: &Module, target: &Target, opts: &Options) -> Result<(Vec<u8>, Frames)> {
    let (bytes, large) = llvm::compile(&to_mlir(module, target, opts)?, target, opts.output)?;
    let vectors = opts.output == Output::Object && target.arch().starts_with("riscv") && target.vector_bits > 0;
    let scalable = if vectors { scalable::frames(&bytes)? } else { Default::default() };
    // LLVM tells of frames that are not empty.
    let size = |f: &Func| {
        let [fixed, vectors] = [large.get(&f.name), scalable.get(&f.name)].map(|n| n.copied().unwrap_or_default());
        frame(target, f, fixed) + vectors
    };
    let frames = module.funcs.iter().map(|f| (f.name.clone(), size(f))).collect();
    Ok((bytes, frames))
}

/// LLVM's frame size leaves out what x86-64 adds: the return address that a call pushes, the red zone of functions that call nothing, and
/// what aligning a frame to wide vectors takes, once for the frame's start and once for its size.
#[cfg(feature = "llvm")]
fn frame(target: &Target, f: &Func, bytes: u64) -> u64 {
    const RETURN_ADDRESS: u64 = 8;
    const RED_ZONE: u64 = 128;
    if target.arch() != "x86_64" {
        return bytes;
    }
    let gap = if bytes > 0 && target.vector_bits > 128 { u64::from(target.vector_bits / 4) } else { 0 };
    bytes + RETURN_ADDRESS + gap + if mcompc_kernel::calls(f).is_empty() { RED_ZONE } else { 0 }
}

/// Says that this build has no LLVM.
///
/// # Errors
/// Always [`mcompc_ir::Code::NeedsMlir`].
#[cfg(not(feature = "llvm"))]
pub fn compile_with_frames(_module: &Module, target: &Target, _opts: &Options) -> Result<(Vec<u8>, Frames)> {
    Err(target.needs_mlir())
}

/// Says that this build has no LLVM.
///
/// # Errors
/// Always [`mcompc_ir::Code::NeedsMlir`].
#[cfg(not(feature = "llvm"))]
pub fn compile(_module: &Module, target: &Target, _opts: &Options) -> Result<Vec<u8>> {
    Err(target.needs_mlir())
}

#[cfg(all(test, not(feature = "llvm")))]
mod tests {
    use super::*;
    use mcompc_ir::Code;

    #[test]
    fn a_build_without_llvm_says_how_to_get_it() -> Result<()> {
        let target = Target::by_name("cortex-m4")?;
        let e = compile(&Module::default(), &target, &Options::default()).unwrap_err();
        assert_eq!(e.code, Code::NeedsMlir);
        assert!(e.hint.is_some_and(|h| h.contains("--features mlir")));
        // The translation itself needs nothing.
        assert!(to_mlir(&Module::default(), &target, &Options::default())?.starts_with("module {"));
        Ok(())
    }
}
