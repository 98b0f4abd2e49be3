//! Entropy-coded weights: a prefix code of order 0 over classes of codes, with raw bits for the place in a class.
//!
//! A *class* is a run of 2^e neighbouring codes. A code is written as the prefix-free word of its class, at most [`PEEK`] bits, and e raw bits. Frequent
//! codes are classes of their own; tails share wide ones, so that rare codes cost neither slots nor header. The words are canonical Huffman
//! words: a table says them as a list of classes in the order of the words, and the decoder's look-up table of 2^PEEK entries is that list, each class
//! repeated 2^(PEEK - length) times.
//!
//! All tables and streams of a model lie in one [`Archive`], so that one decoder, with one bound to check positions against, serves all
//! layers. docs/kernels.md describes the bytes and the kernel that reads them; [`decode`] is the reference, which shares nothing with it.
#![forbid(unsafe_code)]

mod archive;
mod classes;
mod decode;
mod huffman;

pub use archive::{Archive, Coded, Layer};
pub use classes::{Class, Table};
pub use decode::decode;

/// Bits of a word at most: the decoder looks at so many at a time.
pub const PEEK: u32 = 8;
/// Entries of the decoder's look-up table.
pub const ENTRIES: usize = 1 << PEEK;
/// Codes that the decoder makes without looking whether it has left the archive; streams are padded to whole blocks.
pub const BLOCK: usize = 60;

/// Whether so many codes are few enough for one layer: their blocks are counted in 16 bits.
pub fn takes(codes: usize) -> bool {
    codes.div_ceil(BLOCK) <= usize::from(u16::MAX)
}
/// Codes whose words are read at a time; their raw bits follow together.
pub const GROUP: usize = 3;
/// Bits that a window holds at least: the words of a group, or its raw bits.
pub const WINDOW: usize = 25;
/// Bytes before a block's position that the block may reach.
pub const REACH: usize = 124;
/// Bytes behind the place where a block may reach back to, that it may read.
pub const SPAN: usize = 131;

/// What a word of four decoded codes adds to the check: `check = (check + word) * FACTOR`, modulo 2^32. A single wrong word always shows,
/// because the factor is odd.
pub const FACTOR: u32 = 0x9E37_79B1;

/// The check of decoded codes, whole blocks of them.
pub fn check(codes: &[i8]) -> u32 {
    codes.as_chunks::<4>().0.iter().fold(0, |h: u32, c| h.wrapping_add(u32::from_le_bytes(c.map(|v| v as u8))).wrapping_mul(FACTOR))
}

/// Bytes that `codes` take in flash when they are coded with a table of their own: table, stream and descriptor.
pub fn bytes(codes: &[i8]) -> usize {
    let table = Table::of(codes);
    table.bytes() + (table.bits(&padded(codes, &table))).div_ceil(8) + Layer::BYTES
}

/// Whole blocks: the cheapest code behind the last one.
pub(crate) fn padded(codes: &[i8], table: &Table) -> Vec<i8> {
    let mut all = codes.to_vec();
    all.resize(codes.len().next_multiple_of(BLOCK), table.cheapest());
    all
}
