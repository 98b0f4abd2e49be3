//! Stack of RISC-V functions that spill vectors. LLVM reports the part of a frame whose size is a number; the part that grows with the
//! vector registers is a few instructions at the function's beginning (`csrr a0, vlenb; slli a0, a0, 3; sub sp, sp, a0`), which are read
//! here. Encodings: The RISC-V Instruction Set Manual, volume I, chapters "RV32/64G Instruction Set Listings" and "C" extension.

use mcompc_ir::{Code, Error, Result};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::collections::BTreeMap;

/// Bytes of a vector register for which stack is announced: the least that the target promises.
pub(crate) const VLENB: i64 = 16;

/// The stack pointer's number.
const SP: usize = 2;
/// Longest prologue: every saved register and the arithmetic on `vlenb`.
const PROLOGUE: usize = 64;

/// Bytes for spilled vectors by function, of those that spill.
///
/// # Errors
/// E009 if the object does not parse.
pub(crate) fn frames(object: &[u8]) -> Result<BTreeMap<String, u64>> {
    let broken = |e: object::Error| Error::new(Code::Internal, format!("the object does not parse: {e}"));
    let file = object::File::parse(object).map_err(broken)?;
    let mut all = BTreeMap::new();
    for s in file.symbols().filter(|s| s.kind() == SymbolKind::Text && s.is_definition()) {
        let Some(section) = s.section_index() else { continue };
        let section = file.section_by_index(section).map_err(broken)?;
        let code = section.data().map_err(broken)?;
        let from = code.get((s.address() - section.address()) as usize..).unwrap_or_default();
        let bytes = prologue(from);
        if bytes > 0 {
            all.insert(s.name().map_err(broken)?.to_owned(), bytes);
        }
    }
    Ok(all)
}

/// What the first instructions take off the stack pointer by a register that holds a multiple of `vlenb`.
fn prologue(code: &[u8]) -> u64 {
    let mut regs: [Option<i64>; 32] = [None; 32];
    let (mut at, mut seen) = (0, false);
    let half = |at: usize| code.get(at..at + 2).map(|b| u32::from(u16::from_le_bytes([b[0], b[1]])));
    for _ in 0..PROLOGUE {
        let Some(low) = half(at) else { return 0 };
        let long = low & 3 == 3;
        let word = if long { low | half(at + 2).unwrap_or_default() << 16 } else { low };
        at += if long { 4 } else { 2 };
        let Some(step) = (if long { wide(word) } else { compressed(word) }) else {
            // Something else: whatever it wrote is not known any more.
            if long {
                regs[field(word, 7, 5)] = None;
            } else {
                regs[field(word, 7, 5)] = None;
                regs[8 + field(word, 2, 3)] = None;
                regs[8 + field(word, 7, 3)] = None;
            }
            continue;
        };
        let get = |r: usize| if r == 0 { Some(0) } else { regs[r] };
        let (rd, value) = match step {
            Step::Vlenb(rd) => {
                seen = true;
                (rd, Some(VLENB))
            }
            Step::Add(rd, a, imm) => (rd, get(a).map(|v| v + imm)),
            Step::Shift(rd, a, n) => (rd, get(a).map(|v| v << n)),
            Step::Op(SP, '-', SP, b) if seen => return get(b).and_then(|v| u64::try_from(v).ok()).unwrap_or_default(),
            Step::Op(rd, op, a, b) => (
                rd,
                get(a).zip(get(b)).map(|(a, b)| match op {
                    '+' => a.wrapping_add(b),
                    '-' => a.wrapping_sub(b),
                    _ => a.wrapping_mul(b),
                }),
            ),
            Step::End => return 0,
        };
        regs[rd] = value;
    }
    0
}

/// The instructions that matter.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Vlenb(usize),
    Add(usize, usize, i64),
    Shift(usize, usize, u32),
    Op(usize, char, usize, usize),
    /// A branch, jump or return: the prologue is over.
    End,
}

fn field(word: u32, at: u32, bits: u32) -> usize {
    (word >> at & ((1 << bits) - 1)) as usize
}

fn wide(w: u32) -> Option<Step> {
    let (rd, a, b, f3, f7) = (field(w, 7, 5), field(w, 15, 5), field(w, 20, 5), field(w, 12, 3), field(w, 25, 7));
    match field(w, 0, 7) {
        0x73 if w >> 20 == 0xC22 && f3 == 2 && a == 0 => Some(Step::Vlenb(rd)),
        0x13 if f3 == 0 => Some(Step::Add(rd, a, i64::from(w as i32 >> 20))),
        0x13 if f3 == 1 => Some(Step::Shift(rd, a, w >> 20 & 63)),
        0x33 if f3 == 0 && matches!(f7, 0 | 1 | 0x20) => Some(Step::Op(rd, ['+', '*', '-'][f7.min(2)], a, b)),
        0x63 | 0x67 | 0x6F => Some(Step::End),
        _ => None,
    }
}

fn compressed(w: u32) -> Option<Step> {
    let (f3, rd, b) = (field(w, 13, 3), field(w, 7, 5), field(w, 2, 5));
    let immediate = ((field(w, 12, 1) << 5 | b) as i64) << 58 >> 58;
    match (w & 3, f3) {
        (1, 0) => Some(Step::Add(rd, rd, immediate)),
        (1, 2) => Some(Step::Add(rd, 0, immediate)),
        (1, 4) if field(w, 10, 3) == 3 && field(w, 5, 2) == 0 => {
            Some(Step::Op(8 + field(w, 7, 3), '-', 8 + field(w, 7, 3), 8 + field(w, 2, 3)))
        }
        (2, 0) => Some(Step::Shift(rd, rd, (immediate & 63) as u32)),
        (2, 4) if b != 0 => Some(if field(w, 12, 1) == 0 { Step::Add(rd, b, 0) } else { Step::Op(rd, '+', rd, b) }),
        (1, 5..=7) | (2, 4) => Some(Step::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[(u32, usize)]) -> u64 {
        prologue(&words.iter().flat_map(|(w, n)| w.to_le_bytes()[..*n].to_vec()).collect::<Vec<_>>())
    }

    // Words as the assembler gives them.
    const CSRR_A5_VLENB: (u32, usize) = (0xC220_27F3, 4);
    const SUB_SP_SP_A5: (u32, usize) = (0x40F1_0133, 4);

    #[test]
    fn multiples_of_a_register_are_read() {
        // addi sp, sp, -32; csrr a5, vlenb; slli a5, a5, 3; sub sp, sp, a5
        assert_eq!(of(&[(0x1101, 2), CSRR_A5_VLENB, (0x078E, 2), SUB_SP_SP_A5]), 8 * 16);
        // csrr a5, vlenb; li a6, 28; mul a5, a5, a6; sub sp, sp, a5
        assert_eq!(of(&[CSRR_A5_VLENB, (0x4871, 2), (0x0307_87B3, 4), SUB_SP_SP_A5]), 28 * 16);
        // A frame of a number only, and one that ends before.
        assert_eq!(of(&[(0x1101, 2), (0x8082, 2), CSRR_A5_VLENB, SUB_SP_SP_A5]), 0);
        assert_eq!(of(&[SUB_SP_SP_A5]), 0);
    }
}
