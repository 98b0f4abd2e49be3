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

use mcompc_ir::Result;
use mcompc_kernel::Module;
use mcompc_target::Target;

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
    llvm::compile(&to_mlir(module, target, opts)?, target, opts.output)
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
