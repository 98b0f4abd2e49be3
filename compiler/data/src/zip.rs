//! The directory of a zip archive (APPNOTE 6.3.10, sections 4.3 and 4.5.3), as far as `.npz` files use it: stored and deflated entries.

use crate::npy::bad;
use mcompc_ir::Result;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// One file of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    /// Of the first data byte.
    pub start: u64,
    pub compressed: u64,
    pub size: u64,
    pub crc: u32,
    pub deflated: bool,
}

/// Bytes of a directory that are read at most; a thousand arrays take under 100 KB.
const MAX_DIRECTORY: u64 = 16 << 20;

fn u16_at(b: &[u8], i: usize) -> Result<u16> {
    b.get(i..i + 2).map(|s| u16::from_le_bytes([s[0], s[1]])).ok_or_else(|| bad("the archive's directory ends early"))
}
fn u32_at(b: &[u8], i: usize) -> Result<u32> {
    Ok(u32::from(u16_at(b, i)?) | u32::from(u16_at(b, i + 2)?) << 16)
}
fn len_at(b: &[u8], i: usize) -> Result<usize> {
    u16_at(b, i).map(usize::from)
}
fn u64_at(b: &[u8], i: usize) -> Result<u64> {
    Ok(u64::from(u32_at(b, i)?) | u64::from(u32_at(b, i + 4)?) << 32)
}

fn read_at(f: &mut File, at: u64, len: u64) -> Result<Vec<u8>> {
    let mut b = Vec::new();
    f.seek(SeekFrom::Start(at))
        .and_then(|_| f.take(len).read_to_end(&mut b))
        .map_err(|e| bad(format!("the archive cannot be read: {e}")))?;
    if b.len() as u64 != len { Err(bad("the archive ends early")) } else { Ok(b) }
}

/// Lists the entries. Errors: `BadCalib`.
pub(crate) fn entries(f: &mut File) -> Result<Vec<Entry>> {
    let len = f.seek(SeekFrom::End(0)).map_err(|e| bad(format!("the archive cannot be read: {e}")))?;
    // The end record is followed by a comment of at most 65535 bytes.
    let tail_at = len.saturating_sub(22 + 65535);
    let tail = read_at(f, tail_at, len - tail_at)?;
    let end = (0..tail.len().saturating_sub(21))
        .rev()
        .find(|&i| tail[i..].starts_with(b"PK\x05\x06"))
        .ok_or_else(|| bad("not an archive: there is no end record"))?;
    let (mut count, mut size, mut at) =
        (u64::from(u16_at(&tail, end + 10)?), u64::from(u32_at(&tail, end + 12)?), u64::from(u32_at(&tail, end + 16)?));
    if at == u64::from(u32::MAX) || count == 0xffff {
        let loc = end
            .checked_sub(20)
            .filter(|&l| tail[l..].starts_with(b"PK\x06\x07"))
            .ok_or_else(|| bad("the archive's 64-bit end record is missing"))?;
        let rec = read_at(f, u64_at(&tail, loc + 8)?, 56)?;
        (count, size, at) = (u64_at(&rec, 32)?, u64_at(&rec, 40)?, u64_at(&rec, 48)?);
    }
    if size > MAX_DIRECTORY {
        return Err(bad(format!("an archive directory of {size} bytes")));
    }
    let dir = read_at(f, at, size)?;
    let mut out = Vec::new();
    let mut i = 0usize;
    for _ in 0..count {
        if u32_at(&dir, i)? != 0x0201_4b50 {
            return Err(bad("the archive's directory is damaged"));
        }
        let (flags, method) = (u16_at(&dir, i + 8)?, u16_at(&dir, i + 10)?);
        let (n, x, c) = (len_at(&dir, i + 28)?, len_at(&dir, i + 30)?, len_at(&dir, i + 32)?);
        let name: &[u8] = dir.get(i + 46..i + 46 + n).ok_or_else(|| bad("the archive's directory ends early"))?;
        let name = String::from_utf8_lossy(name).into_owned();
        let extra: &[u8] = dir.get(i + 46 + n..i + 46 + n + x).ok_or_else(|| bad("the archive's directory ends early"))?;
        let (mut compressed, mut size, mut local) =
            (u64::from(u32_at(&dir, i + 20)?), u64::from(u32_at(&dir, i + 24)?), u64::from(u32_at(&dir, i + 42)?));
        widen(extra, [&mut size, &mut compressed, &mut local])?;
        if flags & 1 != 0 || !matches!(method, 0 | 8) {
            return Err(bad(format!("array `{name}` is encrypted or compressed by method {method}; stored and deflated are read")));
        }
        let head = read_at(f, local, 30)?;
        let start = local + 30 + u64::from(u16_at(&head, 26)?) + u64::from(u16_at(&head, 28)?);
        if start.checked_add(compressed).is_none_or(|e| e > len) {
            return Err(bad(format!("array `{name}` lies outside the archive")));
        }
        out.push(Entry { name, start, compressed, size, crc: u32_at(&dir, i + 16)?, deflated: method == 8 });
        i += 46 + n + x + c;
    }
    Ok(out)
}

/// Takes 64-bit sizes from extra field 1, in the standard's order, for those that are all ones in 32 bits.
fn widen(mut extra: &[u8], fields: [&mut u64; 3]) -> Result<()> {
    while extra.len() >= 4 {
        let (id, n) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let body = extra.get(4..4 + n).ok_or_else(|| bad("an extra field of the archive's directory ends early"))?;
        if id == 1 {
            let mut at = 0;
            for f in fields {
                if *f == u64::from(u32::MAX) {
                    *f = u64_at(body, at)?;
                    at += 8;
                }
            }
            return Ok(());
        }
        extra = &extra[4 + n..];
    }
    Ok(())
}
