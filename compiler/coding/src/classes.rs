//! Classes of codes and their words.

use crate::huffman::lengths;
use crate::{BLOCK, ENTRIES, PEEK};

/// 2^extra neighbouring codes that share a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The least of the codes.
    pub base: i8,
    /// Bits of the word.
    pub length: u8,
    /// Raw bits behind it.
    pub extra: u8,
}

impl Class {
    /// The entry of the decoder's table: base in the low byte, then four bits of length, then four bits of extra.
    pub fn entry(self) -> u16 {
        u16::from(self.base as u8) | u16::from(self.length) << 8 | u16::from(self.extra) << 12
    }
    /// The class of an entry.
    pub fn of_entry(e: u16) -> Self {
        Self { base: e as u8 as i8, length: (e >> 8 & 15) as u8, extra: (e >> 12) as u8 }
    }
}

/// Classes in the order of their words, short ones first. The words fill the table of 2^PEEK entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table(Vec<Class>);

/// Values of a byte.
const BYTES: usize = mcompc_ir::Codes::I8.count();

/// How often each code from -128 on occurs.
pub(crate) type Counts = [u64; BYTES];

pub(crate) fn count(codes: &[i8]) -> Counts {
    let mut counts = [0; BYTES];
    for &c in codes {
        counts[index(c)] += 1;
    }
    counts
}

/// Place of a code among the values of a byte.
pub(crate) fn index(c: i8) -> usize {
    (i16::from(c) + 128) as usize
}

/// Bits of a class in a table.
const HEADER: f64 = 16.0;
/// What raw bits behind a word cost beside themselves, in bits: a group with some takes twice the time.
const SLOW: f64 = 0.2;

impl Table {
    /// The table under which `codes` and the table itself take the fewest bits, as far as can be told before words are whole bits.
    pub fn of(codes: &[i8]) -> Self {
        Self::of_counts(&count(codes))
    }
    pub(crate) fn of_counts(counts: &Counts) -> Self {
        let parts = partition(counts);
        let sums: Vec<u64> = parts.iter().map(|p| counts[p.0..p.0 + (1 << p.1)].iter().sum()).collect();
        let mut classes: Vec<Class> = parts
            .iter()
            .zip(lengths(&sums, PEEK))
            .map(|(&(at, extra), length)| Class { base: (at as i16 - 128) as i8, length, extra })
            .collect();
        if classes.is_empty() {
            classes.push(Class { base: 0, length: 0, extra: 0 });
        }
        classes.sort_by_key(|c| (c.length, c.base));
        Self(classes)
    }
    /// Its classes.
    pub fn classes(&self) -> &[Class] {
        &self.0
    }
    /// Bytes it takes in the archive.
    pub fn bytes(&self) -> usize {
        2 * self.0.len()
    }
    /// The code that costs least; what blocks are padded with.
    pub(crate) fn cheapest(&self) -> i8 {
        self.0.iter().min_by_key(|c| c.length + c.extra).map_or(0, |c| c.base)
    }
    /// The word and the class of every code; codes that no class holds have none.
    pub(crate) fn words(&self) -> Vec<Option<(u32, Class)>> {
        let mut words = vec![None; BYTES];
        let mut at = 0u32;
        for c in &self.0 {
            let word = at >> (PEEK - u32::from(c.length));
            let first = index(c.base);
            words[first..(first + (1 << c.extra)).min(BYTES)].fill(Some((word, *c)));
            at += ENTRIES as u32 >> c.length;
        }
        words
    }
    /// Bits of the stream of `codes`.
    pub fn bits(&self, codes: &[i8]) -> usize {
        self.bits_of(&count(codes)).unwrap_or(usize::MAX / 16)
    }
    /// Bits of a stream of so many codes each; nothing where a code has no class.
    pub(crate) fn bits_of(&self, counts: &Counts) -> Option<usize> {
        let mut left: u64 = counts.iter().sum();
        let mut bits = 0;
        for c in &self.0 {
            let first = index(c.base);
            let n: u64 = counts[first..(first + (1 << c.extra)).min(BYTES)].iter().sum();
            bits += n as usize * usize::from(c.length + c.extra);
            left -= n;
        }
        (left == 0).then_some(bits)
    }
    /// About the bits of table and padded stream.
    pub(crate) fn cost(&self, counts: &Counts) -> usize {
        let cheapest = self.0.iter().map(|c| usize::from(c.length + c.extra)).min().unwrap_or(0);
        self.bits_of(counts).unwrap_or(usize::MAX / 16) + 8 * self.bytes() + BLOCK / 2 * cheapest
    }
}

/// Classes, as first code and raw bits, of the least ideal cost: a shortest path over the codes.
fn partition(counts: &Counts) -> Vec<(usize, u8)> {
    let total: u64 = counts.iter().sum();
    let mut sums = [0; BYTES + 1];
    for (i, c) in counts.iter().enumerate() {
        sums[i + 1] = sums[i] + c;
    }
    let mut best = [f64::INFINITY; BYTES + 1];
    // Where the way to a code comes from, and by which class.
    let mut from: [(usize, Option<u8>); BYTES + 1] = [(0, None); BYTES + 1];
    best[0] = 0.0;
    for i in 0..BYTES {
        if counts[i] == 0 && best[i] < best[i + 1] {
            (best[i + 1], from[i + 1]) = (best[i], (i, None));
        }
        for extra in 0..=PEEK as u8 {
            let end = i + (1 << extra);
            if end > BYTES {
                break;
            }
            let n = sums[end] - sums[i];
            if n > 0 {
                let word = libm::log2(total as f64 / n as f64).min(f64::from(PEEK));
                let slow = if extra > 0 { SLOW } else { 0.0 };
                let cost = best[i] + n as f64 * (word + f64::from(extra) + slow) + HEADER;
                if cost < best[end] {
                    (best[end], from[end]) = (cost, (i, Some(extra)));
                }
            }
        }
    }
    let mut parts = Vec::new();
    let mut at = BYTES;
    while at > 0 {
        let (i, extra) = from[at];
        parts.extend(extra.map(|e| (i, e)));
        at = i;
    }
    parts.reverse();
    parts
}
