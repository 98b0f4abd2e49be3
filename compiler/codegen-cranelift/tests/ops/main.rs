//! Every operation on every type: interpreter = native code = emulated code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod vectors;

use common::{check_emulated, check_native, suite};
use mcompc_kernel::testing::{BINS, LANES, Rng, Suite, is_shift, lane_of, load, operands, own, store};
use mcompc_kernel::{Bin, Cmp, Elem, Form, Lane, MemElem, Op, Rescale, Row, Ty};

/// Vector types of 2 to 64 bytes.
fn vectors() -> Vec<Ty> {
    let mut v = vec![];
    for l in LANES {
        let mut n = 2;
        while l.bytes() * n as usize <= 64 {
            v.push(Ty::Vec(l, n));
            n *= 2;
        }
    }
    v
}

fn scalars(s: &mut Suite) {
    let mut rng = Rng(11);
    for op in BINS.into_iter().chain([Bin::MulHi]) {
        s.case(
            format!("{op:?} i32"),
            8,
            4,
            |_| operands(&mut rng, op, Lane::I32, 4),
            |b, pi, po| {
                let (x, y) = (load(b, Ty::I32, pi, 0), load(b, Ty::I32, pi, 4));
                let r = b.bin(op, x, y);
                store(b, r, po, 0);
            },
        );
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
    }
    for mem in [MemElem::S8, MemElem::U8, MemElem::S16, MemElem::U16, MemElem::W32] {
        s.case(
            format!("load and store {mem:?}"),
            8,
            12,
            |_| rng.extremes(8),
            |b, pi, po| {
                let v = b.load(Ty::I32, mem, pi, 3);
                b.store(v, MemElem::W32, po, 0);
                let z = b.iconst(0);
                store(b, z, po, 4);
                store(b, z, po, 8);
                b.store(v, mem, po, 5);
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
    for scale in [0, 1, 3, 4, 24, -5] {
        s.case(
            format!("address scale {scale}"),
            304,
            8,
            |i| {
                let mut v = rng.extremes(300);
                v.extend((if scale < 0 { -(i as i32 % 4) } else { i as i32 % 6 }).to_le_bytes());
                v
            },
            |b, pi, po| {
                let i = load(b, Ty::I32, pi, 300);
                let p = b.ptr_add(pi, i, scale, 37);
                let v = load(b, Ty::I32, p, 3);
                store(b, v, po, 0);
                let p = b.ptr_add(p, i, scale, -10);
                let v = load(b, Ty::I32, p, 11);
                store(b, v, po, 4);
            },
        );
    }
    for r in rescales() {
        s.case(
            format!("{r:?} i32"),
            8,
            4,
            |i| rescale_input(&mut rng, r, 1, i),
            |b, pi, po| {
                let (acc, m) = (load(b, Ty::I32, pi, 0), load(b, Ty::I32, pi, 4));
                let v = b.rescale(r, acc, m);
                store(b, v, po, 0);
            },
        );
    }
    let row = row("mul", Form::Scalar, Elem::I8, Elem::I8, 1, 1);
    let id = s.module.row(&row);
    s.case(
        "contract scalar",
        12,
        4,
        |_| rng.extremes(12),
        |b, pi, po| {
            let (acc, a, w) = (load(b, Ty::I32, pi, 0), b.load(Ty::I32, MemElem::S8, pi, 4), b.load(Ty::I32, MemElem::S8, pi, 8));
            let v = b.contract(id, &row, 0, acc, a, w);
            store(b, v, po, 0);
        },
    );
    loops(s);
}

/// Loops: carried scalars and pointers, used and unused counters, one round, nests, negative bounds.
fn loops(s: &mut Suite) {
    let mut rng = Rng(12);
    s.case(
        "loops",
        64,
        24,
        |_| rng.extremes(64),
        |b, pi, po| {
            let zero = b.iconst(0);
            let r = b.for_loop(0, 16, 1, &[zero, pi], |b, _, c| {
                let v = load(b, Ty::I32, c[1], 0);
                let sum = b.add(c[0], v);
                vec![sum, b.ptr_imm(c[1], 4)]
            });
            store(b, r[0], po, 0);
            let v = b.load(Ty::I32, MemElem::S8, r[1], -1);
            store(b, v, po, 4);
            let r = b.for_loop(-8, 8, 4, &[zero], |b, i, c| {
                let p = b.ptr_add(pi, i, 1, 8);
                let v = load(b, Ty::I32, p, 0);
                let v = b.bin(Bin::Xor, v, i);
                vec![b.add(c[0], v)]
            });
            store(b, r[0], po, 8);
            let r = b.for_loop(3, 4, 1, &[zero, pi], |b, i, c| {
                let p = b.ptr_add(c[1], i, 4, 0);
                let v = load(b, Ty::I32, p, 0);
                vec![b.add(v, i), p]
            });
            store(b, r[0], po, 12);
            let v = load(b, Ty::I32, r[1], 4);
            store(b, v, po, 16);
            let r = b.for_loop(0, 3, 1, &[zero], |b, i, c| {
                b.for_loop(0, 4, 1, &[c[0]], |b, j, c| {
                    let t = b.mul_imm(i, 4);
                    let t = b.add(t, j);
                    let p = b.ptr_add(pi, t, 4, 0);
                    let v = load(b, Ty::I32, p, 0);
                    let v = b.bin(Bin::Xor, v, t);
                    let odd = b.bin(Bin::And, v, j);
                    let v = b.if_else(odd, |_| vec![v], |b| vec![b.add_imm(v, 5)]);
                    vec![b.add(c[0], v[0])]
                })
            });
            store(b, r[0], po, 20);
        },
    );
    s.module.data.push(mcompc_kernel::Data {
        name: "table".into(),
        bytes: (0..64u8).map(|i| i.wrapping_mul(5)).collect(),
        align: 64,
        weights: false,
        export: false,
    });
    s.module.data.push(mcompc_kernel::Data {
        name: "w".into(),
        bytes: (0..99u8).map(|i| i.wrapping_mul(7)).collect(),
        align: 64,
        weights: true,
        export: false,
    });
    s.case(
        "data",
        4,
        12,
        |_| vec![rng.below(15) as u8, 0, 0, 0],
        |b, pi, po| {
            let i = load(b, Ty::I32, pi, 0);
            for (k, name) in ["table", "w"].into_iter().enumerate() {
                let p = b.data(name, 2);
                let q = b.ptr_add(p, i, 4, -1);
                let v = load(b, Ty::I32, q, 0);
                store(b, v, po, 4 * k);
            }
            let p = b.data("table", 60);
            let v = load(b, Ty::I32, p, 0);
            store(b, v, po, 8);
        },
    );
}

fn rescales() -> Vec<Rescale> {
    vec![
        Rescale { pre: 0, shift: 1, zp: -128, lo: -128, hi: 127 },
        Rescale { pre: 0, shift: 7, zp: 3, lo: -128, hi: 127 },
        Rescale { pre: 0, shift: 15, zp: 127, lo: 0, hi: 127 },
        Rescale { pre: 3, shift: 4, zp: -5, lo: -100, hi: 90 },
        Rescale { pre: 0, shift: 2, zp: 100, lo: i32::MIN, hi: i32::MAX },
    ]
}

/// n accumulators and n multipliers, with the extremes first.
fn rescale_input(rng: &mut Rng, r: Rescale, n: usize, round: usize) -> Vec<u8> {
    let accs = [i32::MIN, i32::MAX, 0, -1, 1];
    let ms = [1, i32::MAX, 1 << 30];
    let acc = |rng: &mut Rng, i: usize| accs.get((round + i) % 8).copied().unwrap_or(rng.bits() as i32) >> r.pre;
    let m = |rng: &mut Rng, i: usize| ms.get((round + 3 * i) % 5).copied().unwrap_or((rng.bits() as i32 & i32::MAX).max(1));
    let a: Vec<u8> = (0..n).flat_map(|i| acc(rng, i).to_le_bytes()).collect();
    a.into_iter().chain((0..n).flat_map(|i| m(rng, i).to_le_bytes()).collect::<Vec<_>>()).collect()
}

fn row(name: &str, form: Form, a: Elem, w: Elem, k: u16, n: u16) -> Row {
    let text = |s: &str| s.to_string();
    Row {
        name: text(name),
        form,
        a,
        w,
        w_mem: w,
        k,
        n,
        m: 1,
        tile: [1, n],
        tile_fc: n,
        unroll: 1,
        llvm: text("tree"),
        cranelift: text("tree"),
        mnemonic: text(name),
    }
}

fn scalar_suite() -> Suite {
    let mut s = suite();
    scalars(&mut s);
    s
}

fn vector_suite() -> Suite {
    let mut s = scalar_suite();
    vectors::arithmetic(&mut s);
    vectors::memory(&mut s);
    vectors::lanes(&mut s);
    vectors::products(&mut s);
    s
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn native() {
    assert!(check_native(&vector_suite()) >= 1);
}

#[test]
fn aarch64() {
    check_emulated(&vector_suite(), "aarch64");
    check_emulated(&vector_suite(), "aarch64-dotprod");
}

#[test]
fn riscv64_scalars() {
    check_emulated(&scalar_suite(), "riscv64gc");
}
