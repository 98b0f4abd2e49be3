//! The right matrix of a product, packed in scratch when the kernel runs: as `pack_weights` packs weights, in the order in which the inner
//! loop of the machine's row reads them.

use crate::copy::{CopyMode, fill_run, unit_of};
use crate::pack::Steps;
use mcompc_kernel::{Bin, Builder, Form, Machine, MemElem, Row, Ty, Val};

/// Bytes of a vector that columns or runs of K are packed with.
const VECTOR: usize = 16;
/// Rows of K that are interleaved in registers at most.
const ROWS: usize = 4;

/// A matrix of `k` x `n` codes.
#[derive(Clone, Debug)]
pub struct Rhs<'a> {
    pub row: &'a Row,
    pub k: usize,
    pub n: usize,
    /// Columns of a full block.
    pub nr: usize,
    /// Element in memory.
    pub mem: MemElem,
    /// Zero point of what is in memory.
    pub zp: i32,
    /// Whether groups of four lie in the order that `sxtb16` gives activations of bytes.
    pub swapped: bool,
    /// Elements from one row to the next, and from one column to the next; one of them is 1.
    pub steps: [usize; 2],
}

/// A part of the matrix that is packed cell by cell: from block `block` on, `blocks` blocks of so many columns, and their rows from `from` on.
struct Part {
    block: usize,
    blocks: usize,
    columns: usize,
    from: usize,
}

impl Rhs<'_> {
    /// Bytes of a packed element: rows of i16 take codes less the zero point, rows of bytes take them as they are.
    fn size(&self) -> usize {
        self.row.w.lane().bytes()
    }
    /// What rows of bytes add to a code.
    fn offset(&self) -> i32 {
        if self.size() == 1 && self.mem == MemElem::U8 { -128 } else { 0 }
    }
    /// What real 0 is among packed elements.
    pub fn packed_zero(&self) -> i32 {
        if self.size() == 2 { 0 } else { self.zp + self.offset() }
    }
    fn group(&self) -> usize {
        Steps::of(self.row).group
    }
    /// K in whole steps of the row.
    pub fn kpad(&self) -> usize {
        self.k.next_multiple_of(Steps::of(self.row).step)
    }
    /// Columns of the last, partial block, in whole vectors; 0 where all are full.
    fn rest(&self) -> usize {
        (self.n % self.nr).next_multiple_of(self.row.n as usize)
    }
    /// Bytes of scratch.
    pub fn bytes(&self) -> usize {
        (self.n / self.nr * self.nr + self.rest()) * self.kpad() * self.size()
    }
    fn full_block(&self) -> usize {
        self.nr * self.kpad() * self.size()
    }

    /// Zeros where the matrix has no element; once, before the first [`Rhs::pack`].
    pub fn clear(&self, b: &mut Builder, m: &Machine, to: Val) {
        if self.kpad() != self.k || !(self.n % self.nr).is_multiple_of(self.row.n as usize) {
            fill_run(b, unit_of(m), CopyMode::Bytes { flip: false }, to, self.bytes(), 0);
        }
    }

    /// Packs the matrix at `from` into scratch at `to`.
    pub fn pack(&self, b: &mut Builder, m: &Machine, from: Val, to: Val) {
        let vectors = m.vector_bytes as usize >= VECTOR;
        // Whole blocks of columns, and rows of them up to here, go in vectors.
        let (done, rows) = match self.steps {
            _ if !vectors => (0, 0),
            [_, 1] => self.by_rows(b, from, to),
            _ => self.by_columns(b, from, to),
        };
        let (full, rest) = (self.n / self.nr, self.n % self.nr);
        self.cells(b, from, to, Part { block: 0, blocks: done, columns: self.nr, from: rows });
        self.cells(b, from, to, Part { block: done, blocks: full - done, columns: self.nr, from: 0 });
        self.cells(b, from, to, Part { block: full, blocks: 1, columns: rest, from: 0 });
    }

    /// Vectors along a row of the matrix, `group` rows interleaved. Returns the blocks and rows done.
    fn by_rows(&self, b: &mut Builder, from: Val, to: Val) -> (usize, usize) {
        let (group, size, es) = (self.group(), self.size(), self.mem.bytes());
        let lanes = VECTOR / size;
        // An interleaved vector holds the groups of so many columns.
        let held = lanes / group.min(lanes);
        // Whole vectors of a block, or whole blocks of a vector.
        let chunk = lanes.max(self.nr);
        let fits = chunk.is_multiple_of(lanes) && chunk.is_multiple_of(self.nr) && self.nr.is_multiple_of(held);
        let (chunks, groups) = (self.n / chunk, self.k / group);
        if group > ROWS || self.row.form == Form::Packed || !fits || chunks == 0 || groups == 0 {
            return (0, 0);
        }
        let row_bytes = self.nr * group * size;
        let place = |c: usize| (c / self.nr * self.full_block() + c % self.nr * group * size) as i32;
        b.for_loop(0, chunks as i32, 1, &[from, to], |b, _, c| {
            b.for_loop(0, groups as i32, 1, c, |b, _, p| {
                for first in (0..chunk).step_by(lanes) {
                    let rows = (0..group).map(|t| self.load(b, lanes, p[0], t * self.steps[0] + first)).collect();
                    for (i, v) in interleaved(b, rows, 1).into_iter().enumerate() {
                        b.store(v, self.packed(), p[1], place(first + i * held));
                    }
                }
                vec![b.ptr_imm(p[0], (group * self.steps[0] * es) as i32), b.ptr_imm(p[1], row_bytes as i32)]
            });
            vec![b.ptr_imm(c[0], (chunk * es) as i32), b.ptr_imm(c[1], (chunk / self.nr * self.full_block()) as i32)]
        });
        (chunks * chunk / self.nr, groups * group)
    }

    /// Vectors down the columns of the matrix, as many columns at a time as a vector holds groups of K. Returns the blocks and rows done.
    fn by_columns(&self, b: &mut Builder, from: Val, to: Val) -> (usize, usize) {
        let (group, size, es) = (self.group(), self.size(), self.mem.bytes());
        let lanes = VECTOR / size;
        let held = lanes / group.min(lanes);
        let (rounds, full) = (self.k / lanes, self.n / self.nr);
        if group > lanes || held > 8 || self.row.form == Form::Packed || !self.nr.is_multiple_of(held) || rounds == 0 || full == 0 {
            return (0, 0);
        }
        let row_bytes = self.nr * group * size;
        let column = self.steps[1];
        b.for_loop(0, full as i32, 1, &[from, to], |b, _, block| {
            b.for_loop(0, (self.nr / held) as i32, 1, block, |b, _, c| {
                b.for_loop(0, rounds as i32, 1, c, |b, _, p| {
                    let columns = (0..held).map(|j| self.load(b, lanes, p[0], j * column)).collect();
                    for (g, v) in interleaved(b, columns, group).into_iter().enumerate() {
                        b.store(v, self.packed(), p[1], (g * row_bytes) as i32);
                    }
                    vec![b.ptr_imm(p[0], (lanes * es) as i32), b.ptr_imm(p[1], (held * row_bytes) as i32)]
                });
                vec![b.ptr_imm(c[0], (held * column * es) as i32), b.ptr_imm(c[1], (held * group * size) as i32)]
            });
            vec![b.ptr_imm(block[0], (self.nr * column * es) as i32), b.ptr_imm(block[1], self.full_block() as i32)]
        });
        (full, rounds * lanes)
    }

    fn packed(&self) -> MemElem {
        if self.size() == 2 { MemElem::S16 } else { MemElem::S8 }
    }

    /// `lanes` neighbours at an element, as they are packed.
    fn load(&self, b: &mut Builder, lanes: usize, p: Val, at: usize) -> Val {
        let ty = Ty::Vec(self.row.w.lane(), lanes as u16);
        let v = b.load_aligned(ty, self.mem, p, (at * self.mem.bytes()) as i32, self.mem.bytes() as u8);
        match (self.size(), self.offset()) {
            (2, _) if self.zp != 0 => b.add_imm(v, -self.zp),
            (2, _) | (_, 0) => v,
            _ => {
                let sign = b.vconst(-128, ty);
                b.bin(Bin::Xor, v, sign)
            }
        }
    }

    /// One element after the other.
    fn cells(&self, b: &mut Builder, from: Val, to: Val, part: Part) {
        let (group, size, es) = (self.group(), self.size(), self.mem.bytes());
        let [down, right] = self.steps.map(|s| s * es);
        let columns = part.columns;
        let rows = self.k - part.from;
        if part.blocks == 0 || columns == 0 || rows == 0 {
            return;
        }
        let lanes = if part.block < self.n / self.nr { self.nr } else { self.rest() };
        let row_bytes = lanes * group * size;
        let src = b.ptr_imm(from, (part.from * down + part.block * self.nr * right) as i32);
        let dst = b.ptr_imm(to, (part.block * self.full_block() + part.from / group * row_bytes) as i32);
        let cell = |b: &mut Builder, src: Val, dst: Val, t: usize| {
            let mut v = b.load_aligned(Ty::I32, self.mem, src, (t * down) as i32, es as u8);
            let add = if size == 2 { -self.zp } else { self.offset() };
            if add != 0 {
                v = b.add_imm(v, add);
            }
            // The order that `sxtb16` gives activations.
            let at = if self.swapped { [0, 2, 1, 3][t] } else { t };
            b.store_aligned(v, self.packed(), dst, (at * size) as i32, size as u8);
        };
        let groups = |b: &mut Builder, count: usize, elems: usize, at: &[Val]| {
            b.for_loop(0, count as i32, 1, at, |b, _, g| {
                b.for_loop(0, columns as i32, 1, g, |b, _, c| {
                    (0..elems).for_each(|t| cell(b, c[0], c[1], t));
                    vec![b.ptr_imm(c[0], right as i32), b.ptr_imm(c[1], (group * size) as i32)]
                });
                vec![b.ptr_imm(g[0], (group * down) as i32), b.ptr_imm(g[1], row_bytes as i32)]
            })
        };
        b.for_loop(0, part.blocks as i32, 1, &[src, dst], |b, _, block| {
            let mut at = block.to_vec();
            if rows / group > 0 {
                at = groups(b, rows / group, group, &at);
            }
            if !rows.is_multiple_of(group) {
                groups(b, 1, rows % group, &at);
            }
            vec![b.ptr_imm(block[0], (self.nr * right) as i32), b.ptr_imm(block[1], self.full_block() as i32)]
        });
    }
}

/// Units of `unit` lanes of the vectors, in the order: unit 0 of each vector, unit 1 of each, and so on. A perfect shuffle in as many rounds
/// as the number of vectors, a power of two, has bits.
fn interleaved(b: &mut Builder, mut v: Vec<Val>, unit: usize) -> Vec<Val> {
    let Some(Ty::Vec(_, lanes)) = v.first().map(|&x| b.ty(x)) else { return v };
    let (lanes, half) = (lanes as usize, v.len() / 2);
    // Lanes of both vectors in turn, from unit `first` on.
    let mask =
        |first: usize| (0..lanes).map(|i| ((first + i / (2 * unit)) * unit + i % unit + i / unit % 2 * lanes) as u16).collect::<Vec<_>>();
    for _ in 0..v.len().trailing_zeros() {
        v = (0..half).flat_map(|i| [0, lanes / unit / 2].map(|first| b.shuffle(v[i], v[i + half], mask(first)))).collect();
    }
    v
}
