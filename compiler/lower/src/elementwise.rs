//! Element-wise kernels: residual add, product, table look-up, plain rescale.

use crate::emit::{Arg, Call, Operand};
use crate::gemm::store_lanes;
use crate::rows::pair_row;
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Lane, MacForm, Machine, MemElem, Op, Rescale, Role, Row, Ty, Val};

/// Constants of a q.add: `clamp((qa*a + qb*b + c) >> shift)`.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct LinComb {
    pub a: i32,
    pub b: i32,
    pub c: i32,
    pub shift: i32,
    pub lo: i32,
    pub hi: i32,
}

// Walks n elements in blocks of lanes with a scalar rest: outputs may overlap inputs, so blocks must not.
fn walk(b: &mut Builder, m: &Machine, n: usize, ptrs: &[Val], body: impl Fn(&mut Builder, usize, &[Val])) {
    let l = (m.mac_lanes as usize).max(1);
    let full = n / l;
    let mut at = ptrs.to_vec();
    if full > 0 {
        at = b.for_loop(0, full as i32, 1, ptrs, |b, _, p| {
            body(b, l, p);
            p.iter().map(|&p| b.ptr_imm(p, l as i32)).collect()
        });
    }
    if !n.is_multiple_of(l) {
        b.for_loop(0, (n % l) as i32, 1, &at, |b, _, p| {
            body(b, 1, p);
            p.iter().map(|&p| b.ptr_imm(p, 1)).collect()
        });
    }
}

// The codes at p as i32 vectors: one, or two halves on split machines.
fn codes(b: &mut Builder, m: &Machine, lanes: usize, mem: MemElem, p: Val) -> Vec<Val> {
    if lanes == 1 {
        return vec![b.load(Ty::I32, mem, p, 0)];
    }
    let v = b.load(Ty::Vec(Lane::I16, lanes as u16), mem, p, 0);
    if m.split { vec![b.widen(v, true, false), b.widen(v, true, true)] } else { vec![b.widen_all(v, Lane::I32, true)] }
}

/// Kernel and call of a q.add over `n` elements.
pub fn add_kernel(m: &Machine, n: usize, k: LinComb, a: Operand, bb: Operand, y: ValueId) -> Result<Call> {
    let mut b = Builder::new("add");
    let pa = b.ptr("a", Role::In, n, 1);
    let pb = b.ptr("b", Role::In, n, 1);
    let py = b.ptr("y", Role::Out, n, 1);
    let row = pair_row(m).filter(|_| m.mac == MacForm::Pairs);
    walk(&mut b, m, n, &[pa, pb, py], |b, l, p| {
        if let Some(row) = row.filter(|_| l > 1) {
            let q = pairs(b, row, k, l, [(a.mem, p[0]), (bb.mem, p[1])]);
            return store_lanes(b, &q, p[2], 0, l);
        }
        let (x, z) = (codes(b, m, l, a.mem, p[0]), codes(b, m, l, bb.mem, p[1]));
        let q: Vec<Val> = x
            .into_iter()
            .zip(z)
            .map(|(x, z)| {
                let ty = b.ty(x);
                let xa = b.mul_imm(x, k.a);
                let zb = b.mul_imm(z, k.b);
                let s = b.add(xa, zb);
                let s = b.add_imm(s, k.c);
                let sh = b.vconst(k.shift, ty);
                let s = b.bin(Bin::Sra, s, sh);
                clamp(b, s, k.lo, k.hi)
            })
            .collect();
        store_lanes(b, &q, p[2], 0, l);
    });
    Ok(Call {
        func: b.finish(),
        rows: row.map(|r| vec![r.clone()]).unwrap_or_default(),
        args: vec![Arg::Value(a.value), Arg::Value(bb.value), Arg::Value(y)],
        macs: 2 * n as u64,
        in_place: vec![a.value, bb.value],
    })
}

// Codes interleaved, so that one inner product of pairs gives qa*a + qb*b.
fn pairs(b: &mut Builder, row: &Row, k: LinComb, lanes: usize, [x, z]: [(MemElem, Val); 2]) -> Vec<Val> {
    let ty = Ty::Vec(Lane::I16, lanes as u16);
    let (x, z) = (b.load(ty, x.0, x.1, 0), b.load(ty, z.0, z.1, 0));
    let both = b.iconst(k.a & 0xffff | k.b << 16);
    let w = b.op(ty, Op::SplatBits(ty), &[both]);
    let half = (lanes / 2) as u16;
    [0, half]
        .into_iter()
        .map(|first| {
            let mask = (first..first + half).flat_map(|i| [i, lanes as u16 + i]).collect();
            let v = b.shuffle(x, z, mask);
            let c = b.vconst(k.c, row.acc_ty());
            let s = b.contract(0, row, 0, c, v, w);
            let sh = b.vconst(k.shift, row.acc_ty());
            let s = b.bin(Bin::Sra, s, sh);
            clamp(b, s, k.lo, k.hi)
        })
        .collect()
}

fn clamp(b: &mut Builder, v: Val, lo: i32, hi: i32) -> Val {
    let ty = b.ty(v);
    let l = b.vconst(lo, ty);
    let h = b.vconst(hi, ty);
    let v = b.bin(Bin::Smax, v, l);
    b.bin(Bin::Smin, v, h)
}

/// Kernel and call of a q.mul over `n` elements in `images` images; `bb` has `run` elements an image, which repeat within it.
#[allow(clippy::too_many_arguments)]
pub fn mul_kernel(
    m: &Machine,
    n: usize,
    images: usize,
    run: usize,
    mult: i32,
    r: Rescale,
    [a, bb]: [Operand; 2],
    y: ValueId,
) -> Result<Call> {
    let mut b = Builder::new("mul");
    let pa = b.ptr("a", Role::In, n, 1);
    let pb = b.ptr("b", Role::In, images * run, 1);
    let py = b.ptr("y", Role::Out, n, 1);
    let body = |b: &mut Builder, l: usize, p: &[Val]| {
        let (x, z) = (codes(b, m, l, a.mem, p[0]), codes(b, m, l, bb.mem, p[1]));
        let q: Vec<Val> = x
            .into_iter()
            .zip(z)
            .map(|(x, z)| {
                let ty = b.ty(x);
                let (x, z) = (b.add_imm(x, -a.zp), b.add_imm(z, -bb.zp));
                let acc = b.bin(Bin::Mul, x, z);
                let mv = b.vconst(mult, ty);
                b.rescale(r, acc, mv)
            })
            .collect();
        store_lanes(b, &q, p[2], 0, l);
    };
    let repeats = n / (images * run);
    let image = |b: &mut Builder, pa: Val, pb: Val, py: Val| {
        b.for_loop(0, repeats as i32, 1, &[pa, py], |b, _, c| {
            walk(b, m, run, &[c[0], pb, c[1]], body);
            vec![b.ptr_imm(c[0], run as i32), b.ptr_imm(c[1], run as i32)]
        })
    };
    if repeats == 1 {
        walk(&mut b, m, n, &[pa, pb, py], body);
    } else if images == 1 {
        image(&mut b, pa, pb, py);
    } else {
        b.for_loop(0, images as i32, 1, &[pa, pb, py], |b, _, c| {
            let ends = image(b, c[0], c[1], c[2]);
            vec![ends[0], b.ptr_imm(c[1], run as i32), ends[1]]
        });
    }
    Ok(Call {
        func: b.finish(),
        rows: vec![],
        args: vec![Arg::Value(a.value), Arg::Value(bb.value), Arg::Value(y)],
        macs: n as u64,
        in_place: vec![a.value, bb.value],
    })
}

/// Kernel and call of a q.rescale over `n` elements.
pub fn rescale_kernel(m: &Machine, n: usize, mult: i32, r: Rescale, x: Operand, y: ValueId) -> Result<Call> {
    let mut b = Builder::new("rescale");
    let px = b.ptr("x", Role::In, n, 1);
    let py = b.ptr("y", Role::Out, n, 1);
    walk(&mut b, m, n, &[px, py], |b, l, p| {
        let q: Vec<Val> = codes(b, m, l, x.mem, p[0])
            .into_iter()
            .map(|v| {
                let ty = b.ty(v);
                let v = b.add_imm(v, -x.zp);
                let mv = b.vconst(mult, ty);
                b.rescale(r, v, mv)
            })
            .collect();
        store_lanes(b, &q, p[1], 0, l);
    });
    let args = vec![Arg::Value(x.value), Arg::Value(y)];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: n as u64, in_place: vec![x.value] })
}

/// Kernel and call of a q.lut: `table` holds the result for each of the 256 codes, smallest code first.
pub fn lut_kernel(n: usize, table: &[i8], x: Operand, y: ValueId) -> Result<Call> {
    let mut b = Builder::new("lut");
    let px = b.ptr("x", Role::In, n, 1);
    let py = b.ptr("y", Role::Out, n, 1);
    let pt = b.ptr("t", Role::Const, 256, 1);
    b.for_loop(0, n as i32, 1, &[px, py], |b, _, p| {
        let v = b.load(Ty::I32, x.mem, p[0], 0);
        let at = b.ptr_add(pt, v, 1, if x.mem == MemElem::S8 { 128 } else { 0 });
        let q = b.load(Ty::I32, MemElem::S8, at, 0);
        b.store(q, MemElem::S8, p[1], 0);
        vec![b.ptr_imm(p[0], 1), b.ptr_imm(p[1], 1)]
    });
    let bytes = table.iter().map(|&v| v as u8).collect();
    let args = vec![Arg::Value(x.value), Arg::Value(y), Arg::Data { bytes, align: 4, weights: false }];
    Ok(Call { func: b.finish(), rows: vec![], args, macs: n as u64, in_place: vec![x.value] })
}
