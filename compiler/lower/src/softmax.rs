//! Integer softmax along the last axis: table of exponentials, one reciprocal by long division, one multiply-high an output.
//! The definition is in docs/numerics.md.

use crate::emit::{Arg, Call, Operand, evenly};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Cmp, Role, Ty, Val};
use mcompc_kernel::{MemElem, MemElem::W32};

/// Rows of fewer elements are walked one by one.
const SHORT: usize = 32;

/// Kernel and call: `rows` independent rows of `n` codes; `table[d]` = exp(-d*scale) * 2^bits.
pub fn softmax_kernel(rows: usize, n: usize, bits: u32, table: &[i32], x: Operand, (y, out): (ValueId, MemElem)) -> Result<Call> {
    let [from, to] = [x.mem, out].map(MemElem::bytes);
    // A probability of 2^28 to steps of the result, from the code of 0 on.
    let (shift, base, top) = if to == 2 { (13, 0, 32767) } else { (20, -128, 127) };
    // Short rows, of which there are few, are not worth the code.
    let times = if n < SHORT { 1 } else { evenly(n) };
    let rounds = (n / times) as i32;
    let mut b = Builder::new("softmax");
    let px = b.ptr("x", Role::In, rows * n * from, from as u8);
    let py = b.ptr("y", Role::Out, rows * n * to, to as u8);
    let pt = b.ptr("t", Role::Const, table.len() * 4, 4);
    b.for_loop(0, rows as i32, 1, &[px, py], |b, _, r| {
        let low = b.iconst(-32768);
        let max = b.for_loop(0, rounds, 1, &[r[0], low], |b, _, c| {
            let most = (0..times).fold(c[1], |most, i| {
                let v = b.load_aligned(Ty::I32, x.mem, c[0], (i * from) as i32, from as u8);
                b.bin(Bin::Smax, most, v)
            });
            vec![b.ptr_imm(c[0], (times * from) as i32), most]
        })[1];
        let zero = b.iconst(0);
        let sum = b.for_loop(0, rounds, 1, &[r[0], zero], |b, _, c| {
            let sum = (0..times).fold(c[1], |sum, i| {
                let e = exponential(b, x.mem, pt, max, (c[0], (i * from) as i32));
                b.add(sum, e)
            });
            vec![b.ptr_imm(c[0], (times * from) as i32), sum]
        })[1];
        // R = floor(2^(30+bits) / sum): sum >= 2^bits, so the integer part of 2^bits / sum is 1 only for equality.
        let start = b.iconst(1 << bits);
        let lt = b.cmp(Cmp::Slt, start, sum);
        let rem0 = b.select(lt, start, zero);
        let one = b.iconst(1);
        let q0 = b.select(lt, zero, one);
        let recip = b.for_loop(0, 30, 1, &[rem0, q0], |b, _, c| {
            let (rem, q) = (b.bin(Bin::Shl, c[0], one), b.bin(Bin::Shl, c[1], one));
            let fits = b.cmp(Cmp::Sle, sum, rem);
            let less = b.bin(Bin::Sub, rem, sum);
            let more = b.bin(Bin::Or, q, one);
            vec![b.select(fits, less, rem), b.select(fits, more, q)]
        })[1];
        let e = b.for_loop(0, rounds, 1, &[r[0], r[1]], |b, _, c| {
            for i in 0..times {
                let e = exponential(b, x.mem, pt, max, (c[0], (i * from) as i32));
                let up = b.iconst(30 - bits as i32);
                let e = b.bin(Bin::Shl, e, up);
                let hi = b.bin(Bin::MulHi, e, recip);
                let hi = b.add_imm(hi, 1 << (shift - 1));
                let sh = b.iconst(shift);
                let mut q = b.bin(Bin::Sra, hi, sh);
                if base != 0 {
                    q = b.add_imm(q, base);
                }
                let top = b.iconst(top);
                let q = b.bin(Bin::Smin, q, top);
                b.store_aligned(q, out, c[1], (i * to) as i32, to as u8);
            }
            vec![b.ptr_imm(c[0], (times * from) as i32), b.ptr_imm(c[1], (times * to) as i32)]
        });
        vec![e[0], e[1]]
    });
    let bytes = table.iter().flat_map(|v| v.to_le_bytes()).collect();
    let args = vec![Arg::Value(x.value), Arg::Value(y), Arg::Data { bytes, align: 4, weights: false }];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: (rows * n) as u64, in_place: vec![x.value] })
}

fn exponential(b: &mut Builder, mem: MemElem, table: Val, max: Val, (p, off): (Val, i32)) -> Val {
    let v = b.load_aligned(Ty::I32, mem, p, off, mem.bytes() as u8);
    let d = b.bin(Bin::Sub, max, v);
    // The maximum is not below v; masks say so where the verifier sees it.
    let mask = b.iconst(255);
    let entry = |b: &mut Builder, d: Val, off: i32| {
        let d = b.bin(Bin::And, d, mask);
        let at = b.ptr_add(table, d, 4, off);
        b.load_aligned(Ty::I32, W32, at, 0, 4)
    };
    if mem != MemElem::S16 {
        return entry(b, d, 0);
    }
    let eight = b.iconst(8);
    let coarse = b.bin(Bin::Srl, d, eight);
    let (coarse, fine) = (entry(b, coarse, 0), entry(b, d, 1024));
    b.bin(Bin::MulHi, coarse, fine)
}
