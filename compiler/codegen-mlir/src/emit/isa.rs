//! What the translation needs to know of the instruction set beyond the machine description.

use mcompc_ir::{Code, Error, Result};
use mcompc_target::Target;

/// Families whose best instruction sequences differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isa {
    /// SSE4.2.
    Sse,
    /// AVX2 and up.
    Avx,
    /// NEON.
    Aarch64,
    /// NEON of Armv7-A.
    Neon,
    /// Armv6-M: no 64-bit product.
    Thumb1,
    /// Armv7-M: no DSP extension.
    Thumb2,
    /// Armv7E-M, Armv8-M with DSP.
    Thumb2Dsp,
    /// Armv8.1-M with DSP and MVE.
    Mve,
    /// RISC-V without vectors.
    Riscv,
    /// RISC-V with vectors.
    Rvv,
}

impl Isa {
    pub(crate) fn of(target: &Target) -> Result<Isa> {
        let arch = target.arch();
        Ok(match arch {
            "x86_64" if target.vector_bits < 256 => Isa::Sse,
            "x86_64" => Isa::Avx,
            "aarch64" => Isa::Aarch64,
            "armv7a" => Isa::Neon,
            "thumbv6m" => Isa::Thumb1,
            "thumbv7m" => Isa::Thumb2,
            "thumbv8.1m.main" => Isa::Mve,
            "thumbv7em" => Isa::Thumb2Dsp,
            // The DSP extension is optional here; LLVM's names for the cores have it unless the features take it away.
            "thumbv8m.main" if target.llvm.features.contains("-dsp") => Isa::Thumb2,
            "thumbv8m.main" => Isa::Thumb2Dsp,
            _ if arch.starts_with("riscv") && target.llvm.features.split(',').any(|f| f == "+v") => Isa::Rvv,
            _ if arch.starts_with("riscv") => Isa::Riscv,
            _ => return Err(Error::new(Code::UnknownTarget, format!("the MLIR back end does not know the architecture `{arch}`"))),
        })
    }
    /// Whether `smmla`, `smlad` and `sxtb16` exist.
    pub(crate) fn dsp(self) -> bool {
        matches!(self, Isa::Thumb2Dsp | Isa::Mve)
    }
    /// More attributes of every function, each after a comma.
    pub(crate) fn attributes(self) -> &'static str {
        match self {
            // The generic RISC-V schedule computes all products of a tile before it adds the first, and spills; that of a small in-order
            // core does not.
            Isa::Riscv => ", [\"tune-cpu\", \"syntacore-scr1-max\"]",
            // The floating-point registers may be off, and saving them costs an interrupt.
            Isa::Thumb1 | Isa::Thumb2 | Isa::Thumb2Dsp => ", \"noimplicitfloat\"",
            _ => "",
        }
    }
    /// Whether `ssat` exists.
    pub(crate) fn ssat(self) -> bool {
        self.dsp() || self == Isa::Thumb2
    }
}
