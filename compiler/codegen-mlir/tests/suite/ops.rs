//! Every operation on every type against the kernel interpreter, and random modules, on every machine.

use crate::support::*;
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::testing::{self, Vocabulary};
use mcompc_kernel::*;
use mcompc_target::{Backend, Target};

/// One kernel an operation and type; the entry calls them all.
pub struct Cases {
    module: Module,
    names: Vec<(String, usize, usize)>,
    calls: Vec<(usize, usize)>,
    input: Vec<u8>,
    out: usize,
    rng: testing::Rng,
}

const ROUNDS: usize = 4;

impl Cases {
    /// `size` bytes in, `out` bytes out of which `body` may write some, for the addresses of both.
    fn bytes(&mut self, name: String, size: usize, out: usize, edit: impl Fn(&mut [u8]), body: impl FnOnce(&mut Builder, Val, Val)) {
        self.kernel(name, size, edit, |b, p, y| {
            let z = b.iconst(0);
            for at in (0..out).step_by(4) {
                b.store(z, MemElem::W32, y, at as i32);
            }
            body(b, p, y);
            out
        });
    }

    /// `size` bytes in, a value out: `body` gets the address of its input and returns the values to keep.
    fn case(&mut self, name: String, size: usize, edit: impl Fn(&mut [u8]), body: impl FnOnce(&mut Builder, Val) -> Vec<Val>) {
        self.kernel(name, size, edit, |b, p, y| {
            let mut bytes = 0;
            for v in body(b, p) {
                let mem = match b.ty(v) {
                    Ty::Vec(Lane::I8, _) => MemElem::S8,
                    Ty::Vec(Lane::I16, _) => MemElem::S16,
                    _ => MemElem::W32,
                };
                b.store(v, mem, y, bytes as i32);
                bytes += b.ty(v).bytes();
            }
            bytes
        });
    }

    /// `body` stores its results and returns how many bytes they are.
    fn kernel(&mut self, name: String, size: usize, edit: impl Fn(&mut [u8]), body: impl FnOnce(&mut Builder, Val, Val) -> usize) {
        let symbol = format!("k{}", self.names.len());
        let mut b = Builder::new(&symbol);
        let src = b.ptr("src", Role::In, size * ROUNDS, 1);
        // Bytes of the results are known after the body: the parameter is patched below.
        let dst = b.ptr("dst", Role::Out, 0, 1);
        let mut bytes = 0;
        b.for_loop(0, ROUNDS as i32, 1, &[src, dst], |b, _, c| {
            bytes = body(b, c[0], c[1]);
            vec![b.ptr_imm(c[0], size as i32), b.ptr_imm(c[1], bytes as i32)]
        });
        let mut f = b.finish();
        f.params[1].bytes = (bytes * ROUNDS) as u32;
        self.module.funcs.push(f);
        self.calls.push((self.input.len(), self.out));
        for _ in 0..ROUNDS {
            // Extremes are frequent.
            let mut v: Vec<u8> = (0..size)
                .map(|_| match self.rng.below(5) {
                    0 => self.rng.pick(&[0x80, 0x7f, 0xff, 0]),
                    _ => self.rng.bits() as u8,
                })
                .collect();
            edit(&mut v);
            self.input.extend(v);
        }
        self.names.push((name, self.out, bytes * ROUNDS));
        self.out += bytes * ROUNDS;
    }

    /// Operands of these types, one after the other; loads in the type's own width.
    fn op(&mut self, name: &str, args: &[Ty], result: Ty, op: Op, edit: impl Fn(&mut [u8])) {
        let size = args.iter().map(|t| t.bytes()).sum();
        let spell: Vec<String> = args.iter().map(Ty::to_string).collect();
        self.case(format!("{name} {}", spell.join(" ")), size, edit, |b, p| {
            let mut at = 0;
            let vals: Vec<Val> = args
                .iter()
                .map(|&t| {
                    at += t.bytes();
                    own_load(b, t, p, (at - t.bytes()) as i32)
                })
                .collect();
            vec![b.op(result, op, &vals)]
        });
    }

    pub fn finished(&self) -> Module {
        let mut m = self.module.clone();
        let mut b = Builder::new("all");
        b.export();
        let src = b.ptr("src", Role::In, self.input.len(), 64);
        let dst = b.ptr("dst", Role::Out, self.out, 64);
        for (i, &(x, y)) in self.calls.iter().enumerate() {
            let (px, py) = (b.ptr_imm(src, x as i32), b.ptr_imm(dst, y as i32));
            b.call(&format!("k{i}"), &[px, py]);
        }
        m.funcs.push(b.finish());
        m
    }

    fn check(&self, target: &str) {
        let m = self.finished();
        let mut memory = Memory::new();
        let (src, dst) = (memory.add(self.input.clone()), memory.add(vec![0xa5; self.out]));
        interp::run(&m, "all", &mut memory, &[src.into(), dst.into()]).unwrap();
        let want = memory.bytes(dst);
        let got = run(&m, "all", target, &self.input, false).output;
        let bad: Vec<&str> =
            self.names.iter().filter(|(_, at, n)| want[*at..at + n] != got[*at..at + n]).map(|(name, ..)| name.as_str()).collect();
        assert!(bad.is_empty(), "{target}: {} of {} cases differ:\n{}", bad.len(), self.names.len(), bad.join("\n"));
    }
}

fn own_load(b: &mut Builder, t: Ty, p: Val, off: i32) -> Val {
    let mem = match t {
        Ty::Vec(Lane::I8, _) => MemElem::S8,
        Ty::Vec(Lane::I16, _) => MemElem::S16,
        _ => MemElem::W32,
    };
    b.load(t, mem, p, off)
}

fn keep(_: &mut [u8]) {}

/// Second half of the input: shift amounts below `bits`, one in each lane.
fn amounts(bits: u32) -> impl Fn(&mut [u8]) {
    move |v| {
        let n = v.len() / 2;
        for (i, x) in v[n..].iter_mut().enumerate() {
            *x = if i % (bits as usize / 8) == 0 { *x % bits as u8 } else { 0 };
        }
    }
}

fn i32s(v: &mut [u8], from: usize, f: impl Fn(i32) -> i32) {
    for c in v[from..].chunks_exact_mut(4) {
        let x = f(i32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        c.copy_from_slice(&x.to_le_bytes());
    }
}

fn same_type(c: &mut Cases, t: Ty, lane: Lane) {
    use Bin::*;
    for b in [Add, Sub, Mul, And, Or, Xor, Smin, Smax] {
        c.op(&format!("{b:?}"), &[t, t], t, Op::Bin(b), keep);
    }
    for b in [Shl, Sra, Srl] {
        c.op(&format!("{b:?}"), &[t, t], t, Op::Bin(b), amounts(lane.bits()));
    }
    if lane == Lane::I32 {
        c.op("MulHi", &[t, t], t, Op::Bin(MulHi), keep);
        let half = t.bytes();
        for (pre, shift, zp, lo, hi) in [(0, 1, 0, -128, 127), (0, 7, -128, -128, 127), (2, 9, 5, 0, 90), (1, 15, -7, -300, 500)] {
            let r = Rescale { pre, shift, zp, lo, hi };
            let fit = move |v: &mut [u8]| {
                i32s(&mut v[..half], 0, |x| x >> pre);
                i32s(v, half, |m| m & i32::MAX | 1);
            };
            c.op(&format!("{r:?}"), &[t, t], t, Op::Rescale(r), fit);
        }
    }
    for v in [-7, 0, 1, 100_000] {
        c.case(format!("const {v} {t}"), 4, keep, |b, _| vec![b.vconst(v, t)]);
    }
}

fn scalars(c: &mut Cases) {
    same_type(c, Ty::I32, Lane::I32);
    for k in [Cmp::Eq, Cmp::Ne, Cmp::Slt, Cmp::Sle, Cmp::Ult] {
        c.op(&format!("{k:?}"), &[Ty::I32; 2], Ty::I32, Op::Cmp(k), keep);
        c.op(&format!("{k:?} equal"), &[Ty::I32; 2], Ty::I32, Op::Cmp(k), |v| v.copy_within(0..4, 4));
    }
    c.op("select", &[Ty::I32; 3], Ty::I32, Op::Select, keep);
    c.op("select 0", &[Ty::I32; 3], Ty::I32, Op::Select, |v| v[..4].fill(0));
    for ror in [false, true] {
        c.op(&format!("sxtb16 {ror}"), &[Ty::I32], Ty::I32, Op::Sxtb16 { ror }, keep);
    }
    for scale in [-3, 0, 1, 4, 24] {
        let small = move |v: &mut [u8]| i32s(&mut v[200..], 0, |x| if scale < 0 { -(x & 3) } else { x & 3 });
        c.case(format!("address by {scale}"), 204, small, |b, p| {
            let i = b.load(Ty::I32, MemElem::W32, p, 200);
            let q = b.ptr_add(p, i, scale, 17);
            vec![b.load(Ty::I32, MemElem::W32, q, 1)]
        });
    }
    for mem in [MemElem::S8, MemElem::U8, MemElem::S16, MemElem::U16, MemElem::W32] {
        c.case(format!("load {mem:?}"), 8, keep, |b, p| vec![b.load(Ty::I32, mem, p, 1), b.load(Ty::I32, mem, p, 2)]);
    }
    c.case("data".into(), 4, keep, |b, _| {
        let p = b.data("table", 3);
        vec![b.load(Ty::I32, MemElem::S16, p, 2)]
    });
    control(c);
}

fn control(c: &mut Cases) {
    c.case("loops".into(), 64, keep, |b, p| {
        let z = b.iconst(0);
        let up = b.for_loop(-8, 8, 4, &[z], |b, i, v| {
            let q = b.ptr_add(p, i, 2, 16);
            let x = b.load(Ty::I32, MemElem::W32, q, 0);
            let x = b.bin(Bin::Xor, x, i);
            vec![b.add(v[0], x)]
        });
        let down = b.for_loop(0, 5, 1, &[z, p, up[0]], |b, _, v| {
            let x = b.load(Ty::I32, MemElem::S16, v[1], 0);
            vec![v[2], b.ptr_imm(v[1], 3), b.add(v[0], x)]
        });
        let once = b.for_loop(3, 5, 2, &[z, down[1]], |b, i, v| {
            let x = b.load(Ty::I32, MemElem::U8, v[1], 0);
            vec![b.add(x, i), v[1]]
        });
        let nest = b.for_loop(0, 3, 1, &[z], |b, i, v| {
            b.for_loop(0, 4, 1, v, |b, j, v| {
                let q = b.ptr_add(p, j, 4, 0);
                let x = b.load(Ty::I32, MemElem::W32, q, 0);
                let odd = b.bin(Bin::And, x, i);
                let y = b.if_else(odd, |b| vec![b.add(x, j)], |b| vec![b.mul_imm(v[0], 3)]);
                vec![b.bin(Bin::Xor, v[0], y[0])]
            })
        });
        vec![up[0], down[0], down[2], once[0], nest[0]]
    });
}

fn vectors(c: &mut Cases, t: Ty, max: usize) {
    let Ty::Vec(lane, n) = t else { return };
    same_type(c, t, lane);
    let fits = |t: &Ty| t.bytes() <= max;
    for (to, half) in [(Lane::I16, Lane::I8), (Lane::I32, Lane::I16)] {
        if lane == half {
            for signed in [false, true] {
                for high in [false, true] {
                    c.op(&format!("widen {signed} {high}"), &[t], Ty::Vec(to, n / 2), Op::Widen { signed, high }, keep);
                }
            }
        }
        if lane == to && fits(&Ty::Vec(half, n * 2)) {
            c.op("narrow_sat", &[t, t], Ty::Vec(half, n * 2), Op::NarrowSat, keep);
        }
    }
    for to in [Lane::I8, Lane::I16, Lane::I32] {
        let r = Ty::Vec(to, n);
        if to > lane && fits(&r) {
            for signed in [false, true] {
                c.op(&format!("widen_all {to:?} {signed}"), &[t], r, Op::WidenAll { to, signed }, keep);
            }
        } else if to < lane {
            c.op(&format!("trunc {to:?}"), &[t], r, Op::Trunc { to }, keep);
        }
        let acc = Ty::Vec(Lane::I32, n);
        if to != Lane::I32 && lane != Lane::I32 && fits(&acc) {
            c.op("mac", &[acc, t, r], acc, Op::Mac, keep);
        }
    }
    c.op("splat", &[Ty::I32], t, Op::Splat(t), keep);
    c.op("splat_bits", &[Ty::I32], t, Op::SplatBits(t), keep);
    c.op("reduce_add", &[t], Ty::I32, Op::ReduceAdd, keep);
    for l in [0, n - 1] {
        c.op(&format!("extract {l}"), &[t], Ty::I32, Op::Extract { lane: l }, keep);
        c.op(&format!("insert {l}"), &[t, Ty::I32], t, Op::Insert { lane: l }, keep);
    }
    let zip = (0..n).map(|i| i / 2 + i % 2 * n).collect();
    let mixed = (0..n).map(|i| (i * 7 + 3) % (2 * n)).collect();
    for mask in [zip, (0..n).map(|i| 2 * i).collect(), mixed] {
        c.op("shuffle", &[t, t], t, Op::Shuffle(mask), keep);
    }
    for mem in [MemElem::S8, MemElem::U8, MemElem::S16, MemElem::U16, MemElem::W32] {
        if mem.bytes() <= lane.bytes() {
            c.case(format!("load {mem:?} {t}"), n as usize * mem.bytes() + 1, keep, |b, p| vec![b.load(t, mem, p, 1)]);
        }
    }
    for bytes in [1, 2, 4, 8] {
        c.case(format!("load_bcast {bytes} {t}"), 16, keep, |b, p| vec![b.load_bcast(t, bytes, p, 3)]);
    }
    if lane == Lane::I32 && n >= 4 {
        // What the end of a convolution does: rescaled sums saturated to bytes.
        let r = Rescale { pre: 0, shift: 6, zp: 11, lo: -128, hi: 127 };
        c.case(
            format!("rescale and narrow {t}"),
            2 * t.bytes(),
            |v| i32s(v, v.len() / 2, |m| m & i32::MAX | 1),
            |b, p| {
                let (x, m) = (own_load(b, t, p, 0), own_load(b, t, p, t.bytes() as i32));
                let q = b.rescale(r, x, m);
                let h = b.narrow_sat(q, q);
                vec![b.narrow_sat(h, h), b.trunc(q, Lane::I8)]
            },
        );
        // The same with nothing but saturation and byte stores behind it, where the clamp may wait.
        let size = 2 * t.bytes();
        c.bytes(
            format!("rescale, narrow and store {t}"),
            size,
            4 * n as usize,
            |v| i32s(v, v.len() / 2, |m| m & i32::MAX | 1),
            |b, p, y| {
                let (x, m) = (own_load(b, t, p, 0), own_load(b, t, p, t.bytes() as i32));
                let q = b.rescale(r, x, m);
                let swapped = b.add(x, m);
                let s = b.rescale(r, swapped, m);
                let h = b.narrow_sat(q, s);
                b.store(h, MemElem::S8, y, 0);
                let v = b.narrow_sat(h, h);
                let v = b.op(Ty::I32, Op::Extract { lane: 1 }, &[v]);
                b.store(v, MemElem::S8, y, 2 * n as i32);
            },
        );
    }
}

fn rows(c: &mut Cases, machine: &Machine) {
    for row in &machine.contract {
        let id = c.module.row(row);
        let groups = match (row.form, row.a_ty()) {
            (Form::Lane, Ty::Vec(_, n)) => n / row.k,
            _ => 1,
        };
        for lane in 0..groups {
            let (acc, a, w) = (row.acc_ty(), row.a_ty(), row.w_ty());
            let size = acc.bytes() + a.bytes() + w.bytes();
            c.case(format!("{} {lane}", row.name), size, keep, |b, p| {
                let x = own_load(b, acc, p, 0);
                let narrow = |b: &mut Builder, t: Ty, off: usize| match (row.form, t) {
                    (Form::Scalar, Ty::I32) => b.load(t, MemElem::S8, p, off as i32),
                    _ => own_load(b, t, p, off as i32),
                };
                let (y, z) = (narrow(b, a, acc.bytes()), narrow(b, w, acc.bytes() + a.bytes()));
                vec![b.contract(id, row, lane as u8, x, y, z)]
            });
        }
    }
}

pub fn all(target: &str) -> Cases {
    let machine = Target::by_name(target).unwrap().machine(Backend::Mlir).unwrap();
    let mut c = Cases { module: Module::default(), names: vec![], calls: vec![], input: vec![], out: 0, rng: testing::Rng(1) };
    c.module.data.push(Data { name: "table".into(), bytes: (0..99).collect(), align: 8, weights: true, export: false });
    scalars(&mut c);
    rows(&mut c, &machine);
    let max = widest(&machine);
    for t in Vocabulary::up_to(max, &[]).vectors {
        vectors(&mut c, t, max);
    }
    c
}

/// Bytes of the widest vectors that generators use on a machine.
fn widest(m: &Machine) -> usize {
    if m.vector_bytes == 0 { 8 } else { 64 }
}

fn check(target: &str) {
    if runnable(target) {
        all(target).check(target);
        random(target, 6);
    }
}

fn random(target: &str, count: u64) {
    let machine = Target::by_name(target).unwrap().machine(Backend::Mlir).unwrap();
    let voc = Vocabulary::up_to(widest(&machine), &machine.contract);
    for seed in 0..count {
        let mut m = testing::random_module(seed, &voc, 40);
        // The harness passes buffers only.
        let mut b = Builder::new("start");
        b.export();
        let (x, y) = (b.ptr("x", Role::In, testing::IN_BYTES, 16), b.ptr("y", Role::Out, testing::OUT_BYTES, 16));
        let n = b.iconst(12345);
        b.call("f", &[x, y, n]);
        if let Some(f) = m.funcs.iter_mut().find(|f| f.name == "f") {
            f.export = false;
        }
        m.funcs.push(b.finish());
        let input = testing::Rng(seed + 99).bytes(testing::IN_BYTES);
        let mut memory = Memory::new();
        let (src, dst) = (memory.add(input.clone()), memory.add(vec![0xa5; testing::OUT_BYTES]));
        interp::run(&m, "start", &mut memory, &[src.into(), dst.into()]).unwrap();
        let got = run(&m, "start", target, &input, false).output;
        assert!(got == memory.bytes(dst), "{target}: random module {seed} differs\n{}", print(&m));
    }
}

macro_rules! targets {
    ($($name:ident $target:literal)*) => { $(#[test] fn $name() { check($target); })* };
}

targets! {
    ops_x86_64_v2 "x86_64-v2"
    ops_x86_64 "x86_64"
    ops_x86_64_v4 "x86_64-v4"
    ops_aarch64 "aarch64"
    ops_aarch64_dotprod "aarch64-dotprod"
    ops_aarch64_i8mm "aarch64-i8mm"
    ops_armv7a_neon "armv7a-neon"
    ops_riscv64gc "riscv64gc"
    ops_riscv64gcv "riscv64gcv"
    ops_riscv32imac "riscv32imac"
    ops_riscv32imc "riscv32imc"
    ops_cortex_m0plus "cortex-m0plus"
    ops_cortex_m3 "cortex-m3"
    ops_cortex_m4 "cortex-m4"
    ops_cortex_m7 "cortex-m7"
    ops_cortex_m33 "cortex-m33"
    ops_cortex_m55 "cortex-m55"
}
