//! Instructions as data.

use crate::lir::{Alu, Cond};
use mcompc_kernel::MemElem;

/// Arithmetic: `op` in the 32-bit forms (modified immediate and shifted register), the number of the two-operand 16-bit form.
pub(super) struct Arith {
    pub op: u32,
    pub narrow: Option<u32>,
}

pub(super) fn arith(a: Alu) -> Arith {
    let (op, narrow) = match a {
        Alu::And => (0, Some(0)),
        Alu::Bic => (1, Some(14)),
        Alu::Orr => (2, Some(12)),
        Alu::Eor => (4, Some(1)),
        Alu::Add => (8, None),
        Alu::Sub => (13, None),
        Alu::Rsb => (14, None),
        // Shifts by a register and `mul` have 32-bit encodings of their own.
        Alu::Lsl => (0, Some(2)),
        Alu::Lsr => (1, Some(3)),
        Alu::Asr => (2, Some(4)),
        Alu::Mul => (0, Some(13)),
    };
    Arith { op, narrow }
}

/// An access: 16-bit form with an offset (none for signed loads), with an index register; first halfword of the 32-bit form with a
/// 12-bit offset. That of the forms with an 8-bit offset, with writeback and with an index is 0x80 less.
pub(super) struct Access {
    pub offset: Option<u32>,
    pub index: u32,
    pub wide: u32,
}

pub(super) fn access(mem: MemElem, store: bool) -> Access {
    let (offset, index, wide) = match (mem, store) {
        (MemElem::W32, false) => (Some(0x6800), 0x5800, 0xf8d0),
        (MemElem::U16, false) => (Some(0x8800), 0x5a00, 0xf8b0),
        (MemElem::U8, false) => (Some(0x7800), 0x5c00, 0xf890),
        (MemElem::S16, false) => (None, 0x5e00, 0xf9b0),
        (MemElem::S8, false) => (None, 0x5600, 0xf990),
        (MemElem::W32, true) => (Some(0x6000), 0x5000, 0xf8c0),
        (MemElem::U16 | MemElem::S16, true) => (Some(0x8000), 0x5200, 0xf8a0),
        (MemElem::U8 | MemElem::S8, true) => (Some(0x7000), 0x5400, 0xf880),
    };
    Access { offset, index, wide }
}

/// Extensions: 16-bit form, first halfword of the 32-bit one.
pub(super) fn extension(mem: MemElem) -> (u32, u32) {
    match mem {
        MemElem::S16 => (0xb200, 0xfa0f),
        MemElem::S8 => (0xb240, 0xfa4f),
        MemElem::U16 => (0xb280, 0xfa1f),
        MemElem::U8 => (0xb2c0, 0xfa5f),
        MemElem::W32 => (0x4600, 0),
    }
}

/// Condition codes.
pub(super) fn code(c: Cond) -> u8 {
    match c {
        Cond::Eq => 0,
        Cond::Ne => 1,
        Cond::Hs => 2,
        Cond::Lo => 3,
        Cond::Hi => 8,
        Cond::Ls => 9,
        Cond::Ge => 10,
        Cond::Lt => 11,
        Cond::Gt => 12,
        Cond::Le => 13,
    }
}

/// Type of a shift in shifted operands and shift instructions.
pub(super) fn shift(a: Alu) -> u32 {
    match a {
        Alu::Lsr => 1,
        Alu::Asr => 2,
        _ => 0,
    }
}

/// Relocations of the ABI for the Arm Architecture.
pub(crate) const R_ARM_ABS32: u32 = 2;
pub(crate) const R_ARM_THM_CALL: u32 = 10;

/// A 32-bit instruction as it lies in memory: two halfwords, the first one lower.
pub(super) fn wide(v: u32) -> u32 {
    v.rotate_left(16)
}
