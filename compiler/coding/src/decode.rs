//! The reference decoder: bit by bit, with a check of everything.

use crate::{BLOCK, Class, ENTRIES, FACTOR, GROUP, Layer, WINDOW};
use mcompc_ir::{Code, Error, Result};

/// The `n` codes of a layer of an archive.
///
/// # Errors
/// E102 where the table is no complete code, the stream leaves the archive, there are not so many codes, or the check differs.
pub fn decode(archive: &[u8], layer: Layer, n: usize) -> Result<Vec<i8>> {
    let damaged = |what: &str| Error::new(Code::BadTensor, format!("coded weights are damaged: {what}"));
    // (length, word) to class, as canonical words count up.
    let mut classes: Vec<(u32, u32, Class)> = Vec::new();
    let (mut at, mut filled) = (2 * usize::from(layer.table), 0usize);
    while filled < ENTRIES {
        let entry = archive.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
        let class = Class::of_entry(entry.ok_or_else(|| damaged("the table leaves the archive"))?);
        let slots = ENTRIES >> class.length;
        if slots == 0 || !filled.is_multiple_of(slots) || u32::from(class.extra) > crate::PEEK {
            return Err(damaged("the table is no prefix code"));
        }
        classes.push((class.length.into(), (filled / slots) as u32, class));
        filled += slots;
        at += 2;
    }
    if filled != ENTRIES {
        return Err(damaged("the table is no prefix code"));
    }
    let mut position = u64::from(layer.start) + WINDOW as u64;
    let mut bit = || -> Result<u32> {
        position = position.checked_sub(1).ok_or_else(|| damaged("the stream leaves the archive"))?;
        let byte = archive.get((position / 8) as usize).ok_or_else(|| damaged("the stream leaves the archive"))?;
        Ok(u32::from(byte >> (position % 8) & 1))
    };
    let mut codes: Vec<i8> = Vec::new();
    let mut check = 0u32;
    while codes.len() < n.next_multiple_of(BLOCK) {
        let mut group = Vec::with_capacity(GROUP);
        for _ in 0..GROUP {
            let (mut length, mut word) = (0, 0);
            let class = loop {
                if let Some(c) = classes.iter().find(|c| (c.0, c.1) == (length, word)) {
                    break c.2;
                }
                (length, word) = (length + 1, word << 1 | bit()?);
            };
            group.push(class);
        }
        for class in group {
            let mut place = 0;
            for _ in 0..class.extra {
                place = place << 1 | bit()?;
            }
            codes.push(class.base.wrapping_add(place as u8 as i8));
        }
    }
    for word in codes.as_chunks::<4>().0 {
        check = check.wrapping_add(u32::from_le_bytes(word.map(|c| c as u8))).wrapping_mul(FACTOR);
    }
    if layer.checked(check) != layer.check || usize::from(layer.blocks) != n.div_ceil(BLOCK) {
        return Err(damaged("the check differs"));
    }
    codes.truncate(n);
    Ok(codes)
}
