//! What selection and encoding need to know of a core beyond the machine description.

use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::MemElem;
use mcompc_target::{Backend, Target};

/// Instruction sets with encodings of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Armv6-M: 16-bit instructions on eight registers.
    Thumb1,
    /// Armv7-M and later.
    Thumb2,
    /// RV32IMC.
    Riscv,
}

/// A core.
#[derive(Clone, Debug)]
pub(crate) struct Isa {
    pub kind: Kind,
    /// `smlad`, `smmla`, `sxtb16`.
    pub dsp: bool,
    /// Unaligned words and halfwords.
    pub unaligned: bool,
    /// Tag_CPU_arch and Tag_CPU_arch_profile of the Arm build attributes (Addenda to the ABI for the Arm Architecture).
    pub arm_arch: u8,
}

impl Isa {
    pub fn of(target: &Target) -> Result<Self> {
        let feature = |f: &str| target.llvm.features.split(',').any(|x| x == f);
        let (kind, dsp, arm_arch) = match target.arch() {
            "thumbv6m" => (Kind::Thumb1, false, 12),
            "thumbv7m" => (Kind::Thumb2, false, 10),
            "thumbv7em" => (Kind::Thumb2, true, 13),
            "thumbv8m.main" => (Kind::Thumb2, !feature("-dsp"), 17),
            "riscv32" if feature("+m") && feature("+c") => (Kind::Riscv, false, 0),
            arch => {
                let what = format!("the small back end has no instructions for `{}` ({arch})", target.name);
                return Err(Error::new(Code::UnknownTarget, what).hint("use another back end: --backend mlir or --backend cranelift"));
            }
        };
        let unaligned = target.machine(Backend::Small)?.unaligned;
        Ok(Self { kind, dsp, unaligned, arm_arch })
    }
    pub fn is_thumb(&self) -> bool {
        self.kind != Kind::Riscv
    }
    /// Shifted second operands, `mla`, conditional instructions, indexed addresses with a shift.
    pub fn is_thumb2(&self) -> bool {
        self.kind == Kind::Thumb2
    }
    /// Registers that can hold values.
    pub fn registers(&self) -> usize {
        match self.kind {
            Kind::Thumb1 => 8,
            Kind::Thumb2 => 14,
            Kind::Riscv => 28,
        }
    }
    /// Whether an access of `mem` can carry the offset.
    pub fn offset_fits(&self, mem: MemElem, off: i32) -> bool {
        let size = mem.bytes() as i32;
        match self.kind {
            Kind::Riscv => (-2048..2048).contains(&off),
            Kind::Thumb2 => (-255..4096).contains(&off),
            // Signed loads of bytes take no offset; they are loaded unsigned and extended.
            Kind::Thumb1 => off >= 0 && off % size == 0 && off / size < 32,
        }
    }
    /// Whether `op` takes this constant as its second operand.
    pub fn immediate_fits(&self, op: crate::lir::Alu, v: i32) -> bool {
        use crate::lir::Alu::*;
        match (self.kind, op) {
            (_, Lsl | Lsr | Asr) => (0..32).contains(&v),
            (_, Mul) => false,
            (Kind::Riscv, Sub) => (-2047..=2048).contains(&v),
            (Kind::Riscv, Rsb | Bic) => false,
            (Kind::Riscv, _) => (-2048..2048).contains(&v),
            (Kind::Thumb1, Add | Sub) => (-255..256).contains(&v),
            (Kind::Thumb1, Rsb) => v == 0,
            (Kind::Thumb1, _) => false,
            (Kind::Thumb2, Add | Sub) => {
                (-4095..4096).contains(&v)
                    || crate::thumb::modified(v as u32).is_some()
                    || crate::thumb::modified(v.wrapping_neg() as u32).is_some()
            }
            (Kind::Thumb2, And) => crate::thumb::modified(v as u32).is_some() || crate::thumb::modified(!v as u32).is_some() || v == 0xffff,
            (Kind::Thumb2, _) => crate::thumb::modified(v as u32).is_some(),
        }
    }
    /// Registers that pass arguments.
    pub fn argument_registers(&self) -> usize {
        if self.is_thumb() { 4 } else { 8 }
    }
    /// Whether a bound is both compared with and moved as a constant.
    pub fn clips(&self, v: i32) -> bool {
        match self.kind {
            Kind::Riscv => false,
            Kind::Thumb1 => (0..256).contains(&v),
            Kind::Thumb2 => {
                self.compare_fits(v) && (crate::thumb::modified(v as u32).is_some() || crate::thumb::modified(!v as u32).is_some())
            }
        }
    }
    /// Whether a comparison takes this constant as its second operand.
    pub fn compare_fits(&self, v: i32) -> bool {
        match self.kind {
            // Only with zero, which is a register.
            Kind::Riscv => v == 0,
            Kind::Thumb1 => (0..256).contains(&v),
            Kind::Thumb2 => crate::thumb::modified(v as u32).is_some() || crate::thumb::modified(v.wrapping_neg() as u32).is_some(),
        }
    }
}
