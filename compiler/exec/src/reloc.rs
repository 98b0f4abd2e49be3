//! Relocations of the three architectures, as their ELF supplements define them.

use object::{Architecture, elf};

/// One relocation: the word at address `place` is to reach address `to` (symbol and addend; for RISC-V low halves the distance).
pub(crate) struct Patch {
    pub arch: Architecture,
    pub r_type: u32,
    pub place: u64,
    pub to: u64,
}

/// Whether the code reads the address from a table of offsets.
pub(crate) fn through_table(arch: Architecture, r: u32) -> bool {
    match arch {
        Architecture::X86_64 => matches!(r, elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX),
        Architecture::Aarch64 => matches!(r, elf::R_AARCH64_ADR_GOT_PAGE | elf::R_AARCH64_LD64_GOT_LO12_NC),
        _ => arch == Architecture::Riscv64 && r == elf::R_RISCV_GOT_HI20,
    }
}

/// Whether the symbol is the place of another relocation (RISC-V low halves).
pub(crate) fn names_another(arch: Architecture, r: u32) -> bool {
    arch == Architecture::Riscv64 && matches!(r, elf::R_RISCV_PCREL_LO12_I | elf::R_RISCV_PCREL_LO12_S)
}

/// Hints for a linker that shortens code.
pub(crate) fn ignored(arch: Architecture, r: u32) -> bool {
    arch == Architecture::Riscv64 && matches!(r, elf::R_RISCV_RELAX | elf::R_RISCV_ALIGN)
}

/// Patches the bytes at the place.
pub(crate) fn apply(p: &Patch, bytes: &mut [u8]) -> Result<(), String> {
    let distance = p.to.wrapping_sub(p.place) as i64;
    let word = bytes.get(..4).ok_or("a relocation at the end of the map")?;
    let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
    let fits = |bits: u32| {
        let limit = 1i64 << (bits - 1);
        if (-limit..limit).contains(&distance) { Ok(distance) } else { Err(format!("relocation {} out of range", p.r_type)) }
    };
    let page = |a: u64| a & !0xfff;
    let new = match (p.arch, p.r_type) {
        (Architecture::X86_64, elf::R_X86_64_64)
        | (Architecture::Aarch64, elf::R_AARCH64_ABS64)
        | (Architecture::Riscv64, elf::R_RISCV_64) => {
            bytes.get_mut(..8).ok_or("a relocation at the end of the map")?.copy_from_slice(&p.to.to_le_bytes());
            return Ok(());
        }
        (
            Architecture::X86_64,
            elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 | elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX,
        ) => fits(32)? as u32,
        (Architecture::Aarch64, elf::R_AARCH64_CALL26 | elf::R_AARCH64_JUMP26) => {
            (word & 0xfc00_0000) | ((fits(28)? >> 2) as u32 & 0x03ff_ffff)
        }
        (Architecture::Aarch64, elf::R_AARCH64_ADR_PREL_PG_HI21 | elf::R_AARCH64_ADR_GOT_PAGE) => {
            adr(word, (page(p.to).wrapping_sub(page(p.place)) as i64 >> 12) as u32)
        }
        (Architecture::Aarch64, elf::R_AARCH64_ADR_PREL_LO21) => adr(word, fits(21)? as u32),
        (Architecture::Aarch64, elf::R_AARCH64_ADD_ABS_LO12_NC | elf::R_AARCH64_LDST8_ABS_LO12_NC) => low12(word, p.to, 0),
        (Architecture::Aarch64, elf::R_AARCH64_LDST16_ABS_LO12_NC) => low12(word, p.to, 1),
        (Architecture::Aarch64, elf::R_AARCH64_LDST32_ABS_LO12_NC) => low12(word, p.to, 2),
        (Architecture::Aarch64, elf::R_AARCH64_LDST64_ABS_LO12_NC | elf::R_AARCH64_LD64_GOT_LO12_NC) => low12(word, p.to, 3),
        (Architecture::Aarch64, elf::R_AARCH64_LDST128_ABS_LO12_NC) => low12(word, p.to, 4),
        (Architecture::Riscv64, elf::R_RISCV_PCREL_HI20 | elf::R_RISCV_GOT_HI20) => (word & 0xfff) | high20(fits(32)?),
        (Architecture::Riscv64, elf::R_RISCV_PCREL_LO12_I) => (word & 0xf_ffff) | ((p.to as u32 & 0xfff) << 20),
        (Architecture::Riscv64, elf::R_RISCV_PCREL_LO12_S) => {
            (word & 0x01ff_f07f) | ((p.to as u32 >> 5 & 0x7f) << 25) | ((p.to as u32 & 0x1f) << 7)
        }
        (Architecture::Riscv64, elf::R_RISCV_CALL | elf::R_RISCV_CALL_PLT) => {
            // auipc and jalr in a row.
            let d = fits(32)?;
            let second = bytes.get_mut(4..8).ok_or("a relocation at the end of the map")?;
            let jalr = u32::from_le_bytes([second[0], second[1], second[2], second[3]]);
            second.copy_from_slice(&((jalr & 0xf_ffff) | ((d as u32 & 0xfff) << 20)).to_le_bytes());
            (word & 0xfff) | high20(d)
        }
        (arch, r) => return Err(format!("relocation {r} of {arch:?} is not known")),
    };
    bytes[..4].copy_from_slice(&new.to_le_bytes());
    Ok(())
}

/// ADR, ADRP: two low bits at 29, the rest at 5.
fn adr(word: u32, imm: u32) -> u32 {
    (word & 0x9f00_001f) | ((imm & 3) << 29) | ((imm >> 2 & 0x7_ffff) << 5)
}

/// The low 12 bits of an address in units of the access, at bit 10.
fn low12(word: u32, to: u64, scale: u32) -> u32 {
    (word & !(0xfff << 10)) | (((to as u32 & 0xfff) >> scale) << 10)
}

/// The upper 20 bits, rounded because the lower 12 are signed.
fn high20(d: i64) -> u32 {
    (d.wrapping_add(0x800) as u32) & 0xffff_f000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(arch: Architecture, r_type: u32, place: u64, to: u64, code: &[u32]) -> Vec<u32> {
        let mut bytes: Vec<u8> = code.iter().flat_map(|w| w.to_le_bytes()).collect();
        apply(&Patch { arch, r_type, place, to }, &mut bytes).unwrap();
        bytes.chunks(4).map(|c| u32::from_le_bytes(c.try_into().unwrap())).collect()
    }

    // Expected words are those GNU as writes for the same distances.
    #[test]
    fn aarch64_words() {
        let a = Architecture::Aarch64;
        assert_eq!(patched(a, elf::R_AARCH64_CALL26, 0x1000, 0x1010, &[0x9400_0000]), [0x9400_0004]);
        assert_eq!(patched(a, elf::R_AARCH64_CALL26, 0x1010, 0x1000, &[0x9400_0000]), [0x97ff_fffc]);
        assert_eq!(patched(a, elf::R_AARCH64_ADR_PREL_PG_HI21, 0x1ffc, 0x4567, &[0x9000_0000]), [0xf000_0000]);
        assert_eq!(patched(a, elf::R_AARCH64_ADD_ABS_LO12_NC, 0x1000, 0x4567, &[0x9100_0000]), [0x9115_9c00]);
    }

    #[test]
    fn riscv_pairs_round_the_upper_half() {
        let r = Architecture::Riscv64;
        assert_eq!(patched(r, elf::R_RISCV_CALL_PLT, 0, 0x1800, &[0x97, 0x0000_80e7]), [0x2097, 0x8000_80e7]);
        assert_eq!(patched(r, elf::R_RISCV_PCREL_HI20, 0, 0x17ff, &[0x517]), [0x1517]);
        assert_eq!(patched(r, elf::R_RISCV_PCREL_LO12_I, 0, 0x17ff, &[0x0005_0513]), [0x7ff5_0513]);
    }

    #[test]
    fn distances_out_of_range_are_refused() {
        let mut b = [0; 8];
        let p = Patch { arch: Architecture::X86_64, r_type: elf::R_X86_64_PC32, place: 0, to: 1 << 40 };
        assert!(apply(&p, &mut b).unwrap_err().contains("range"));
        let p = Patch { arch: Architecture::X86_64, r_type: 999, place: 0, to: 0 };
        assert!(apply(&p, &mut b).unwrap_err().contains("not known"));
    }
}
