//! The interpreter on small kernels, its refusals, and its speed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_kernel::interp::{Arg, Memory, Program, run};
use mcompc_kernel::{Bin, Builder, Cmp, Data, Elem, Form, Inst, Lane, MemElem, Module, Op, Rescale, Role, Row, Ty};

fn dot() -> Row {
    Row {
        name: "dot4".into(),
        form: Form::Dot,
        a: Elem::I8,
        w: Elem::I8,
        w_mem: Elem::I8,
        k: 4,
        n: 4,
        m: 1,
        tile: [4, 8],
        tile_fc: 8,
        unroll: 1,
        llvm: "tree".into(),
        cranelift: "tree".into(),
        mnemonic: "sdot".into(),
    }
}

/// One pixel by 4 output channels of a fully connected layer with `k` inputs, per round of an outer loop.
fn dense(k: i32, rounds: i32) -> Module {
    let mut m = Module::default();
    let r = dot();
    let row = m.row(&r);
    let mut b = Builder::new("dense");
    let x = b.ptr("x", Role::In, k as usize, 4);
    let w = b.ptr("w", Role::Const, (k * 4) as usize, 4);
    let y = b.ptr("y", Role::Out, 16, 4);
    b.for_loop(0, rounds, 1, &[], |b, _, _| {
        let z = b.vconst(0, r.acc_ty());
        let acc = b.for_loop(0, k, 4, &[z, w], |b, i, c| {
            let p = b.ptr_add(x, i, 1, 0);
            let a = b.load_bcast(r.a_ty(), 4, p, 0);
            let wv = b.load(r.w_ty(), MemElem::S8, c[1], 0);
            let acc = b.contract(row, &r, 0, c[0], a, wv);
            let wp = b.ptr_imm(c[1], 16);
            vec![acc, wp]
        });
        b.store_aligned(acc[0], MemElem::W32, y, 0, 4);
        vec![]
    });
    m.funcs.push(b.finish());
    m
}

#[test]
fn inner_product() {
    let m = dense(8, 1);
    let mut mem = Memory::new();
    let x = mem.add((0..8).map(|i| (i - 4) as u8).collect::<Vec<_>>());
    let w = mem.add((0..32).map(|i| (3 * i - 50) as u8).collect::<Vec<_>>());
    let y = mem.add(vec![0; 16]);
    run(&m, "dense", &mut mem, &[x.into(), w.into(), y.into()]).unwrap();
    let got: Vec<i32> = mem.bytes(y).chunks(4).map(|c| i32::from_le_bytes(c.try_into().unwrap())).collect();
    let want: Vec<i32> = (0..4i32).map(|o| (0..8i32).map(|k| (k - 4) * (3 * ((k / 4) * 16 + o * 4 + k % 4) - 50)).sum()).collect();
    assert_eq!(got, want);
}

/// Ten million contractions with their loads; the assertion is generous, the figure is printed.
#[test]
fn speed() {
    let m = dense(1000, 4000);
    let mut mem = Memory::new();
    let (x, w, y) = (mem.add(vec![1; 1000]), mem.add(vec![2; 4000]), mem.add(vec![0; 16]));
    let p = Program::new(&m).unwrap();
    let t = std::time::Instant::now();
    p.run("dense", &mut mem, &[x.into(), w.into(), y.into()]).unwrap();
    eprintln!("1M rounds of load_bcast, load, contract, two ptr_add: {:?}", t.elapsed());
    assert_eq!(mem.bytes(y)[..4], 2000i32.to_le_bytes());
    assert!(t.elapsed().as_secs() < 20);
}

#[test]
fn branches_select_and_data() {
    let mut m = Module::default();
    m.data.push(Data { name: "table".into(), bytes: vec![10, 20, 30, 40], align: 4, weights: false, export: false });
    let mut b = Builder::new("f");
    let y = b.ptr("y", Role::Out, 4, 1);
    let n = b.scalar("n");
    let four = b.iconst(4);
    let inside = b.cmp(Cmp::Ult, n, four);
    let v = b.if_else(
        inside,
        |b| {
            let t = b.data("table", 0);
            let p = b.ptr_add(t, n, 1, 0);
            vec![b.load(Ty::I32, MemElem::U8, p, 0)]
        },
        |b| vec![b.iconst(-1)],
    );
    let odd = b.iconst(1);
    let bit = b.bin(Bin::And, n, odd);
    let neg = b.mul_imm(v[0], -1);
    let s = b.select(bit, neg, v[0]);
    b.store(s, MemElem::W32, y, 0);
    m.funcs.push(b.finish());
    for (n, want) in [(0, 10), (1, -20), (3, -40), (4, -1), (-2, -1), (5, 1)] {
        let mut mem = Memory::new();
        let y = mem.add(vec![0; 4]);
        run(&m, "f", &mut mem, &[y.into(), Arg::Int(n)]).unwrap();
        assert_eq!(mem.bytes(y), i32::to_le_bytes(want), "{n}");
    }
}

/// Loop-carried values that change places every round.
#[test]
fn carried_swap() {
    let mut m = Module::default();
    let mut b = Builder::new("f");
    let y = b.ptr("y", Role::Out, 8, 1);
    let (p, q) = (b.iconst(1), b.iconst(2));
    let r = b.for_loop(0, 5, 1, &[p, q], |_, _, c| vec![c[1], c[0]]);
    b.store(r[0], MemElem::W32, y, 0);
    b.store(r[1], MemElem::W32, y, 4);
    m.funcs.push(b.finish());
    let mut mem = Memory::new();
    let y = mem.add(vec![0; 8]);
    run(&m, "f", &mut mem, &[y.into()]).unwrap();
    assert_eq!(mem.bytes(y), [2, 0, 0, 0, 1, 0, 0, 0]);
}

/// An entry function hands pieces of its arena to a kernel; the kernel's declared bytes are the limit, not the arena's.
#[test]
fn entry_and_kernel() {
    let kernel = |read: i32| {
        let mut b = Builder::new("k");
        let x = b.ptr("x", Role::In, 16, 4);
        let y = b.ptr("y", Role::Out, 16, 4);
        let v = b.load_aligned(Ty::Vec(Lane::I8, 16), MemElem::S8, x, read, 4);
        let s = b.bin(Bin::Add, v, v);
        b.store(s, MemElem::S8, y, 0);
        b.finish()
    };
    let entry = || {
        let mut b = Builder::new("net_run");
        b.export();
        let x = b.ptr("x", Role::In, 16, 1);
        let y = b.ptr("y", Role::Out, 16, 4);
        let arena = b.ptr("arena", Role::Scratch, 64, 16);
        let v = b.load(Ty::Vec(Lane::I8, 16), MemElem::S8, x, 0);
        b.store(v, MemElem::S8, arena, 16);
        let (p, q) = (b.ptr_imm(arena, 16), b.ptr_imm(arena, 32));
        b.call("k", &[p, q]);
        b.call("k", &[q, y]);
        b.finish()
    };
    for (read, ok) in [(0, true), (4, false), (-4, false)] {
        let m = Module { funcs: vec![kernel(read), entry()], ..Module::default() };
        let mut mem = Memory::new();
        let (x, y, a) = (mem.add((0..16).collect::<Vec<u8>>()), mem.add(vec![0; 16]), mem.add(vec![0; 64]));
        let r = run(&m, "net_run", &mut mem, &[x.into(), y.into(), a.into()]);
        assert_eq!(r.is_ok(), ok, "{r:?}");
        if ok {
            assert_eq!(mem.bytes(y), (0..16).map(|i| 4 * i).collect::<Vec<u8>>());
        } else {
            let e = r.unwrap_err();
            assert!(e.message.contains("16 bytes") && e.message.contains("in k"), "{e}");
        }
    }
}

fn one(role: Role, align: u8, f: impl FnOnce(&mut Builder, mcompc_kernel::Val)) -> Result<(), mcompc_ir::Error> {
    let mut b = Builder::new("f");
    let p = b.ptr("p", role, 16, align);
    f(&mut b, p);
    let m = Module { funcs: vec![b.finish()], ..Module::default() };
    let mut mem = Memory::new();
    let p = mem.add(vec![0; 32]);
    run(&m, "f", &mut mem, &[p.into()]).map(drop)
}

/// A function says how it went: 0, or what its status is.
#[test]
fn status() {
    let text = r#"
func export @plain(%0 "n": i32 scalar) {
}
func export @next(%0 "n": i32 scalar) {
  %1: i32 = const 1
  %2: i32 = add %0, %1
  return %2
}
"#;
    let m = mcompc_kernel::parse(text).unwrap();
    assert_eq!(mcompc_kernel::parse(&mcompc_kernel::print(&m)).unwrap(), m);
    let mut mem = Memory::new();
    assert_eq!(run(&m, "plain", &mut mem, &[Arg::Int(7)]), Ok(0));
    assert_eq!(run(&m, "next", &mut mem, &[Arg::Int(7)]), Ok(8));
    for (from, to, why) in [
        ("export @next", "@next", "only an exported function"),
        ("return %2", "return %3", "not defined"),
        ("%2: i32 = add %0, %1", "%2: i32x4 = splat %1", "should be i32"),
        ("return %2", "return %2, %1", "one value"),
        ("return %2", "yield %2", "yield"),
    ] {
        let bad = text.replace(from, to);
        let e = mcompc_kernel::parse(&bad).and_then(|m| mcompc_kernel::structure(&m)).unwrap_err();
        assert!(e.message.contains(why), "{to}: {e}");
    }
}

#[test]
fn refusals() {
    let store = |b: &mut Builder, p| {
        let c = b.iconst(1);
        b.store(c, MemElem::W32, p, 0);
    };
    assert!(one(Role::Out, 1, store).is_ok());
    assert!(one(Role::Scratch, 1, store).is_ok());
    assert!(one(Role::In, 1, store).unwrap_err().message.contains("read-only"));
    assert!(one(Role::Const, 1, store).unwrap_err().message.contains("read-only"));
    let aligned = |b: &mut Builder, p| {
        b.load_aligned(Ty::I32, MemElem::W32, p, 4, 8);
    };
    assert!(one(Role::In, 8, aligned).unwrap_err().message.contains("alignment"));
    let claimed = |b: &mut Builder, p| {
        b.load_aligned(Ty::I32, MemElem::W32, p, 4, 4);
    };
    assert!(one(Role::In, 4, claimed).is_ok());
    assert!(one(Role::In, 2, claimed).unwrap_err().message.contains("alignment"));
    let shift = |b: &mut Builder, p| {
        let n = b.load(Ty::I32, MemElem::U8, p, 0);
        let n = b.add_imm(n, 32);
        b.bin(Bin::Shl, n, n);
    };
    assert!(one(Role::In, 1, shift).unwrap_err().message.contains("shift"));
    let far = |b: &mut Builder, p| {
        let big = b.iconst(i32::MAX);
        let q = b.ptr_add(p, big, i32::MAX, i32::MAX);
        b.load(Ty::I32, MemElem::U8, q, 0);
    };
    assert!(one(Role::In, 1, far).unwrap_err().message.contains("32 bits"));
}

#[test]
fn overlapping_arguments_are_refused() {
    let mut k = Builder::new("k");
    k.ptr("x", Role::In, 8, 1);
    k.ptr("y", Role::Out, 8, 1);
    k.ptr("s", Role::Scratch, 8, 1);
    let m = Module { funcs: vec![k.finish()], ..Module::default() };
    let mut mem = Memory::new();
    let a = mem.add(vec![0; 32]);
    let at = |o| Arg::Ptr(a, o);
    assert!(run(&m, "k", &mut mem, &[at(0), at(0), at(8)]).is_ok(), "in place");
    let e = run(&m, "k", &mut mem, &[at(0), at(8), at(12)]).unwrap_err();
    assert!(e.message.contains("overlaps"), "{e}");
}

#[test]
fn endless_work_is_limited() {
    let mut b = Builder::new("f");
    b.for_loop(0, i32::MAX, 1, &[], |b, _, _| {
        b.for_loop(0, i32::MAX, 1, &[], |_, _, _| vec![]);
        vec![]
    });
    let m = Module { funcs: vec![b.finish()], ..Module::default() };
    let e = Program::new(&m).unwrap().with_limit(1000).run("f", &mut Memory::new(), &[]).unwrap_err();
    assert!(e.message.contains("limit"), "{e}");
}

#[test]
fn malformed_functions_are_refused() {
    let mut b = Builder::new("f");
    let v = b.vconst(1, Ty::Vec(Lane::I8, 16));
    let w = b.vconst(1, Ty::Vec(Lane::I8, 8));
    b.bin(Bin::Add, v, w);
    let m = Module { funcs: vec![b.finish()], ..Module::default() };
    assert!(Program::new(&m).is_err());
    let mut b = Builder::new("f");
    let c = b.iconst(1);
    let r = b.op(Ty::I32, Op::Rescale(Rescale { pre: 0, shift: 16, zp: 0, lo: -128, hi: 127 }), &[c, c]);
    let mut f = b.finish();
    assert!(Program::new(&Module { funcs: vec![f.clone()], ..Module::default() }).is_err());
    f.body.insts.pop();
    f.body.insts.push(Inst::Store { val: r, ptr: c, off: 0, mem: MemElem::S8, align: 1 });
    assert!(Program::new(&Module { funcs: vec![f], ..Module::default() }).is_err());
}
