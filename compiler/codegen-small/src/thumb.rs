//! Thumb: encodings of Armv6-M to Armv8-M. Numbers of instructions are those of the Armv8-M Architecture Reference Manual (DDI 0553),
//! chapter C2; 32-bit instructions stand with their first halfword in the upper half.

mod control;
mod emit;
mod table;

pub(crate) use emit::{emit, next_block};

/// The 12-bit form of a constant that 32-bit data processing instructions take (DDI 0553, `ThumbExpandImm`), where there is one.
pub(crate) fn modified(v: u32) -> Option<u32> {
    let b = v & 0xff;
    match v {
        _ if v == b => return Some(b),
        _ if v == b * 0x1_0001 => return Some(0x100 | b),
        _ if v == b * 0x101_0101 => return Some(0x300 | b),
        _ => {}
    }
    let b = v >> 8 & 0xff;
    if v == b * 0x100_0100 {
        return Some(0x200 | b);
    }
    // Eight bits with the top one set, rotated right by 8 to 31.
    let rotation = v.leading_zeros() + 8;
    let bits = v.rotate_left(rotation);
    (rotation < 32 && bits < 256).then_some(rotation << 7 | bits & 0x7f)
}

#[cfg(test)]
mod tests {
    use super::modified;

    /// `ThumbExpandImm`.
    fn expand(imm12: u32) -> u32 {
        let b = imm12 & 0xff;
        match imm12 >> 8 {
            0 => b,
            1 => b * 0x1_0001,
            2 => b * 0x100_0100,
            3 => b * 0x101_0101,
            _ => (0x80 | imm12 & 0x7f).rotate_right(imm12 >> 7),
        }
    }

    #[test]
    fn constants_survive_their_encoding() {
        for imm12 in 0..4096 {
            let v = expand(imm12);
            assert_eq!(modified(v).map(expand), Some(v), "{imm12:#x} {v:#x}");
        }
        for v in [0x101, 0x1fe01, 0xffff, 0x8000_0001, 0x00ff_00fe] {
            assert_eq!(modified(v), None, "{v:#x}");
        }
    }
}
