//! Functions of one value of 32 bits: two entries of a table over its octaves, and the line between them (docs/numerics.md, section 14).

use crate::emit::{Arg, Call, Operand};
use crate::norm::shift;
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::MemElem::{self, W32};
use mcompc_kernel::{Bin, Builder, Cmp, Role, Ty, Val};
use mcompc_ops::{Curve, Hypot};

/// Kernel and call over `n` elements.
pub fn curve_kernel(n: usize, curve: Curve, table: Vec<u8>, x: Operand, (y, out): (ValueId, MemElem)) -> Result<Call> {
    let to = out.bytes();
    let mut b = Builder::new("curve");
    let px = b.ptr("x", Role::In, n * 4, 4);
    let py = b.ptr("y", Role::Out, n * to, to as u8);
    let pt = b.ptr("t", Role::Const, table.len(), 4);
    b.for_loop(0, n as i32, 1, &[px, py], |b, _, p| {
        let v = b.load_aligned(Ty::I32, W32, p[0], 0, 4);
        let q = code(b, &curve, pt, v);
        b.store_aligned(q, out, p[1], 0, to as u8);
        vec![b.ptr_imm(p[0], 4), b.ptr_imm(p[1], to as i32)]
    });
    let args = vec![Arg::Value(x.value), Arg::Value(y), Arg::Data { bytes: table, align: 4, weights: false }];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: n as u64, in_place: vec![x.value] })
}

fn code(b: &mut Builder, c: &Curve, pt: Val, v: Val) -> Val {
    let zero = b.iconst(0);
    let most = b.iconst(c.most as i32);
    let below = b.cmp(Cmp::Slt, v, zero);
    let minus = b.bin(Bin::Sub, zero, v);
    let u = if c.signed { b.bin(Bin::Smax, v, minus) } else { v };
    let u = b.bin(Bin::Smin, u, most);
    let u = b.bin(Bin::Smax, u, zero);
    // With u shifted up to 30 bits, 24 more than an entry tells are left out.
    let k = up(b, u);
    let room = b.iconst((Hypot::BITS - 1 - Curve::FINE) as i32);
    let s = b.bin(Bin::Sub, room, k);
    let s = b.bin(Bin::Smax, s, zero);
    let i = b.bin(Bin::Srl, u, s);
    let whole = b.bin(Bin::Shl, i, s);
    let rest = b.bin(Bin::Sub, u, whole);
    let left = b.iconst(31);
    let left = b.bin(Bin::Sub, left, s);
    // As a fraction of 31 bits.
    let f = b.bin(Bin::Shl, rest, left);
    let octave = shift(b, Bin::Shl, s, Curve::FINE as i32);
    let i = b.add(octave, i);
    // It is never more: the bound is for the proof.
    let last = b.iconst(c.entries as i32 - 2);
    let i = b.bin(Bin::Smin, i, last);
    let i = b.bin(Bin::Smax, i, zero);
    let at = b.ptr_add(pt, i, 4, 0);
    let at = if c.signed {
        let other = b.ptr_imm(at, 4 * c.entries as i32);
        b.select(below, other, at)
    } else {
        at
    };
    let low = b.load_aligned(Ty::I32, W32, at, 0, 4);
    let high = b.load_aligned(Ty::I32, W32, at, 4, 4);
    let d = b.bin(Bin::Sub, high, low);
    let d = shift(b, Bin::Shl, d, 1);
    let part = b.bin(Bin::MulHi, d, f);
    let y = b.add(low, part);
    let y = shift(b, Bin::Sra, y, c.shift as i32);
    let (lo, hi) = (b.iconst(c.range.0 as i32), b.iconst(c.range.1 as i32));
    let y = b.bin(Bin::Smax, y, lo);
    b.bin(Bin::Smin, y, hi)
}

/// [`Hypot::up`] of a magnitude below 2^30; 31 of 0.
pub(crate) fn up(b: &mut Builder, u: Val) -> Val {
    let (mut u, mut k) = (u, b.iconst(0));
    for by in [16, 8, 4, 2, 1] {
        let bound = b.iconst(1 << (Hypot::BITS as i32 - by));
        let free = b.cmp(Cmp::Ult, u, bound);
        let moved = shift(b, Bin::Shl, u, by);
        u = b.select(free, moved, u);
        let more = if by == 1 { free } else { shift(b, Bin::Shl, free, by.trailing_zeros() as i32) };
        k = b.add(k, more);
    }
    let ones = b.iconst(31);
    b.bin(Bin::And, k, ones)
}
