//! Integer softmax along the last axis: table of exponentials, one reciprocal by long division, one multiply-high an output.
//! The definition is in docs/numerics.md.

use crate::emit::{Arg, Call, Operand};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Cmp, Role, Ty, Val};
use mcompc_kernel::{MemElem, MemElem::W32};

/// Kernel and call: `rows` independent rows of `n` codes; `table[d]` = exp(-d*scale) * 2^bits.
pub fn softmax_kernel(rows: usize, n: usize, bits: u32, table: &[i32], x: Operand, y: ValueId) -> Result<Call> {
    let mut b = Builder::new("softmax");
    let px = b.ptr("x", Role::In, rows * n, 1);
    let py = b.ptr("y", Role::Out, rows * n, 1);
    let pt = b.ptr("t", Role::Const, 1024, 4);
    b.for_loop(0, rows as i32, 1, &[px, py], |b, _, r| {
        let low = b.iconst(-32768);
        let max = b.for_loop(0, n as i32, 1, &[r[0], low], |b, _, c| {
            let v = b.load(Ty::I32, x.mem, c[0], 0);
            vec![b.ptr_imm(c[0], 1), b.bin(Bin::Smax, c[1], v)]
        })[1];
        let zero = b.iconst(0);
        let sum = b.for_loop(0, n as i32, 1, &[r[0], zero], |b, _, c| {
            let e = exponential(b, x.mem, pt, max, c[0]);
            vec![b.ptr_imm(c[0], 1), b.add(c[1], e)]
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
        let e = b.for_loop(0, n as i32, 1, &[r[0], r[1]], |b, _, c| {
            let e = exponential(b, x.mem, pt, max, c[0]);
            let up = b.iconst(30 - bits as i32);
            let e = b.bin(Bin::Shl, e, up);
            let hi = b.bin(Bin::MulHi, e, recip);
            let hi = b.add_imm(hi, 1 << 19);
            let sh = b.iconst(20);
            let q = b.bin(Bin::Sra, hi, sh);
            let q = b.add_imm(q, -128);
            let top = b.iconst(127);
            let q = b.bin(Bin::Smin, q, top);
            b.store(q, MemElem::S8, c[1], 0);
            vec![b.ptr_imm(c[0], 1), b.ptr_imm(c[1], 1)]
        });
        vec![e[0], e[1]]
    });
    let bytes = table.iter().flat_map(|v| v.to_le_bytes()).collect();
    let args = vec![Arg::Value(x.value), Arg::Value(y), Arg::Data { bytes, align: 4, weights: false }];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: (rows * n) as u64, in_place: vec![x.value] })
}

fn exponential(b: &mut Builder, mem: MemElem, table: Val, max: Val, p: Val) -> Val {
    let v = b.load(Ty::I32, mem, p, 0);
    // The maximum is not below v; the mask says so where the verifier sees it.
    let d = b.bin(Bin::Sub, max, v);
    let mask = b.iconst(255);
    let d = b.bin(Bin::And, d, mask);
    let at = b.ptr_add(table, d, 4, 0);
    b.load_aligned(Ty::I32, W32, at, 0, 4)
}
