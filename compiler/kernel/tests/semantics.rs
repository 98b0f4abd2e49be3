//! Contraction rows of every shipped machine, and the rescaling rule, against formulas of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_kernel::interp::{Arg, Memory, Program, run};
use mcompc_kernel::testing::Rng;
use mcompc_kernel::{Builder, Elem, Form, Lane, Machine, MemElem, Module, Rescale, Role, Row, Ty};
use proptest::prelude::*;
use std::path::Path;

fn shipped() -> Vec<Row> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../targets/isa");
    let mut paths: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path().join("machine.toml")).filter(|p| p.exists()).collect();
    paths.sort();
    paths.iter().flat_map(|p| Machine::from_toml(&std::fs::read_to_string(p).unwrap()).unwrap().contract).collect()
}

/// Element `i` of an operand's bytes.
fn elem(e: Elem, b: &[u8], i: usize) -> i128 {
    match e {
        Elem::I8 => i128::from(b[i] as i8),
        Elem::U8 => i128::from(b[i]),
        Elem::I16 => i128::from(i16::from_le_bytes([b[2 * i], b[2 * i + 1]])),
    }
}

fn i32s(b: &[u8]) -> Vec<i32> {
    b.chunks_exact(4).map(|c| i32::from_le_bytes(c.try_into().unwrap())).collect()
}

fn mem_of(t: Ty) -> MemElem {
    match t {
        Ty::Vec(Lane::I8, _) => MemElem::S8,
        Ty::Vec(Lane::I16, _) => MemElem::S16,
        _ => MemElem::W32,
    }
}

/// Runs one contraction on operands given as the bytes of their registers.
fn contract(r: &Row, lane: u8, acc: &[u8], a: &[u8], w: &[u8]) -> Vec<i32> {
    let mut m = Module::default();
    let row = m.row(r);
    let mut b = Builder::new("f");
    let mut operand = |name, t: Ty| {
        let p = b.ptr(name, Role::In, t.bytes(), 1);
        (p, t)
    };
    let operands = [operand("acc", r.acc_ty()), operand("a", r.a_ty()), operand("w", r.w_ty())];
    let y = b.ptr("y", Role::Out, r.acc_ty().bytes(), 1);
    let [vacc, va, vw] = operands.map(|(p, t)| b.load(t, mem_of(t), p, 0));
    let v = b.contract(row, r, lane, vacc, va, vw);
    b.store(v, MemElem::W32, y, 0);
    m.funcs.push(b.finish());
    let mut mem = Memory::new();
    let bufs = [acc, a, w, &vec![0; r.acc_ty().bytes()]].map(|x| mem.add(x));
    run(&m, "f", &mut mem, &bufs.map(Arg::from)).unwrap();
    i32s(mem.bytes(bufs[3]))
}

/// The defining sums, from the registers' bytes: which element of `a` meets which of `w` for accumulator `j`, product `t`.
fn expected(r: &Row, lane: u8, acc: &[u8], a: &[u8], w: &[u8]) -> Vec<i32> {
    let k = usize::from(r.k);
    let scalar = |e: Elem, b: &[u8]| if b.len() == 4 { i128::from(i32::from_le_bytes(b.try_into().unwrap())) } else { elem(e, b, 0) };
    let sum = |j: usize| -> i128 {
        match r.form {
            Form::Dot => (0..k).map(|t| elem(r.a, a, j * k + t) * elem(r.w, w, j * k + t)).sum(),
            Form::Lane => (0..k).map(|t| elem(r.a, a, usize::from(lane) * k + t) * elem(r.w, w, j * k + t)).sum(),
            Form::Packed => (0..2).map(|t| elem(Elem::I16, a, t) * elem(Elem::I16, w, t)).sum(),
            Form::Scalar if r.n == 1 => scalar(r.a, a) * scalar(r.w, w),
            Form::Scalar => scalar(r.a, a) * elem(r.w, w, j),
            Form::Matrix => (0..k).map(|t| elem(r.a, a, (j / 2) * k + t) * elem(r.w, w, (j % 2) * k + t)).sum(),
        }
    };
    i32s(acc).iter().enumerate().map(|(j, &s)| (i128::from(s) + sum(j)) as i32).collect()
}

#[test]
fn rows_mean_their_formula() {
    let rows = shipped();
    for form in [Form::Dot, Form::Lane, Form::Packed, Form::Scalar, Form::Matrix] {
        assert!(rows.iter().any(|r| r.form == form), "no machine has a row of the form {form:?}");
    }
    let mut rng = Rng(7);
    for r in &rows {
        for round in 0..200 {
            let mut bytes = |t: Ty, e: Elem| -> Vec<u8> {
                if t == Ty::I32 && r.form == Form::Scalar {
                    let (lo, hi) = match e {
                        Elem::I8 => (-128i64, 127),
                        Elem::U8 => (0, 255),
                        Elem::I16 => (-32768, 32767),
                    };
                    let v = match round {
                        0 => lo,
                        1 => hi,
                        _ => lo + rng.below((hi - lo + 1) as usize) as i64,
                    };
                    return (v as i32).to_le_bytes().to_vec();
                }
                match round {
                    // Extremes: all ones, and the smallest of every element.
                    0 => vec![0xff; t.bytes()],
                    1 => (0..t.bytes()).map(|i| if e == Elem::I16 && i % 2 == 0 { 0 } else { 0x80 }).collect(),
                    _ => rng.bytes(t.bytes()),
                }
            };
            let (a, w) = (bytes(r.a_ty(), r.a), bytes(r.w_ty(), r.w));
            let acc = rng.bytes(r.acc_ty().bytes());
            let groups = if r.form == Form::Lane { r.a_ty().bytes() / r.a.lane().bytes() / usize::from(r.k) } else { 1 };
            let lane = rng.below(groups) as u8;
            assert_eq!(contract(r, lane, &acc, &a, &w), expected(r, lane, &acc, &a, &w), "{} round {round}", r.name);
        }
    }
}

#[test]
fn scalar_activations_stay_in_their_element() {
    let any = shipped().into_iter().find(|r| r.form == Form::Scalar && r.n == 1).unwrap();
    let r = Row { a: Elem::I8, ..any };
    let mut m = Module::default();
    let row = m.row(&r);
    let mut b = Builder::new("f");
    let n = b.scalar("n");
    b.contract(row, &r, 0, n, n, n);
    m.funcs.push(b.finish());
    let p = Program::new(&m).unwrap();
    for (v, ok) in [(-129, false), (-128, true), (127, true), (128, false)] {
        assert_eq!(p.run("f", &mut Memory::new(), &[Arg::Int(v)]).is_ok(), ok, "{v}");
    }
}

/// A function of (acc, m, y) that rescales scalars, or four lanes at a time.
fn rescaler(r: Rescale, vector: bool) -> Module {
    let t = if vector { Ty::Vec(Lane::I32, 4) } else { Ty::I32 };
    let mut b = Builder::new("f");
    let acc = b.ptr("acc", Role::In, t.bytes(), 4);
    let m = b.ptr("m", Role::Const, t.bytes(), 4);
    let y = b.ptr("y", Role::Out, t.bytes(), 4);
    let (va, vm) = (b.load(t, MemElem::W32, acc, 0), b.load(t, MemElem::W32, m, 0));
    let v = b.rescale(r, va, vm);
    b.store(v, MemElem::W32, y, 0);
    Module { funcs: vec![b.finish()], ..Module::default() }
}

/// The exact real number `zp + acc * 2^pre * m / 2^(32 + shift)`, rounded to nearest with ties upward, clamped.
fn exact(r: &Rescale, acc: i32, m: i32) -> i32 {
    let s = u32::from(r.shift);
    let product = (i128::from(acc) << r.pre) * i128::from(m);
    let q = i128::from(r.zp) + (product + (1i128 << (31 + s))).div_euclid(1i128 << (32 + s));
    q.clamp(r.lo.into(), r.hi.into()) as i32
}

fn rescaled(r: Rescale, vector: bool, acc: &[i32], m: &[i32]) -> Vec<i32> {
    let bytes = |v: &[i32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let module = rescaler(r, vector);
    let p = Program::new(&module).unwrap();
    let n = if vector { 4 } else { 1 };
    let mut out = vec![];
    for (a, m) in acc.chunks(n).zip(m.chunks(n)) {
        let mut mem = Memory::new();
        let bufs = [mem.add(bytes(a)), mem.add(bytes(m)), mem.add(vec![0; 4 * n])];
        p.run("f", &mut mem, &bufs.map(Arg::from)).unwrap();
        out.extend(i32s(mem.bytes(bufs[2])));
    }
    out
}

#[test]
fn rescale_edges() {
    let accs = [0, 1, -1, 2, -2, 127, -128, 65535, -65536, 1 << 30, -(1 << 30), i32::MAX, i32::MIN, i32::MAX - 1, i32::MIN + 1, 12345678];
    let ms = [1, 2, 3, 1 << 15, (1 << 16) - 1, 1 << 30, (1 << 30) + 1, i32::MAX, i32::MAX - 1, 0x5555_5555];
    for shift in 1..=15 {
        for (zp, lo, hi) in
            [(0, -128, 127), (-128, -128, 127), (127, -128, 127), (0, 0, 255), (255, 0, 255), (3, -100, 50), (0, i32::MIN, i32::MAX)]
        {
            let r = Rescale { pre: 0, shift, zp, lo, hi };
            for m in ms {
                let want: Vec<i32> = accs.iter().map(|&a| exact(&r, a, m)).collect();
                assert_eq!(rescaled(r, true, &accs, &[m; 16]), want, "{r:?} {m}");
                assert_eq!(rescaled(r, false, &accs, &[m; 16]), want, "{r:?} {m}");
            }
        }
    }
}

#[test]
fn rescale_refuses_what_is_not_defined() {
    let once = |r, acc: i32, m: i32| {
        let module = rescaler(r, false);
        let mut mem = Memory::new();
        let bufs = [mem.add(acc.to_le_bytes()), mem.add(m.to_le_bytes()), mem.add([0; 4])];
        run(&module, "f", &mut mem, &bufs.map(Arg::from)).is_ok()
    };
    let r = Rescale { pre: 1, shift: 1, zp: 0, lo: -128, hi: 127 };
    assert!(once(r, (1 << 30) - 1, 1) && once(r, -(1 << 30), 1));
    assert!(!once(r, 1 << 30, 1) && !once(r, -(1 << 30) - 1, 1));
    assert!(!once(r, 1, -1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn rescale_is_exact_rounding(acc: [i32; 4], m in prop::array::uniform4(1..=i32::MAX), pre in 0u8..8, shift in 1u8..=15, zp in -128i32..=255, vector: bool) {
        let r = Rescale { pre, shift, zp, lo: -128, hi: 127 };
        let acc = acc.map(|a| a >> pre);
        let want: Vec<i32> = acc.iter().zip(&m).map(|(&a, &m)| exact(&r, a, m)).collect();
        prop_assert_eq!(rescaled(r, vector, &acc, &m), want);
    }
    /// Accumulators placed so that the exact quotient is a tie, or next to one.
    #[test]
    fn rescale_near_ties(q in -300i64..300, m in 1..=i32::MAX, shift in 1u8..=15, off in -1i64..=1) {
        let r = Rescale { pre: 0, shift, zp: 5, lo: -128, hi: 127 };
        let half = (1i128 << (32 + u32::from(shift))) * (2 * i128::from(q) + 1) / 2;
        let acc = (half / i128::from(m) + i128::from(off)).clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        prop_assert_eq!(rescaled(r, false, &[acc], &[m]), vec![exact(&r, acc, m)]);
    }
}
