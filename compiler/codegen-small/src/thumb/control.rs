//! Branches and literals.

use super::table::{R_ARM_ABS32, wide};
use crate::asm::{Encoding, Jump};

/// Branches of Armv6-M, or of Armv7-M and later.
pub(super) struct Thumb {
    pub thumb2: bool,
}

impl Thumb {
    fn near(by: i64) -> u32 {
        0xe000 | (((by - 4) >> 1) as u32 & 0x7ff)
    }
    /// `b.w`; Armv6-M has only `bl` that far, and every function there saves the link register.
    fn far(&self, by: i64) -> u32 {
        let off = (by - 4) as u32;
        let s = off >> 31;
        let j = |bit: u32| (off >> bit & 1) ^ 1 ^ s;
        let link = if self.thumb2 { 0x9000 } else { 0xd000 };
        (0xf000 | s << 10 | off >> 12 & 0x3ff) << 16 | link | j(23) << 13 | j(22) << 11 | off >> 1 & 0x7ff
    }
    fn cond_far(c: u8, by: i64) -> u32 {
        let off = (by - 4) as u32;
        let s = off >> 31;
        let (j1, j2) = (off >> 18 & 1, off >> 19 & 1);
        (0xf000 | s << 10 | u32::from(c) << 6 | off >> 12 & 0x3f) << 16 | 0x8000 | j1 << 13 | j2 << 11 | off >> 1 & 0x7ff
    }
}

fn halves(all: &[(u32, u8)]) -> Vec<u8> {
    all.iter().flat_map(|(v, n)| v.to_le_bytes()[..usize::from(*n)].to_vec()).collect()
}

impl Encoding for Thumb {
    fn lengths(&self, j: Jump) -> &'static [u8] {
        match (j, self.thumb2) {
            (Jump::Always, _) => &[2, 4],
            (Jump::Cond(_), true) => &[2, 4],
            (Jump::Cond(_), false) => &[2, 4, 6],
            (Jump::Zero { .. }, true) => &[2, 4, 6],
            _ => &[4, 6, 8],
        }
    }
    fn reaches(&self, j: Jump, length: u8, by: i64) -> bool {
        // From the program counter, which is 4 ahead of the instruction.
        let off = by - 4;
        match (j, length) {
            (Jump::Always, 2) => (-2048..2048).contains(&off),
            (Jump::Cond(_), 2) => (-256..256).contains(&off),
            (Jump::Cond(_), 4) if self.thumb2 => (-(1 << 20)..1 << 20).contains(&off),
            (Jump::Cond(_), 4) => (-2046..2048).contains(&off),
            (Jump::Zero { .. }, 2) => (0..128).contains(&off),
            (Jump::Zero { .. }, 4) => (-254..256).contains(&off),
            (Jump::Zero { .. }, _) => (-(1 << 20) + 2..1 << 20).contains(&off),
            _ => (-(1 << 24) + 2..1 << 24).contains(&off),
        }
    }
    fn jump(&self, j: Jump, length: u8, by: i64) -> Vec<u8> {
        let cond = |c: u8, by: i64| 0xd000 | u32::from(c) << 8 | ((by - 4) >> 1) as u32 & 0xff;
        match (j, length) {
            (Jump::Always, 2) => halves(&[(Self::near(by), 2)]),
            (Jump::Cond(c), 2) => halves(&[(cond(c, by), 2)]),
            (Jump::Cond(c), 4) if self.thumb2 => halves(&[(wide(Self::cond_far(c, by)), 4)]),
            // Over a branch without condition.
            (Jump::Cond(c), 4) => halves(&[(cond(c ^ 1, 4), 2), (Self::near(by - 2), 2)]),
            (Jump::Cond(c), _) => halves(&[(cond(c ^ 1, 6), 2), (wide(self.far(by - 2)), 4)]),
            (Jump::Zero { reg, not }, 2) => {
                let off = (by - 4) as u32;
                halves(&[(0xb100 | u32::from(not) << 11 | off >> 6 << 9 | (off >> 1 & 0x1f) << 3 | u32::from(reg), 2)])
            }
            (Jump::Zero { reg, not }, n) => {
                let compare = (0x2800 | u32::from(reg) << 8, 2);
                let c = u8::from(not);
                if n == 4 { halves(&[compare, (cond(c, by - 2), 2)]) } else { halves(&[compare, (wide(Self::cond_far(c, by - 2)), 4)]) }
            }
            _ => halves(&[(wide(self.far(by)), 4)]),
        }
    }
    fn literal(&self, reg: u8, long: bool, by: i64) -> Vec<u8> {
        let off = (by - 4) as u32;
        let reg = u32::from(reg);
        if long { halves(&[(wide(0xf8df << 16 | reg << 12 | off), 4)]) } else { halves(&[(0x4800 | reg << 8 | off >> 2, 2)]) }
    }
    fn literal_is_long(&self, reg: u8, by: i64) -> bool {
        self.thumb2 && (reg > 7 || by - 4 > 1020)
    }
    fn literal_range(&self) -> u32 {
        if self.thumb2 { 3960 } else { 890 }
    }
    fn absolute(&self) -> u32 {
        R_ARM_ABS32
    }
}
