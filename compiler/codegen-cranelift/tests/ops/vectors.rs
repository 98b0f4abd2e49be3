//! Vectors.

use super::*;

pub fn arithmetic(s: &mut Suite) {
    let mut rng = Rng(13);
    for ty in vectors() {
        let (lane, n) = lane_of(ty);
        let bytes = ty.bytes();
        for op in BINS.into_iter().chain((lane == Lane::I32).then_some(Bin::MulHi)) {
            s.case(
                format!("{op:?} {ty}"),
                2 * bytes,
                bytes,
                |_| operands(&mut rng, op, lane, bytes),
                |b, pi, po| {
                    let (x, y) = (load(b, ty, pi, 0), load(b, ty, pi, bytes));
                    let r = b.bin(op, x, y);
                    store(b, r, po, 0);
                },
            );
            let k = if is_shift(op) { 3 } else { -77 };
            s.case(
                format!("{op:?} constant {ty}"),
                bytes,
                bytes,
                |_| rng.extremes(bytes),
                |b, pi, po| {
                    let (x, y) = (load(b, ty, pi, 0), b.vconst(k, ty));
                    let r = b.bin(op, x, y);
                    store(b, r, po, 0);
                },
            );
        }
        s.case(
            format!("splat, lanes, sum {ty}"),
            bytes + 4,
            3 * bytes + 4 + 4 * n as usize,
            |_| rng.extremes(bytes + 4),
            |b, pi, po| {
                let (v, x) = (load(b, ty, pi, 0), load(b, Ty::I32, pi, bytes));
                let splat = b.splat(x, ty);
                store(b, splat, po, 0);
                let bits = if bytes >= 4 { b.op(ty, Op::SplatBits(ty), &[x]) } else { splat };
                store(b, bits, po, bytes);
                let ins = b.op(ty, Op::Insert { lane: n - 1 }, &[v, x]);
                store(b, ins, po, 2 * bytes);
                let sum = b.reduce_add(v);
                store(b, sum, po, 3 * bytes);
                for i in 0..n {
                    let e = b.extract(v, i);
                    store(b, e, po, 3 * bytes + 4 + 4 * i as usize);
                }
            },
        );
    }
}

pub fn memory(s: &mut Suite) {
    let mut rng = Rng(14);
    for ty in vectors() {
        let (lane, n) = lane_of(ty);
        for mem in [MemElem::S8, MemElem::U8, MemElem::S16, MemElem::U16, MemElem::W32] {
            if mem.bytes() > lane.bytes() {
                continue;
            }
            let (len, out) = (mem.bytes() * n as usize + 1, ty.bytes() + mem.bytes() * n as usize);
            s.case(
                format!("load {mem:?} {ty}, store narrower"),
                len,
                out,
                |_| rng.extremes(len),
                |b, pi, po| {
                    let v = b.load(ty, mem, pi, 1);
                    store(b, v, po, 0);
                    b.store(v, mem, po, ty.bytes() as i32);
                },
            );
        }
        for bytes in [1u8, 2, 4, 8] {
            if (bytes as usize) > ty.bytes() || (bytes as usize) < lane.bytes() {
                continue;
            }
            s.case(
                format!("load_bcast {bytes} {ty}"),
                9,
                ty.bytes(),
                |_| rng.extremes(9),
                |b, pi, po| {
                    let v = b.load_bcast(ty, bytes, pi, 1);
                    store(b, v, po, 0);
                },
            );
        }
        if ty.bytes() == 16 {
            // A guaranteed alignment lets SSE fold the load into the arithmetic.
            s.case(
                format!("aligned {ty}"),
                16,
                16,
                |_| rng.extremes(16),
                |b, pi, po| {
                    let (v, table) = (load(b, ty, pi, 0), b.data("table", 0));
                    let w = b.load_aligned(ty, own(lane), table, 16, 16);
                    let u = b.load_aligned(ty, own(lane), table, 48, 16);
                    let v = b.add(v, w);
                    let v = b.bin(Bin::Xor, v, u);
                    store(b, v, po, 0);
                },
            );
        }
    }
}

pub fn lanes(s: &mut Suite) {
    let mut rng = Rng(15);
    for ty in vectors() {
        let (lane, n) = lane_of(ty);
        let bytes = ty.bytes();
        for signed in [true, false] {
            if lane != Lane::I32 && n > 2 {
                s.case(
                    format!("widen {signed} {ty}"),
                    bytes,
                    2 * bytes,
                    |_| rng.extremes(bytes),
                    |b, pi, po| {
                        let v = load(b, ty, pi, 0);
                        for high in [false, true] {
                            let w = b.widen(v, signed, high);
                            store(b, w, po, if high { bytes } else { 0 });
                        }
                    },
                );
            }
            for to in LANES.into_iter().filter(|t| *t > lane) {
                let out = to.bytes() * n as usize;
                s.case(
                    format!("widen_all {signed} {ty} {to:?}"),
                    bytes,
                    out,
                    |_| rng.extremes(bytes),
                    |b, pi, po| {
                        let v = load(b, ty, pi, 0);
                        let w = b.widen_all(v, to, signed);
                        store(b, w, po, 0);
                    },
                );
            }
        }
        for to in LANES.into_iter().filter(|t| *t < lane) {
            let out = to.bytes() * n as usize;
            s.case(
                format!("trunc {ty} {to:?}"),
                bytes,
                2 * out,
                |_| rng.extremes(bytes),
                |b, pi, po| {
                    let v = load(b, ty, pi, 0);
                    let w = b.trunc(v, to);
                    store(b, w, po, 0);
                    // Clamped numbers are packed another way.
                    let (lo, hi) = (b.vconst(-100, ty), b.vconst(99, ty));
                    let v = b.bin(Bin::Smax, v, lo);
                    let v = b.bin(Bin::Smin, v, hi);
                    let w = b.trunc(v, to);
                    store(b, w, po, out);
                },
            );
        }
        if lane != Lane::I8 {
            s.case(
                format!("narrow_sat {ty}"),
                2 * bytes,
                bytes,
                |_| rng.extremes(2 * bytes),
                |b, pi, po| {
                    let (x, y) = (load(b, ty, pi, 0), load(b, ty, pi, bytes));
                    let v = b.narrow_sat(x, y);
                    store(b, v, po, 0);
                },
            );
        }
        let zip = |high: u16| (0..n).map(|i| i / 2 + i % 2 * n + high * n / 2).collect::<Vec<_>>();
        let unzip = |odd: u16| (0..n).map(|i| 2 * i + odd).collect::<Vec<_>>();
        let mut masks = vec![zip(0), zip(1), unzip(0), unzip(1), (0..n).map(|i| (i + 1) % (2 * n)).collect(), (0..n).rev().collect()];
        masks.push((0..n).map(|_| rng.below(2 * usize::from(n)) as u16).collect());
        masks.push(vec![n / 2; n as usize]);
        let out = masks.len() * bytes;
        s.case(
            format!("shuffle {ty}"),
            2 * bytes,
            out,
            |_| rng.extremes(2 * bytes),
            |b, pi, po| {
                let (x, y) = (load(b, ty, pi, 0), load(b, ty, pi, bytes));
                for (i, m) in masks.into_iter().enumerate() {
                    let v = b.shuffle(x, y, m);
                    store(b, v, po, i * bytes);
                }
            },
        );
    }
}

pub fn products(s: &mut Suite) {
    let mut rng = Rng(16);
    use Elem::{I8, I16, U8};
    let mut rows = vec![
        row("i8k4", Form::Dot, I8, I8, 4, 4),
        row("u8k4", Form::Dot, U8, I8, 4, 4),
        row("i8u8k4", Form::Dot, I8, U8, 4, 4),
        row("i16k2", Form::Dot, I16, I16, 2, 4),
        row("i8k2", Form::Dot, I8, I8, 2, 4),
        row("u8k2", Form::Dot, U8, I8, 2, 4),
        row("lane4", Form::Lane, I8, I8, 4, 4),
        row("lane2", Form::Lane, I16, I16, 2, 4),
        row("i8k16", Form::Dot, I8, I8, 16, 1),
        row("u8k16", Form::Dot, U8, I8, 16, 1),
        row("i16k8", Form::Dot, I16, I16, 8, 1),
    ];
    for (a, w) in [(I8, I8), (I16, I16), (U8, I16)] {
        rows.extend([4, 8, 16].map(|n| row(&format!("scalar {a:?} {n}"), Form::Scalar, a, w, 1, n)));
    }
    for r in rows {
        let id = s.module.row(&r);
        let (acc, a, w) = (r.acc_ty(), r.a_ty(), r.w_ty());
        let (ab, wb, cb) = (a.bytes(), w.bytes(), acc.bytes());
        let groups = if r.form == Form::Lane { 16 / (r.k as usize * r.a.lane().bytes()) } else { 1 };
        let make = |i: usize| {
            let mut v = rng.extremes(ab + wb + cb);
            if i == 0 {
                v[..ab + wb].fill(0x80);
            }
            v
        };
        s.case(format!("contract {}", r.name), ab + wb + cb, groups * cb, make, |b, pi, po| {
            let av = match (a, r.a) {
                (Ty::I32, I8) => b.load(a, MemElem::S8, pi, 0),
                (Ty::I32, U8) => b.load(a, MemElem::U8, pi, 0),
                (Ty::I32, I16) => b.load(a, MemElem::S16, pi, 0),
                _ => load(b, a, pi, 0),
            };
            let (wv, c) = (load(b, w, pi, ab), load(b, acc, pi, ab + wb));
            for g in 0..groups {
                let v = b.contract(id, &r, g as u8, c, av, wv);
                store(b, v, po, g * cb);
            }
        });
    }
    for ty in vectors() {
        let (lane, n) = lane_of(ty);
        let bytes = ty.bytes();
        if lane != Lane::I32 && n <= 16 {
            let acc = Ty::Vec(Lane::I32, n);
            let len = 2 * bytes + acc.bytes();
            s.case(
                format!("mac {ty}"),
                len,
                acc.bytes(),
                |_| rng.extremes(len),
                |b, pi, po| {
                    let (x, y, c) = (load(b, ty, pi, 0), load(b, ty, pi, bytes), load(b, acc, pi, 2 * bytes));
                    let v = b.mac(c, x, y);
                    store(b, v, po, 0);
                },
            );
            if lane == Lane::I16 {
                let len = 2 * n as usize + acc.bytes();
                s.case(
                    format!("mac of bytes {ty}"),
                    len,
                    acc.bytes(),
                    |_| rng.extremes(len),
                    |b, pi, po| {
                        let (x, y) = (b.load(ty, MemElem::U8, pi, 0), b.load(ty, MemElem::S8, pi, n.into()));
                        let c = load(b, acc, pi, 2 * n as usize);
                        let v = b.mac(c, x, y);
                        store(b, v, po, 0);
                    },
                );
            }
        }
        if lane == Lane::I32 {
            for r in rescales() {
                s.case(
                    format!("{r:?} {ty}"),
                    2 * bytes,
                    bytes + n as usize,
                    |i| rescale_input(&mut rng, r, n.into(), i),
                    |b, pi, po| {
                        let (acc, m) = (load(b, ty, pi, 0), load(b, ty, pi, bytes));
                        let v = b.rescale(r, acc, m);
                        store(b, v, po, 0);
                        b.store(v, MemElem::S8, po, bytes as i32);
                    },
                );
            }
        }
    }
}
