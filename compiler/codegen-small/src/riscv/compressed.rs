//! Compressed forms: each gives the 16-bit encoding where operands allow it.

fn three(r: u32) -> Option<u32> {
    (8..16).contains(&r).then(|| r - 8)
}

/// Bits `from` of `v`, placed at bit `at`.
fn bit(v: u32, from: u32, at: u32) -> u32 {
    (v >> from & 1) << at
}

/// A signed constant of six bits, as CI and CB forms hold it.
fn six(v: i32) -> Option<u32> {
    (-32..32).contains(&v).then_some((v as u32 & 0x20) << 7 | (v as u32 & 0x1f) << 2)
}

pub(super) fn mv(d: u32, s: u32) -> u32 {
    0x8002 | d << 7 | s << 2
}

pub(super) fn li(d: u32, v: i32) -> Option<u32> {
    Some(0x4001 | d << 7 | six(v)?)
}

/// `lui` with the upper 20 bits as a signed number.
pub(super) fn lui(d: u32, upper: i32) -> Option<u32> {
    (upper != 0 && d != 2).then_some(())?;
    Some(0x6001 | d << 7 | six(upper)?)
}

pub(super) fn addi(d: u32, s: u32, v: i32) -> Option<u32> {
    (d == s && v != 0).then_some(())?;
    Some(0x0001 | d << 7 | six(v)?)
}

/// The stack pointer by a multiple of 16.
pub(super) fn addi16sp(v: i32) -> Option<u32> {
    (v != 0 && v % 16 == 0 && (-512..512).contains(&v)).then_some(())?;
    let v = v as u32;
    Some(0x6101 | bit(v, 9, 12) | bit(v, 4, 6) | bit(v, 6, 5) | (v >> 7 & 3) << 3 | bit(v, 5, 2))
}

/// Two-operand arithmetic on the eight registers: `sub xor or and` are 0 to 3.
pub(super) fn arith(kind: u32, d: u32, other: u32) -> Option<u32> {
    Some(0x8c01 | three(d)? << 7 | kind << 5 | three(other)? << 2)
}

pub(super) fn add(d: u32, other: u32) -> u32 {
    0x9002 | d << 7 | other << 2
}

pub(super) fn slli(d: u32, s: u32, by: u32) -> Option<u32> {
    (d == s).then_some(0x0002 | d << 7 | by << 2)
}

/// `srli` (0), `srai` (1).
pub(super) fn shift_right(kind: u32, d: u32, s: u32, by: u32) -> Option<u32> {
    (d == s).then_some(())?;
    Some(0x8001 | kind << 10 | three(d)? << 7 | by << 2)
}

pub(super) fn andi(d: u32, s: u32, v: i32) -> Option<u32> {
    (d == s).then_some(())?;
    Some(0x8801 | three(d)? << 7 | six(v)?)
}

/// `lw` and `sw`.
pub(super) fn word(store: bool, t: u32, base: u32, off: i32) -> Option<u32> {
    ((0..128).contains(&off) && off % 4 == 0).then_some(())?;
    let off = off as u32;
    let op = if store { 0xc000 } else { 0x4000 };
    Some(op | (off >> 3 & 7) << 10 | three(base)? << 7 | bit(off, 2, 6) | bit(off, 6, 5) | three(t)? << 2)
}

/// `lwsp` and `swsp`.
pub(super) fn stack_word(store: bool, t: u32, off: u32) -> Option<u32> {
    (off < 256 && off.is_multiple_of(4)).then_some(())?;
    Some(if store {
        0xc002 | (off >> 2 & 15) << 9 | (off >> 6 & 3) << 7 | t << 2
    } else {
        0x4002 | bit(off, 5, 12) | t << 7 | (off >> 2 & 7) << 4 | (off >> 6 & 3) << 2
    })
}

pub(super) fn j(by: i32) -> u32 {
    let v = by as u32;
    0xa001
        | bit(v, 11, 12)
        | bit(v, 4, 11)
        | (v >> 8 & 3) << 9
        | bit(v, 10, 8)
        | bit(v, 6, 7)
        | bit(v, 7, 6)
        | (v >> 1 & 7) << 3
        | bit(v, 5, 2)
}

/// `beqz` and `bnez` on one of the eight registers.
pub(super) fn branch_zero(not: bool, reg: u32, by: i32) -> Option<u32> {
    let v = by as u32;
    let op = if not { 0xe001 } else { 0xc001 };
    Some(op | bit(v, 8, 12) | (v >> 3 & 3) << 10 | three(reg)? << 7 | (v >> 6 & 3) << 5 | (v >> 1 & 3) << 3 | bit(v, 5, 2))
}

pub(super) const RET: u32 = 0x8082;
