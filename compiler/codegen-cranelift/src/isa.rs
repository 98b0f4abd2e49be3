//! Target descriptions to Cranelift instruction sets.

use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use mcompc_ir::{Code, Error, Result};
use mcompc_target::Target;

/// Instruction set of a target, with its features switched on and everything that needs a run-time library switched off.
pub(crate) fn build(target: &Target) -> Result<OwnedTargetIsa> {
    if target.machine_cranelift.is_none() {
        return Err(target.needs_mlir());
    }
    let wrong = |e: String| Error::new(Code::Backend, format!("Cranelift, target `{}`: {e}", target.name));
    let mut shared = settings::builder();
    for (flag, value) in [
        // Cranelift's optimiser moves arithmetic away from loads, down to its first use after them: every weight of an unrolled step
        // would be alive at once. Without it instructions stay in the order the generators chose for the registers there are; what
        // little else it would do (constants, repeated loads, wide indices) the translation does itself.
        ("opt_level", "none"),
        ("is_pic", "true"),
        ("unwind_info", "false"),
        ("enable_probestack", "false"),
        ("preserve_frame_pointers", "false"),
        ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
    ] {
        shared.set(flag, value).map_err(|e| wrong(format!("{flag}: {e}")))?;
    }
    // Cranelift's own names have three parts where LLVM's have four; both begin with the architecture.
    // What LLVM calls a simulator has a shorter name here.
    let triple = target.triple.replace("-simulator", "-sim").parse().map_err(|e| wrong(format!("{e}")))?;
    let mut b = isa::lookup(triple).map_err(|e| wrong(e.to_string()))?;
    for flag in &target.cranelift.flags {
        b.enable(flag).map_err(|e| wrong(format!("{flag}: {e}")))?;
    }
    b.finish(settings::Flags::new(shared)).map_err(|e| wrong(e.to_string()))
}
