//! Normalization of rows (docs/numerics.md, section 13): one pass for the sums, an inverse root by multiply-high only, one pass for the codes.

use crate::emit::{Arg, Call, Operand, evenly};
use crate::nest::{Dim, broadcast, merged, nest, scaled};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::MemElem::{self, W32};
use mcompc_kernel::{Bin, Builder, Cmp, Role, Ty, Val};
use mcompc_ops::Norm;

/// Gain and offset, and the shape that both have.
#[derive(Clone, Copy)]
pub struct Params<'a> {
    pub shape: &'a [usize],
    pub gain: &'a [i32],
    pub offset: &'a [i32],
}

/// Bytes of a gain beside its offset.
const PAIR: usize = 8;

/// What the generator knows of a row.
struct Row {
    rule: Norm,
    x: MemElem,
    y: MemElem,
    /// Subtracted from codes; none where the mean goes anyway.
    zp: i32,
    /// Largest magnitude of what is squared.
    most: u64,
}

/// Kernel and call: rows are the dimensions of `shape` from `axis` on.
pub fn norm_kernel((shape, axis): (&[usize], usize), rule: Norm, p: Params<'_>, x: Operand, (y, out): (ValueId, MemElem)) -> Result<Call> {
    let elems: usize = shape.iter().product();
    let sizes = [x.mem.bytes(), PAIR, out.bytes()];
    let mut b = Builder::new("norm");
    let px = b.ptr("x", Role::In, elems * sizes[0], sizes[0] as u8);
    let py = b.ptr("y", Role::Out, elems * sizes[2], sizes[2] as u8);
    let pp = b.ptr("p", Role::Const, p.gain.len() * PAIR, 4);
    let dims = scaled(broadcast(shape, &[shape, p.shape]), &sizes);
    let (outer, inner) = dims.split_at(axis);
    let (outer, inner) = (merged(3, outer.to_vec()), merged(3, inner.to_vec()));
    let narrow = x.mem.bytes() == 1;
    let zp = if rule.centre && narrow { 0 } else { x.zp };
    let most = if narrow { if zp == 0 { 255 } else { 255 + zp.unsigned_abs() } } else { 1 << 15 };
    let row = Row { rule, x: x.mem, y: out, zp, most: most.into() };
    nest(&mut b, &outer, &[px, pp, py], &mut |b, d, at| {
        let ends = b.for_loop(0, d.size as i32, 1, at, |b, _, at| {
            let [x, p, y] = [at[0], at[1], at[2]];
            row.emit(b, &inner, [x, p, y]);
            at.iter().zip(&d.steps).map(|(&v, &step)| b.ptr_imm(v, step)).collect()
        });
        ends.into_iter().map(Some).collect()
    });
    let bytes = p.gain.iter().zip(p.offset).flat_map(|(g, o)| [g.to_le_bytes(), o.to_le_bytes()].concat()).collect();
    let args = vec![Arg::Value(x.value), Arg::Value(y), Arg::Data { bytes, align: 4, weights: false }];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: elems as u64, in_place: vec![x.value] })
}

/// A number of 64 bits in two words.
#[derive(Clone, Copy)]
struct Wide {
    hi: Val,
    lo: Val,
}

fn constant(b: &mut Builder, v: u64) -> Wide {
    Wide { hi: b.iconst((v >> 32) as u32 as i32), lo: b.iconst(v as u32 as i32) }
}

/// The product of signed words.
fn product(b: &mut Builder, x: Val, y: Val) -> Wide {
    Wide { hi: b.bin(Bin::MulHi, x, y), lo: b.bin(Bin::Mul, x, y) }
}

fn sum(b: &mut Builder, x: Wide, y: Wide) -> Wide {
    let lo = b.add(x.lo, y.lo);
    let carry = b.cmp(Cmp::Ult, lo, x.lo);
    let hi = b.add(x.hi, y.hi);
    Wide { hi: b.add(hi, carry), lo }
}

fn difference(b: &mut Builder, x: Wide, y: Wide) -> Wide {
    let borrow = b.cmp(Cmp::Ult, x.lo, y.lo);
    let hi = b.bin(Bin::Sub, x.hi, y.hi);
    Wide { hi: b.bin(Bin::Sub, hi, borrow), lo: b.bin(Bin::Sub, x.lo, y.lo) }
}

pub(crate) fn shift(b: &mut Builder, o: Bin, v: Val, by: i32) -> Val {
    let by = b.iconst(by);
    b.bin(o, v, by)
}

/// Left by `by` bits, fewer than 32.
fn shifted(b: &mut Builder, v: Wide, by: i32) -> Wide {
    let (up, carried) = (shift(b, Bin::Shl, v.hi, by), shift(b, Bin::Srl, v.lo, 32 - by));
    Wide { hi: b.bin(Bin::Or, up, carried), lo: shift(b, Bin::Shl, v.lo, by) }
}

/// Sums of a row: of the codes, where the mean goes, and of their squares.
struct Sums {
    first: Option<Val>,
    squares: Squares,
}

/// A sum of squares: one word below 2^31, or one of their lower and one of their upper 16 bits.
enum Squares {
    One(Val),
    Halves { low: Val, high: Val },
}

impl Row {
    fn emit(&self, b: &mut Builder, inner: &[Dim], [x, p, y]: [Val; 3]) {
        let sums = self.sums(b, x);
        let (d, k) = self.variance(b, &sums);
        let mut root = inverse_root(b, d);
        // Differences are shifted up to 30 bits; where they have more, the root goes down.
        let reach = b.add_imm(k, Norm::head(self.rule.n) as i32);
        let (thirty, zero, mask) = (b.iconst(30), b.iconst(0), b.iconst(31));
        let up = b.bin(Bin::Sub, thirty, reach);
        let up = b.bin(Bin::Smax, up, zero);
        let up = b.bin(Bin::And, up, mask);
        if Norm::head(self.rule.n) + self.bits() > 30 {
            let down = b.bin(Bin::Sub, reach, thirty);
            let down = b.bin(Bin::Smax, down, zero);
            let down = b.bin(Bin::And, down, mask);
            root = b.bin(Bin::Sra, root, down);
        }
        let n = b.iconst(self.rule.n as i32);
        let factor = b.bin(Bin::Shl, n, up);
        let mean = sums.first.map(|s| {
            let s = b.bin(Bin::Sub, zero, s);
            b.bin(Bin::Shl, s, up)
        });
        let still = inner.iter().all(|d| d.steps[1] == 0).then(|| load_pair(b, p, 0));
        nest(b, inner, &[x, p, y], &mut |b, d, at| {
            let times = evenly(d.size);
            let on = |step: i32, i: usize| step * i as i32;
            let ends = b.for_loop(0, (d.size / times) as i32, 1, at, |b, _, at| {
                for i in 0..times {
                    let u = self.code(b, at[0], on(d.steps[0], i));
                    let t = b.bin(Bin::Mul, u, factor);
                    let t = mean.map_or(t, |m| b.add(t, m));
                    let z = b.bin(Bin::MulHi, t, root);
                    let (gain, offset) = still.unwrap_or_else(|| load_pair(b, at[1], on(d.steps[1], i)));
                    let v = b.bin(Bin::MulHi, z, gain);
                    let v = b.add(v, offset);
                    let v = shift(b, Bin::Sra, v, self.rule.shift as i32);
                    let (lo, hi) = (b.iconst(self.rule.range.0 as i32), b.iconst(self.rule.range.1 as i32));
                    let v = b.bin(Bin::Smax, v, lo);
                    let v = b.bin(Bin::Smin, v, hi);
                    b.store_aligned(v, self.y, at[2], on(d.steps[2], i), self.y.bytes() as u8);
                }
                at.iter().zip(&d.steps).map(|(&v, &step)| b.ptr_imm(v, on(step, times))).collect()
            });
            ends.into_iter().map(Some).collect()
        });
    }
    /// A code, less the zero point where it counts.
    fn code(&self, b: &mut Builder, p: Val, off: i32) -> Val {
        let v = b.load_aligned(Ty::I32, self.x, p, off, self.x.bytes() as u8);
        if self.zp == 0 { v } else { b.add_imm(v, -self.zp) }
    }
    fn sums(&self, b: &mut Builder, x: Val) -> Sums {
        let (n, size) = (self.rule.n, self.x.bytes() as i32);
        let one = n as u64 * self.most * self.most < 1 << 31;
        let zero = b.iconst(0);
        let parts = usize::from(self.rule.centre) + if one { 1 } else { 2 };
        let times = evenly(n);
        let begin = [vec![x], vec![zero; parts]].concat();
        let ends = b.for_loop(0, (n / times) as i32, 1, &begin, |b, _, c| {
            let mut c = c.to_vec();
            for i in 0..times {
                let u = self.code(b, c[0], size * i as i32);
                let square = b.bin(Bin::Mul, u, u);
                if self.rule.centre {
                    c[1] = b.add(c[1], u);
                }
                if one {
                    c[parts] = b.add(c[parts], square);
                    continue;
                }
                let mask = b.iconst(0xffff);
                let (low, high) = (b.bin(Bin::And, square, mask), shift(b, Bin::Srl, square, 16));
                c[parts - 1] = b.add(c[parts - 1], low);
                c[parts] = b.add(c[parts], high);
            }
            c[0] = b.ptr_imm(c[0], size * times as i32);
            c
        });
        let squares = if one { Squares::One(ends[parts]) } else { Squares::Halves { low: ends[parts - 1], high: ends[parts] } };
        Sums { first: self.rule.centre.then(|| ends[1]), squares }
    }
    /// Bits of the root of the largest D.
    fn bits(&self) -> u32 {
        let n = self.rule.n as u64;
        let d = n * n * self.most * self.most + self.rule.epsilon as u64;
        (u64::BITS - d.leading_zeros()).div_ceil(2)
    }
    /// d and k: D = d / 2^31 * 4^k.
    fn variance(&self, b: &mut Builder, s: &Sums) -> (Val, Val) {
        let n = b.iconst(self.rule.n as i32);
        let mut v = match s.squares {
            Squares::One(all) => product(b, n, all),
            Squares::Halves { low, high } => {
                let (low, high) = (product(b, n, low), product(b, n, high));
                let high = shifted(b, high, 16);
                sum(b, high, low)
            }
        };
        if let Some(first) = s.first {
            let square = product(b, first, first);
            v = difference(b, v, square);
        }
        if self.rule.epsilon > 0 {
            let e = constant(b, self.rule.epsilon as u64);
            v = sum(b, v, e);
        } else {
            let (any, zero) = (b.bin(Bin::Or, v.hi, v.lo), b.iconst(0));
            let none = b.cmp(Cmp::Eq, any, zero);
            v.lo = b.add(v.lo, none);
        }
        // Left by pairs of bits, until one of the upper two is set.
        let zero = b.iconst(0);
        let empty = b.cmp(Cmp::Eq, v.hi, zero);
        v = Wide { hi: b.select(empty, v.lo, v.hi), lo: b.select(empty, zero, v.lo) };
        let down = shift(b, Bin::Shl, empty, 4);
        let most = b.iconst(32);
        let mut k = b.bin(Bin::Sub, most, down);
        for by in [16, 8, 4, 2] {
            let bound = b.iconst(((1u64 << (32 - by)) as u32) as i32);
            let free = b.cmp(Cmp::Ult, v.hi, bound);
            let moved = shifted(b, v, by);
            v = Wide { hi: b.select(free, moved.hi, v.hi), lo: b.select(free, moved.lo, v.lo) };
            let half = by.trailing_zeros() as i32 - 1;
            let down = if half == 0 { free } else { shift(b, Bin::Shl, free, half) };
            k = b.bin(Bin::Sub, k, down);
        }
        (shift(b, Bin::Srl, v.hi, 1), k)
    }
}

/// [`Norm::root`].
pub(crate) fn inverse_root(b: &mut Builder, d: Val) -> Val {
    let (start, slope) = (b.iconst(Norm::START.0), b.iconst(Norm::START.1));
    let line = b.bin(Bin::MulHi, d, slope);
    let mut r = b.bin(Bin::Sub, start, line);
    for _ in 0..Norm::STEPS {
        let square = b.bin(Bin::MulHi, r, r);
        let square = shift(b, Bin::Shl, square, 2);
        let near = b.bin(Bin::MulHi, d, square);
        let three = b.iconst(3 << 27);
        let left = b.bin(Bin::Sub, three, near);
        let left = shift(b, Bin::Shl, left, 2);
        let next = b.bin(Bin::MulHi, r, left);
        r = shift(b, Bin::Shl, next, 2);
    }
    r
}

fn load_pair(b: &mut Builder, p: Val, off: i32) -> (Val, Val) {
    (b.load_aligned(Ty::I32, W32, p, off, 4), b.load_aligned(Ty::I32, W32, p, off + 4, 4))
}
