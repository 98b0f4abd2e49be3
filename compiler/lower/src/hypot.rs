//! Magnitudes of complex numbers (docs/numerics.md, section 14): both parts shifted up, squares by multiply-high, the root of the normalization.

use crate::curve::up;
use crate::emit::{Arg, Call, Operand};
use crate::norm::{inverse_root, shift};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Cmp, MemElem, Role, Ty, Val};
use mcompc_ops::Hypot;

/// Kernel and call over `n` elements.
pub fn hypot_kernel(n: usize, rule: Hypot, ins: [Operand; 2], (y, out): (ValueId, MemElem)) -> Result<Call> {
    let sizes = ins.map(|o| o.mem.bytes());
    let mut b = Builder::new("hypot");
    let pa = b.ptr("a", Role::In, n * sizes[0], sizes[0] as u8);
    let pb = b.ptr("b", Role::In, n * sizes[1], sizes[1] as u8);
    let py = b.ptr("y", Role::Out, n * out.bytes(), out.bytes() as u8);
    b.for_loop(0, n as i32, 1, &[pa, pb, py], |b, _, p| {
        let [u, v] = [0, 1].map(|i| {
            let x = b.load_aligned(Ty::I32, ins[i].mem, p[i], 0, sizes[i] as u8);
            if ins[i].zp == 0 { x } else { b.add_imm(x, -ins[i].zp) }
        });
        let q = code(b, &rule, u, v);
        b.store_aligned(q, out, p[2], 0, out.bytes() as u8);
        vec![b.ptr_imm(p[0], sizes[0] as i32), b.ptr_imm(p[1], sizes[1] as i32), b.ptr_imm(p[2], out.bytes() as i32)]
    });
    let args = vec![Arg::Value(ins[0].value), Arg::Value(ins[1].value), Arg::Value(y)];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: 2 * n as u64, in_place: ins.map(|o| o.value).to_vec() })
}

fn magnitude(b: &mut Builder, v: Val) -> Val {
    let zero = b.iconst(0);
    let minus = b.bin(Bin::Sub, zero, v);
    b.bin(Bin::Smax, v, minus)
}

fn code(b: &mut Builder, r: &Hypot, u: Val, v: Val) -> Val {
    let (u, v) = (magnitude(b, u), magnitude(b, v));
    let t = b.bin(Bin::Smax, u, v);
    let k = up(b, t);
    let squares = [u, v].map(|x| {
        let x = b.bin(Bin::Shl, x, k);
        b.bin(Bin::MulHi, x, x)
    });
    let n = b.add(squares[0], squares[1]);
    let half = b.iconst(1 << 28);
    let small = b.cmp(Cmp::Ult, n, half);
    let (few, many) = (shift(b, Bin::Shl, n, 1), shift(b, Bin::Shl, n, 3));
    let d = b.select(small, many, few);
    let root = inverse_root(b, d);
    let w = b.bin(Bin::MulHi, d, root);
    let twice = shift(b, Bin::Shl, w, 1);
    let w = b.select(small, w, twice);
    let m = b.iconst(r.m as i32);
    let h = b.bin(Bin::MulHi, w, m);
    let e = b.add_imm(k, r.shift);
    let (zero, most) = (b.iconst(0), b.iconst(Hypot::MOST as i32));
    let e = b.bin(Bin::Smin, e, most);
    let e = b.bin(Bin::Smax, e, zero);
    let one = b.iconst(1);
    let step = b.bin(Bin::Shl, one, e);
    let round = shift(b, Bin::Srl, step, 1);
    let h = b.add(h, round);
    let y = b.bin(Bin::Sra, h, e);
    // Both parts are 0: so is the root, whatever came of it.
    let none = b.cmp(Cmp::Eq, t, zero);
    let y = b.select(none, zero, y);
    let y = if r.zero_point == 0 { y } else { b.add_imm(y, r.zero_point as i32) };
    let (lo, hi) = (b.iconst(r.range.0 as i32), b.iconst(r.range.1 as i32));
    let y = b.bin(Bin::Smax, y, lo);
    b.bin(Bin::Smin, y, hi)
}
