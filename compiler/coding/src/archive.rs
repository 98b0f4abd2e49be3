//! All coded layers of a model: tables, which layers may share, then streams.

use crate::classes::{Counts, count, index};
use crate::{BLOCK, FACTOR, REACH, SPAN, Table, WINDOW, check, padded};

/// Layers up to which sharing of tables is looked for among all pairs.
const PAIRS: usize = 128;

/// Where the decoder finds a layer in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// First entry of its table, in 16-bit units from the start of the archive.
    pub table: u16,
    /// Blocks of codes.
    pub blocks: u16,
    /// Bit from which the first window is read: the end of the stream, less a window. Windows move down.
    pub start: u32,
    /// Where the decoder puts the codes, in units of four bytes: its caller's affair.
    pub place: u32,
    /// [`check`] of the codes, padding included, gone on with the other three words.
    pub check: u32,
}

impl Layer {
    /// Bytes of a descriptor in flash: its four words.
    pub const BYTES: usize = 16;
    /// As the kernel reads it, little-endian.
    pub fn bytes(self) -> Vec<u8> {
        [self.first(), self.start, self.place, self.check].iter().flat_map(|v| v.to_le_bytes()).collect()
    }
    /// What the bytes say.
    pub fn of_bytes(b: &[u8; Self::BYTES]) -> Self {
        let word = |i: usize| u32::from_le_bytes([b[4 * i], b[4 * i + 1], b[4 * i + 2], b[4 * i + 3]]);
        Self { table: word(0) as u16, blocks: (word(0) >> 16) as u16, start: word(1), place: word(2), check: word(3) }
    }
    fn first(self) -> u32 {
        u32::from(self.table) | u32::from(self.blocks) << 16
    }
    /// The check that goes with the descriptor, of the codes' own.
    pub(crate) fn checked(self, codes: u32) -> u32 {
        [self.first(), self.start, self.place].iter().fold(codes, |h, &w| h.wrapping_add(w).wrapping_mul(FACTOR))
    }
    /// The same layer decoded to another place.
    pub fn at(self, place: u32) -> Self {
        let moved = place.wrapping_sub(self.place).wrapping_mul(FACTOR);
        Self { place, check: self.check.wrapping_add(moved), ..self }
    }
}

/// The bytes of an archive and where its layers are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coded {
    /// Tables and streams.
    pub bytes: Vec<u8>,
    /// In the order in which they were added.
    pub layers: Vec<Layer>,
    /// Bytes of each layer: its stream, and its table where it is the first to use it.
    pub sizes: Vec<usize>,
}

/// Collects layers.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    codes: Vec<Vec<i8>>,
}

impl Archive {
    /// Adds a layer's codes.
    pub fn add(&mut self, codes: &[i8]) {
        self.codes.push(codes.to_vec());
    }
    /// Whether it has no layer.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
    /// Codes everything, to be decoded to place 0. Nothing where positions would pass 31 bits, or a layer has more than 65535 blocks.
    pub fn finish(&self) -> Option<Coded> {
        let (tables, of) = shared(&self.codes.iter().map(|c| count(c)).collect::<Vec<_>>());
        let mut coded = Coded::default();
        let mut at = Vec::new();
        for t in &tables {
            at.push(u16::try_from(coded.bytes.len() / 2).ok()?);
            coded.bytes.extend(t.classes().iter().flat_map(|c| c.entry().to_le_bytes()));
        }
        // No block reaches below the start of the archive.
        coded.bytes.resize(coded.bytes.len().max(REACH + WINDOW / 8 + 1), 0);
        let mut seen = vec![false; tables.len()];
        for (codes, &t) in self.codes.iter().zip(&of) {
            let table = &tables[t];
            let all = padded(codes, table);
            let bits = encode(&all, table);
            let begin = 8 * coded.bytes.len();
            let end = begin + bits.len();
            if end > i32::MAX as usize {
                return None;
            }
            coded.bytes.resize(end.div_ceil(8), 0);
            // The first bit that is read lies highest.
            for (i, bit) in bits.iter().enumerate() {
                let p = end - 1 - i;
                coded.bytes[p / 8] |= u8::from(*bit) << (p % 8);
            }
            let blocks = u16::try_from(all.len() / BLOCK).ok()?;
            let layer = Layer { table: at[t], blocks, start: (end - WINDOW) as u32, place: 0, check: 0 };
            coded.layers.push(Layer { check: layer.checked(check(&all)), ..layer });
            let own = if std::mem::replace(&mut seen[t], true) { 0 } else { table.bytes() };
            coded.sizes.push(coded.bytes.len() - begin / 8 + own + Layer::BYTES);
        }
        // Nor above its end.
        coded.bytes.extend([0; SPAN - REACH - 3]);
        Some(coded)
    }
}

/// The bits of `codes` in the order of reading: the words of a group, then its raw bits.
fn encode(codes: &[i8], table: &Table) -> Vec<bool> {
    let words = table.words();
    let mut bits = Vec::new();
    let mut push = |v: u32, n: u8| bits.extend((0..n).rev().map(|i| v >> i & 1 == 1));
    for group in codes.chunks(crate::GROUP) {
        let of = |c: i8| words[index(c)];
        for (word, class) in group.iter().filter_map(|&c| of(c)) {
            push(word, class.length);
        }
        for &c in group {
            if let Some((_, class)) = of(c) {
                push((i32::from(c) - i32::from(class.base)) as u32, class.extra);
            }
        }
    }
    bits
}

/// Tables, and which one each layer uses: pairs are merged while that saves bytes, the best pair first.
fn shared(layers: &[Counts]) -> (Vec<Table>, Vec<usize>) {
    let mut groups: Vec<Option<(Counts, Table, usize)>> = layers
        .iter()
        .map(|c| {
            let t = Table::of_counts(c);
            let cost = t.cost(c);
            Some((*c, t, cost))
        })
        .collect();
    let mut of: Vec<usize> = (0..layers.len()).collect();
    let merged = |a: &Counts, b: &Counts| {
        let c: Counts = std::array::from_fn(|i| a[i] + b[i]);
        let t = Table::of_counts(&c);
        let cost = t.cost(&c);
        (c, t, cost)
    };
    let gain = |groups: &[Option<(Counts, Table, usize)>], i: usize, j: usize| match (&groups[i], &groups[j]) {
        (Some(a), Some(b)) => (a.2 + b.2) as i64 - merged(&a.0, &b.0).2 as i64,
        _ => 0,
    };
    let n = groups.len();
    let mut gains: Vec<Vec<i64>> =
        if n <= PAIRS { (0..n).map(|i| (0..i).map(|j| gain(&groups, i, j)).collect()).collect() } else { vec![] };
    loop {
        let pairs = gains.iter().enumerate().flat_map(|(i, g)| g.iter().enumerate().map(move |(j, &g)| (g, i, j)));
        let Some((_, i, j)) = pairs.filter(|p| p.0 > 0).max_by_key(|&(g, i, j)| (g, std::cmp::Reverse((i, j)))) else { break };
        let (Some(a), Some(b)) = (groups[i].take(), groups[j].take()) else { break };
        groups[j] = Some(merged(&a.0, &b.0));
        of.iter_mut().filter(|g| **g == i).for_each(|g| *g = j);
        for k in 0..n {
            if k != i && k != j {
                gains[k.max(j)][k.min(j)] = gain(&groups, k, j);
            }
            if k != i {
                gains[k.max(i)][k.min(i)] = 0;
            }
        }
    }
    let mut number = vec![0; n];
    let mut tables = Vec::new();
    for (g, number) in groups.into_iter().zip(&mut number) {
        if let Some((_, t, _)) = g {
            *number = tables.len();
            tables.push(t);
        }
    }
    (tables, of.into_iter().map(|g| number[g]).collect())
}
