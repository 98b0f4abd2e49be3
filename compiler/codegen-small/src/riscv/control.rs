//! Branches.

use super::compressed;
use crate::asm::{Encoding, Jump};

pub(super) struct Riscv;

fn jal(by: i64) -> u32 {
    let v = by as u32;
    (v >> 20 & 1) << 31 | (v >> 1 & 0x3ff) << 21 | (v >> 11 & 1) << 20 | (v >> 12 & 0xff) << 12 | 0x6f
}

fn branch(funct3: u8, a: u8, b: u8, by: i64) -> u32 {
    let v = by as u32;
    let [f, a, b] = [funct3, a, b].map(u32::from);
    (v >> 12 & 1) << 31 | (v >> 5 & 0x3f) << 25 | b << 20 | a << 15 | f << 12 | (v >> 1 & 15) << 8 | (v >> 11 & 1) << 7 | 0x63
}

impl Encoding for Riscv {
    fn lengths(&self, j: Jump) -> &'static [u8] {
        match j {
            Jump::Compare { funct3: 0 | 1, a: 8..16, b: 0 } => &[2, 4, 8],
            Jump::Compare { .. } => &[4, 8],
            _ => &[2, 4],
        }
    }
    fn reaches(&self, j: Jump, length: u8, by: i64) -> bool {
        let reach = match (j, length) {
            (Jump::Compare { .. }, 2) => 256,
            (Jump::Compare { .. }, 4) => 4096,
            (_, 2) => 2048,
            _ => 1 << 20,
        };
        // The long form of a comparison jumps from its second half.
        (-reach + 4..reach).contains(&by)
    }
    fn jump(&self, j: Jump, length: u8, by: i64) -> Vec<u8> {
        match (j, length) {
            (Jump::Compare { funct3, a, .. }, 2) => {
                compressed::branch_zero(funct3 == 1, a.into(), by as i32).unwrap_or(0).to_le_bytes()[..2].to_vec()
            }
            (Jump::Compare { funct3, a, b }, 4) => branch(funct3, a, b, by).to_le_bytes().to_vec(),
            (Jump::Compare { funct3, a, b }, _) => {
                [branch(funct3 ^ 1, a, b, 8), jal(by - 4)].iter().flat_map(|v| v.to_le_bytes()).collect()
            }
            (_, 2) => compressed::j(by as i32).to_le_bytes()[..2].to_vec(),
            _ => jal(by).to_le_bytes().to_vec(),
        }
    }
    fn literal(&self, _: u8, _: bool, _: i64) -> Vec<u8> {
        vec![]
    }
    fn literal_is_long(&self, _: u8, _: i64) -> bool {
        false
    }
    fn literal_range(&self) -> u32 {
        u32::MAX
    }
    fn absolute(&self) -> u32 {
        1
    }
}
