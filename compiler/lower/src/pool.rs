//! Average and maximum pooling: windows rolled, channels in lanes, padding skipped by a branch.

use crate::emit::{Arg, Call, Operand, each_image, lanes_for};
use crate::gemm::{add_codes, i32s, store_codes};
use crate::spec::Geometry;
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Bin, Builder, Cmp, Lane, Machine, MemElem, Rescale, Role, Ty, Val};

/// Which reduction.
#[derive(Clone, Debug)]
pub enum PoolKind {
    /// Sum of (x - zp), rescaled by `mult[n - 1]` for a window with n counted elements.
    Average { zp_x: i32, mult: Vec<i32>, rescale: Rescale },
    /// Largest code; padding never wins.
    Max,
}

/// Kernel and call of q.avgpool or q.maxpool.
pub fn pool_kernel(g: &Geometry, kind: &PoolKind, x: Operand, m: &Machine, (y, out): (ValueId, MemElem)) -> Result<Call> {
    let mem = [x.mem, out];
    let [from, to] = mem.map(MemElem::bytes);
    let lanes = lanes_for(m, g.c);
    let mut b = Builder::new(if matches!(kind, PoolKind::Max) { "maxpool" } else { "avgpool" });
    let px = b.ptr("x", Role::In, g.n * g.image() * from, from as u8);
    let py = b.ptr("y", Role::Out, g.n * g.pixels() * g.c * to, to as u8);
    let mut args = vec![Arg::Value(x.value), Arg::Value(y)];
    // A multiplier for each number of counted elements; one suffices where all windows have the same.
    let mut table = None;
    if let PoolKind::Average { mult, .. } = kind
        && common(g, mult).is_none()
    {
        let bytes: Vec<u8> = mult.iter().flat_map(|v| v.to_le_bytes()).collect();
        table = Some(b.ptr("m", Role::Const, bytes.len(), 4));
        args.push(Arg::Data { bytes, align: 4, weights: false });
    }
    each_image(&mut b, g.n, [(px, g.image() * from), (py, g.pixels() * g.c * to)], |b, px, py| {
        let (iy, ix) = (b.iconst(-(g.pt as i32)), b.iconst(-(g.pl as i32)));
        b.for_loop(0, g.oh as i32, 1, &[py, iy], |b, _, r| {
            let e = b.for_loop(0, g.ow as i32, 1, &[r[0], ix], |b, _, c| {
                let blocks = g.c.div_ceil(lanes);
                let one = |b: &mut Builder, at: Val| block(b, g, kind, mem, m, lanes, table, px, c[0], r[1], c[1], at);
                if blocks == 1 {
                    let z = b.iconst(0);
                    one(b, z);
                } else {
                    b.for_loop(0, (blocks * lanes) as i32, lanes as i32, &[], |b, iv, _| {
                        let last = b.iconst((g.c - lanes) as i32);
                        let at = if g.c.is_multiple_of(lanes) { iv } else { b.bin(Bin::Smin, iv, last) };
                        one(b, at);
                        vec![]
                    });
                }
                vec![b.ptr_imm(c[0], (g.c * to) as i32), b.add_imm(c[1], g.sw as i32)]
            });
            vec![e[0], b.add_imm(r[1], g.sh as i32)]
        });
    });
    Ok(Call { func: b.finish(), rows: vec![], args, macs: (g.n * g.pixels() * g.c * g.kh * g.kw) as u64, in_place: vec![] })
}

#[allow(clippy::too_many_arguments)]
fn block(
    b: &mut Builder,
    g: &Geometry,
    kind: &PoolKind,
    [mem, to]: [MemElem; 2],
    m: &Machine,
    lanes: usize,
    table: Option<Val>,
    x: Val,
    out: Val,
    iy0: Val,
    ix0: Val,
    at: Val,
) {
    let average = matches!(kind, PoolKind::Average { .. });
    let parts = if average && lanes > 1 && m.split { 2 } else { 1 };
    let acc_ty = if average { i32s(lanes / parts) } else { Ty::I32 };
    let max_ty = if lanes > 1 { Ty::Vec(Lane::I16, lanes as u16) } else { Ty::I32 };
    let start = if average { 0 } else { -32768 };
    let ty = if average { acc_ty } else { max_ty };
    let mut init: Vec<Val> = (0..parts).map(|_| b.vconst(start, ty)).collect();
    init.push(b.iconst(0));
    let padded = g.padded();
    let (h, w) = (b.iconst(g.h as i32), b.iconst(g.w as i32));
    let acc = b.for_loop(0, g.kh as i32, 1, &init, |b, ky, acc| {
        let dy = b.mul_imm(ky, g.dh as i32);
        let iy = b.add(iy0, dy);
        let oky = b.cmp(Cmp::Ult, iy, h);
        let row = b.mul_imm(iy, g.w as i32);
        b.for_loop(0, g.kw as i32, 1, acc, |b, kx, acc| {
            let dx = b.mul_imm(kx, g.dw as i32);
            let ix = b.add(ix0, dx);
            let tap = |b: &mut Builder| -> Vec<Val> {
                let px = b.add(row, ix);
                let p = b.ptr_add(x, px, (g.c * mem.bytes()) as i32, 0);
                let p = b.ptr_add(p, at, mem.bytes() as i32, 0);
                let mut acc = acc.to_vec();
                let last = acc.len() - 1;
                if average {
                    add_codes(b, &mut acc[..last], mem, lanes, p);
                } else {
                    let v = b.load_aligned(max_ty, mem, p, 0, mem.bytes() as u8);
                    acc[0] = b.bin(Bin::Smax, acc[0], v);
                }
                acc[last] = b.add_imm(acc[last], 1);
                acc
            };
            if !padded {
                return tap(b);
            }
            let okx = b.cmp(Cmp::Ult, ix, w);
            let ok = b.bin(Bin::And, oky, okx);
            b.if_else(ok, tap, |_| acc.to_vec())
        })
    });
    let p = b.ptr_add(out, at, to.bytes() as i32, 0);
    match kind {
        PoolKind::Max => store_codes(b, to, &acc[..1], p, 0, lanes),
        PoolKind::Average { zp_x, mult, rescale } => {
            let count = acc[parts];
            let q: Vec<Val> = acc[..parts]
                .iter()
                .map(|&a| {
                    let off = b.mul_imm(count, -zp_x);
                    let off = if lanes > 1 { b.splat(off, acc_ty) } else { off };
                    let a = b.add(a, off);
                    let mv = match table {
                        None => b.vconst(common(g, mult).unwrap_or(0), acc_ty),
                        Some(t) => {
                            // Always true of a count; said so that the access is proven in bounds.
                            let (one, all) = (b.iconst(1), b.iconst(mult.len() as i32));
                            let n = b.bin(Bin::Smax, count, one);
                            let n = b.bin(Bin::Smin, n, all);
                            let p = b.ptr_add(t, n, 4, -4);
                            let v = b.load_aligned(Ty::I32, MemElem::W32, p, 0, 4);
                            if lanes > 1 { b.splat(v, acc_ty) } else { v }
                        }
                    };
                    b.rescale(*rescale, a, mv)
                })
                .collect();
            store_codes(b, to, &q, p, 0, lanes);
        }
    }
}

/// The one multiplier of all windows: they are whole where nothing is padded.
fn common(g: &Geometry, mult: &[i32]) -> Option<i32> {
    let whole = mult.last().copied()?;
    (!g.padded() || mult.iter().all(|m| *m == whole)).then_some(whole)
}
