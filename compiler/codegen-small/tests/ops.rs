//! Every operation on every type: interpreter = emulated code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{check, suite};
use mcompc_kernel::testing::{BINS, LANES, Rng, is_shift, load, operands, store};
use mcompc_kernel::{Bin, Builder, Cmp, Elem, Form, Lane, MemElem, Op, Rescale, Row, Ty, Val};

const MEMS: [MemElem; 5] = [MemElem::S8, MemElem::U8, MemElem::S16, MemElem::U16, MemElem::W32];

/// Constants of every shape that an encoding treats apart.
const CONSTANTS: [i32; 22] = [
    0,
    1,
    -1,
    7,
    8,
    31,
    127,
    -128,
    255,
    256,
    -255,
    2047,
    -2048,
    2048,
    4095,
    4096,
    0xffff,
    0x00ff_00ff,
    0x5555_5555,
    0x7f80_0000,
    i32::MAX,
    i32::MIN,
];

/// Constants that Thumb's data processing writes in twelve bits (Armv7-M ARM, A5.3.2), their negations and complements, and neighbours that
/// it cannot write.
fn patterns() -> Vec<i32> {
    let mut all = Vec::new();
    for byte in [0x01u32, 0x5a, 0x80, 0xff] {
        all.extend([byte * 0x0001_0001, byte * 0x0100_0100, byte * 0x0101_0101]);
        all.extend((8..32).step_by(5).map(|by| (byte | 0x80).rotate_right(by)));
    }
    all.iter().flat_map(|&c| [c, c.wrapping_neg(), !c, c.wrapping_add(1)]).map(|c| c as i32).collect()
}

#[test]
fn constants_of_every_pattern() {
    let mut s = suite();
    let mut rng = Rng(17);
    for op in [Bin::Add, Bin::Sub, Bin::And, Bin::Or, Bin::Xor, Bin::Smin, Bin::Smax] {
        for some in patterns().chunks(24) {
            s.case(
                format!("{op:?} with {some:x?}"),
                4,
                4 * some.len(),
                |_| rng.extremes(4),
                |b, pi, po| {
                    let x = load(b, Ty::I32, pi, 0);
                    for (i, &c) in some.iter().enumerate() {
                        let k = b.iconst(c);
                        // On either side, and in a comparison.
                        let r = if i % 2 == 0 { b.bin(op, x, k) } else { b.bin(op, k, x) };
                        let less = b.cmp(Cmp::Slt, x, k);
                        let r = b.bin(Bin::Sub, r, less);
                        store(b, r, po, 4 * i);
                    }
                },
            );
        }
    }
    check(&s);
}

#[test]
fn scalars() {
    let mut s = suite();
    let mut rng = Rng(11);
    for op in BINS.into_iter().chain([Bin::MulHi]) {
        s.case(
            format!("{op:?}"),
            8,
            4,
            |_| operands(&mut rng, op, Lane::I32, 4),
            |b, pi, po| {
                let (x, y) = (load(b, Ty::I32, pi, 0), load(b, Ty::I32, pi, 4));
                let r = b.bin(op, x, y);
                store(b, r, po, 0);
            },
        );
        for c in CONSTANTS {
            let c = if is_shift(op) { c & 31 } else { c };
            s.case(
                format!("{op:?} with {c}"),
                4,
                12,
                |_| rng.extremes(4),
                |b, pi, po| {
                    let x = load(b, Ty::I32, pi, 0);
                    let k = b.iconst(c);
                    let r = b.bin(op, x, k);
                    store(b, r, po, 0);
                    let k = b.iconst(c);
                    let (l, r) = if is_shift(op) {
                        let by = b.iconst(31);
                        let y = b.bin(Bin::And, x, by);
                        (k, y)
                    } else {
                        (k, x)
                    };
                    let r = b.bin(op, l, r);
                    store(b, r, po, 4);
                    let y = b.bin(Bin::Xor, r, x);
                    store(b, y, po, 8);
                },
            );
        }
    }
    for c in [Cmp::Eq, Cmp::Ne, Cmp::Slt, Cmp::Sle, Cmp::Ult] {
        let make = |i: usize| {
            let mut v = rng.extremes(8);
            if i.is_multiple_of(3) {
                v.copy_within(0..4, 4);
            }
            v
        };
        s.case(format!("{c:?}, select, branch"), 8, 16, make, |b, pi, po| {
            let (x, y) = (load(b, Ty::I32, pi, 0), load(b, Ty::I32, pi, 4));
            let f = b.cmp(c, x, y);
            store(b, f, po, 0);
            let m = b.select(f, x, y);
            store(b, m, po, 4);
            let seven = b.iconst(7);
            let r = b.if_else(
                f,
                |b| {
                    let t = b.add(x, seven);
                    vec![t]
                },
                |b| vec![b.add_imm(y, -9)],
            );
            store(b, r[0], po, 8);
            let p = b.ptr_imm(pi, 4);
            let q = b.select(f, p, pi);
            let v = load(b, Ty::I32, q, 0);
            store(b, v, po, 12);
        });
        for k in CONSTANTS {
            let make = |i: usize| if i < 3 { (k.wrapping_add(i as i32 - 1)).to_le_bytes().to_vec() } else { rng.extremes(4) };
            s.case(format!("{c:?} with {k}"), 4, 20, make, |b, pi, po| {
                let x = load(b, Ty::I32, pi, 0);
                for (at, swapped) in [(0, false), (8, true)] {
                    let y = b.iconst(k);
                    let f = if swapped { b.cmp(c, y, x) } else { b.cmp(c, x, y) };
                    store(b, f, po, at);
                    let f = if swapped { b.cmp(c, y, x) } else { b.cmp(c, x, y) };
                    let far = pi_len(b);
                    let m = b.select(f, x, far);
                    store(b, m, po, at + 4);
                }
                let (y, z) = (b.iconst(k), b.iconst(100));
                let (f, g) = (b.cmp(c, x, y), b.cmp(Cmp::Slt, x, z));
                let both = b.bin(Bin::And, f, g);
                let r = b.if_else(both, |b| vec![b.iconst(3)], |b| vec![b.iconst(-70000)]);
                store(b, r[0], po, 16);
            });
        }
    }
    for (name, shift) in [("low", 0), ("shifted", 7)] {
        for op in [Bin::Add, Bin::Sub, Bin::And, Bin::Or, Bin::Xor] {
            for by in [Bin::Shl, Bin::Sra, Bin::Srl] {
                let body = |b: &mut Builder, pi: Val, po: Val| {
                    let (x, y) = (load(b, Ty::I32, pi, 0), load(b, Ty::I32, pi, 4));
                    for (at, first) in [(0, true), (4, false)] {
                        let k = b.iconst(shift);
                        let z = b.bin(by, y, k);
                        let r = if first { b.bin(op, z, x) } else { b.bin(op, x, z) };
                        store(b, r, po, at);
                    }
                };
                s.case(format!("{op:?} of {by:?} {name}"), 8, 8, |_| rng.extremes(8), body);
            }
        }
    }
    s.case(
        "mla, mls",
        12,
        12,
        |_| rng.extremes(12),
        |b, pi, po| {
            let [x, y, z] = [0, 4, 8].map(|at| load(b, Ty::I32, pi, at));
            for (at, op, first) in [(0, Bin::Add, true), (4, Bin::Sub, true), (8, Bin::Sub, false)] {
                let p = b.bin(Bin::Mul, x, y);
                let r = if first { b.bin(op, p, z) } else { b.bin(op, z, p) };
                store(b, r, po, at);
            }
        },
    );
    for (by, back) in [(24, Bin::Sra), (16, Bin::Sra), (24, Bin::Srl), (16, Bin::Srl), (9, Bin::Sra)] {
        s.case(
            format!("shift up and {back:?} by {by}"),
            4,
            4,
            |_| rng.extremes(4),
            |b, pi, po| {
                let x = load(b, Ty::I32, pi, 0);
                let (k, l) = (b.iconst(by), b.iconst(by));
                let up = b.bin(Bin::Shl, x, k);
                let r = b.bin(back, up, l);
                store(b, r, po, 0);
            },
        );
    }
    for ror in [false, true] {
        s.case(
            format!("sxtb16 {ror}"),
            4,
            4,
            |_| rng.extremes(4),
            |b, pi, po| {
                let x = load(b, Ty::I32, pi, 0);
                let v = b.sxtb16(x, ror);
                store(b, v, po, 0);
            },
        );
    }
    check(&s);
}

/// A number that takes a register.
fn pi_len(b: &mut Builder) -> Val {
    b.iconst(314_159)
}

#[test]
fn memory() {
    let mut s = suite();
    let mut rng = Rng(12);
    for mem in MEMS {
        for (at, align) in [
            (3, 1),
            (6, 2),
            (4, 4),
            (0, 4),
            (30, 2),
            (32, 4),
            (124, 4),
            (128, 4),
            (-4, 4),
            (-300, 4),
            (1020, 4),
            (2048, 4),
            (4092, 4),
            (4096, 4),
            (70000, 4),
        ] {
            // The address of byte 16, less or plus what the access adds.
            let make = |_: usize| [rng.extremes(32), (16i32 - (at & !15)).to_le_bytes().to_vec()].concat();
            s.case(format!("load and store {mem:?} at {at}"), 36, 36, make, |b, pi, po| {
                let align = if mem.bytes() < usize::from(align) { mem.bytes() as u8 } else { align };
                let i = load(b, Ty::I32, pi, 32);
                let p = b.ptr_add(pi, i, 1, 0);
                let v = b.load_aligned(Ty::I32, mem, p, at, align);
                let q = b.ptr_add(po, i, 1, 0);
                b.store_aligned(v, mem, q, at, align);
                store(b, v, po, 0);
            });
        }
    }
    for scale in [0, 1, 2, 3, 4, 8, 16, 24, -5] {
        for mem in MEMS {
            let make = |i: usize| {
                let mut v = rng.extremes(300);
                v.extend((if scale < 0 { -(i as i32 % 4) } else { i as i32 % 6 }).to_le_bytes());
                v
            };
            s.case(format!("address scale {scale} {mem:?}"), 304, 300, make, |b, pi, po| {
                let i = load(b, Ty::I32, pi, 300);
                let p = b.ptr_add(pi, i, scale, if scale < 0 { 20 } else { 0 });
                let v = b.load(Ty::I32, mem, p, 0);
                let q = b.ptr_add(po, i, scale, if scale < 0 { 20 } else { 0 });
                b.store(v, mem, q, 0);
                let more = b.add_imm(i, 3);
                let p = b.ptr_add(pi, more, scale, 21);
                let v = b.load(Ty::I32, mem, p, 2);
                b.store(v, MemElem::W32, po, 280);
            });
        }
    }
    check(&s);
}

#[test]
fn rescales() {
    let mut s = suite();
    let mut rng = Rng(13);
    for (lo, hi) in [(-128, 127), (0, 255), (0, 127), (-100, 20), (-32768, 32767), (-128, 90), (-5, 127), (3, 100), (i32::MIN, i32::MAX)] {
        for shift in [1u8, 6, 15] {
            for (pre, zp) in [(0u8, 0), (0, -128), (3, 17)] {
                let make = |_: usize| {
                    let acc = (rng.bits() as i32) >> (pre + rng.below(20) as u8);
                    let m = (rng.bits() as i32 & i32::MAX) | 1;
                    [acc.to_le_bytes(), m.to_le_bytes()].concat()
                };
                s.case(format!("rescale pre {pre} shift {shift} zp {zp} {lo}..{hi}"), 8, 4, make, |b, pi, po| {
                    let (x, m) = (load(b, Ty::I32, pi, 0), load(b, Ty::I32, pi, 4));
                    let r = b.rescale(Rescale { pre, shift, zp, lo, hi }, x, m);
                    store(b, r, po, 0);
                });
            }
        }
    }
    check(&s);
}

#[test]
fn vectors() {
    let mut s = suite();
    let mut rng = Rng(14);
    for lane in LANES {
        for n in [2u16, 4, 8] {
            let ty = Ty::Vec(lane, n);
            let size = ty.bytes();
            for op in BINS.into_iter().chain((lane == Lane::I32).then_some(Bin::MulHi)) {
                s.case(
                    format!("{op:?} {ty}"),
                    2 * size,
                    size,
                    |_| operands(&mut rng, op, lane, size),
                    |b, pi, po| {
                        let (x, y) = (load(b, ty, pi, 0), load(b, ty, pi, size));
                        let r = b.bin(op, x, y);
                        store(b, r, po, 0);
                    },
                );
            }
            s.case(
                format!("lanes of {ty}"),
                2 * size + 4,
                12 * size + 8,
                |_| rng.extremes(2 * size + 4),
                |b, pi, po| {
                    let (x, y) = (load(b, ty, pi, 0), load(b, ty, pi, size));
                    let k = load(b, Ty::I32, pi, 2 * size);
                    let v = b.splat(k, ty);
                    store(b, v, po, 0);
                    if size >= 4 {
                        let v = b.op(ty, Op::SplatBits(ty), &[k]);
                        store(b, v, po, size);
                    }
                    let v = b.shuffle(x, y, (0..n).map(|i| (5 * i + 3) % (2 * n)).collect());
                    store(b, v, po, 2 * size);
                    let v = b.op(ty, Op::Insert { lane: n - 1 }, &[x, k]);
                    store(b, v, po, 3 * size);
                    let v = b.vconst(-77777, ty);
                    store(b, v, po, 4 * size);
                    let v = b.reduce_add(x);
                    store(b, v, po, 12 * size);
                    let v = b.extract(y, 1);
                    store(b, v, po, 12 * size + 4);
                    let mut at = 5 * size;
                    if lane != Lane::I8 {
                        let v = b.narrow_sat(x, y);
                        store(b, v, po, at);
                        at += size;
                        let v = b.trunc(x, Lane::I8);
                        store(b, v, po, at);
                    }
                    if lane != Lane::I32 {
                        at = 7 * size;
                        for (signed, high) in [(false, false), (true, true)] {
                            if n >= 4 {
                                let v = b.widen(x, signed, high);
                                store(b, v, po, at);
                                at += size;
                            }
                        }
                        if lane == Lane::I16 {
                            let v = b.widen_all(x, Lane::I32, false);
                            store(b, v, po, at);
                        }
                    }
                },
            );
            for bytes in [1u8, 2, 4, 8].into_iter().filter(|b| usize::from(*b) <= size) {
                s.case(
                    format!("load_bcast {bytes} {ty}"),
                    12,
                    size,
                    |_| rng.extremes(12),
                    |b, pi, po| {
                        let v = b.load_bcast(ty, bytes, pi, 1);
                        store(b, v, po, 0);
                    },
                );
            }
            if lane != Lane::I32 {
                let acc = Ty::Vec(Lane::I32, n);
                s.case(
                    format!("mac {ty}"),
                    2 * size + acc.bytes(),
                    acc.bytes(),
                    |_| rng.extremes(2 * size + acc.bytes()),
                    |b, pi, po| {
                        let (x, y, a) = (load(b, ty, pi, 0), load(b, ty, pi, size), load(b, acc, pi, 2 * size));
                        let r = b.mac(a, x, y);
                        store(b, r, po, 0);
                    },
                );
            }
        }
    }
    check(&s);
}

#[test]
fn inner_products() {
    let mut s = suite();
    let mut rng = Rng(15);
    let rows: Vec<Row> = mcompc_target::machines().flat_map(|m| mcompc_target::machine(m).unwrap().contract).collect();
    for r in rows {
        // Rows of one name are one row in a module.
        if s.module.rows.iter().any(|o| o.name == r.name) {
            continue;
        }
        let id = s.module.row(&r);
        let (acc, a, w) = (r.acc_ty(), r.a_ty(), r.w_ty());
        let scalar = |t: Ty| r.form == Form::Scalar && t == Ty::I32;
        let size = acc.bytes() + a.bytes() + w.bytes();
        let lane = if r.form == Form::Lane { 1 } else { 0 };
        s.case(
            format!("contract {}", r.name),
            size,
            acc.bytes(),
            |_| rng.extremes(size),
            |b, pi, po| {
                let x = load(b, acc, pi, 0);
                let mut operand = |t: Ty, e: Elem, at: usize| {
                    if scalar(t) {
                        b.load(t, if e == Elem::U8 { MemElem::U8 } else { MemElem::S8 }, pi, at as i32)
                    } else {
                        load(b, t, pi, at)
                    }
                };
                let y = operand(a, r.a, acc.bytes());
                let z = operand(w, r.w, acc.bytes() + a.bytes());
                let v = b.contract(id, &r, lane, x, y, z);
                store(b, v, po, 0);
            },
        );
    }
    check(&s);
}

#[test]
fn loops() {
    let mut s = suite();
    let mut rng = Rng(16);
    for (lo, hi, step) in [(0, 5, 1), (0, 1, 1), (-3, 4, 1), (0, 60, 20), (-2000, 3000, 1000), (0, 70000, 35000)] {
        s.case(
            format!("loop {lo}..{hi} by {step}"),
            64,
            20,
            |_| rng.extremes(64),
            |b, pi, po| {
                let zero = b.iconst(0);
                let r = b.for_loop(lo, hi, step, &[zero, pi, po, zero], |b, iv, c| {
                    let v = b.load(Ty::I32, MemElem::S8, c[1], 3);
                    let p = b.bin(Bin::Mul, v, iv);
                    let sum = b.add(c[0], p);
                    let inner = b.for_loop(0, 3, 1, &[sum, pi], |b, _, d| {
                        let x = b.load(Ty::I32, MemElem::S16, d[1], 0);
                        let s = b.bin(Bin::Xor, d[0], x);
                        vec![s, b.ptr_imm(d[1], 2)]
                    });
                    // Two values that trade places.
                    vec![c[3], b.ptr_imm(c[1], 1), c[2], inner[0]]
                });
                store(b, r[0], po, 0);
                store(b, r[3], po, 4);
                let v = b.load(Ty::I32, MemElem::S8, r[1], 0);
                store(b, v, po, 8);
                // Nobody reads the counter.
                let r = b.for_loop(lo, hi, step, &[zero, pi], |b, _, c| {
                    let v = b.load(Ty::I32, MemElem::U8, c[1], 0);
                    vec![b.add(c[0], v), b.ptr_imm(c[1], 4)]
                });
                store(b, r[0], po, 12);
                let v = b.load(Ty::I32, MemElem::U8, r[1], 4);
                store(b, v, po, 16);
            },
        );
    }
    check(&s);
}
