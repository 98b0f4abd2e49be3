//! Convolution generators on every machine description, against the definition in exact integers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::ValueId;
use mcompc_kernel::interp::{self, Memory};
use mcompc_kernel::{Machine, MemElem, Module, Rescale, Unpack};
use mcompc_lower::{Arg, Blocks, Call, ConvSpec, Geometry, Narrow, conv_kernel, dense_kernel, depthwise_kernel};

struct Rng(u64);
impl Rng {
    fn next(&mut self, lo: i64, hi: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        lo + ((self.0 >> 33) as i64).rem_euclid(hi - lo + 1)
    }
}

fn rescale(acc: i64, m: i32, r: &Rescale) -> i8 {
    let s = u32::from(r.shift);
    let p = ((i128::from(acc) << r.pre) * i128::from(m) + (1i128 << (31 + s))) >> (32 + s);
    (p + i128::from(r.zp)).clamp(r.lo.into(), r.hi.into()) as i8
}

fn reference(s: &ConvSpec, depthwise: bool, x: &[u8]) -> Vec<i8> {
    let g = &s.geo;
    let code = |i: usize| if s.x_u8() { i64::from(x[i]) } else { i64::from(x[i] as i8) };
    let mut out = Vec::new();
    for oy in 0..g.oh {
        for ox in 0..g.ow {
            for o in 0..s.o {
                let mut acc = i64::from(s.bias[o]);
                for ky in 0..g.kh {
                    for kx in 0..g.kw {
                        let (iy, ix) = ((oy * g.sh + ky * g.dh).wrapping_sub(g.pt), (ox * g.sw + kx * g.dw).wrapping_sub(g.pl));
                        if iy >= g.h || ix >= g.w {
                            continue;
                        }
                        let at = (iy * g.w + ix) * g.c;
                        if depthwise {
                            acc += (code(at + o) - i64::from(s.zp_x)) * i64::from(s.weights[(o * g.kh + ky) * g.kw + kx]);
                        } else {
                            for c in 0..g.c {
                                acc += (code(at + c) - i64::from(s.zp_x)) * i64::from(s.weights[((o * g.kh + ky) * g.kw + kx) * g.c + c]);
                            }
                        }
                    }
                }
                out.push(rescale(acc, s.mult[o], &s.rescale));
            }
        }
    }
    out
}

fn run(call: Call, x: &[u8], outs: usize) -> Vec<i8> {
    let mut module = Module { funcs: vec![call.func], data: vec![], rows: call.rows };
    let name = module.funcs[0].name.clone();
    mcompc_kernel::verify(&module).unwrap().complete().unwrap();
    let mut mem = Memory::new();
    let mut y = None;
    let mut args = Vec::new();
    let mut first = true;
    for a in call.args {
        let b = match a {
            Arg::Value(_) if first => {
                first = false;
                mem.add(x.to_vec())
            }
            Arg::Value(_) => {
                let b = mem.add(vec![0x55; outs]);
                y = Some(b);
                b
            }
            Arg::Data { bytes, .. } => mem.add(bytes),
            Arg::Scratch(n) | Arg::Decoded(n) => mem.add(vec![0xa5; n]),
        };
        args.push(b.into());
    }
    module.funcs[0].export = false;
    interp::run(&module, &name, &mut mem, &args).unwrap();
    mem.bytes(y.unwrap()).iter().map(|&v| v as i8).collect()
}

fn machines() -> Vec<Machine> {
    let mut all: Vec<Machine> = mcompc_target::machines().map(|n| mcompc_target::machine(n).unwrap()).collect();
    // Weights widened in memory rather than on load: twice the bytes, one instruction less a vector.
    let mut wide = mcompc_target::machine("x86-64-v3-clif").unwrap();
    wide.contract[0].w_mem = wide.contract[0].w;
    all.push(wide);
    all
}

fn spec(rng: &mut Rng, geo: Geometry, o: usize, x_u8: bool, depthwise: bool) -> ConvSpec {
    let per = geo.kh * geo.kw * if depthwise { 1 } else { geo.c };
    let shift = rng.next(1, 8) as u8;
    let zp = rng.next(-20, 20) as i32;
    // Codes less a zero point, in half of all layers.
    let less = [0, 0, 37, -100][rng.next(0, 3) as usize];
    ConvSpec {
        o,
        mem: [if x_u8 { MemElem::U8 } else { MemElem::S8 }, MemElem::S8],
        x_align: if rng.next(0, 1) == 0 { 1 } else { 16 },
        zp_x: if x_u8 { rng.next(0, 255) } else { rng.next(-128, 127) } as i32,
        weights: (0..o * per).map(|_| (rng.next(-127, 127) + less) as i16).collect(),
        bias: (0..o).map(|_| rng.next(-20000, 20000) as i32).collect(),
        mult: (0..o).map(|_| rng.next(1 << 20, 1 << 22) as i32 * (1 << (shift - 1))).collect(),
        rescale: Rescale { pre: rng.next(0, 1) as u8, shift, zp, lo: if rng.next(0, 1) == 0 { -128 } else { zp }, hi: 127 },
        narrow: None,
        repeat: 1,
        bytes: false,
        geo,
    }
}

fn ids() -> (ValueId, ValueId) {
    (ValueId { node: 0.into(), port: 0 }, ValueId { node: 1.into(), port: 0 })
}

#[allow(clippy::too_many_arguments)]
fn geo(h: usize, w: usize, c: usize, k: [usize; 2], s: [usize; 2], d: [usize; 2], p: [usize; 4]) -> Geometry {
    let out = |n: usize, a: usize, b: usize, k: usize, s: usize, d: usize| (n + a + b - ((k - 1) * d + 1)) / s + 1;
    Geometry {
        n: 1,
        h,
        w,
        c,
        oh: out(h, p[0], p[2], k[0], s[0], d[0]),
        ow: out(w, p[1], p[3], k[1], s[1], d[1]),
        kh: k[0],
        kw: k[1],
        sh: s[0],
        sw: s[1],
        dh: d[0],
        dw: d[1],
        pt: p[0],
        pl: p[1],
    }
}

fn geometries() -> Vec<(Geometry, usize)> {
    vec![
        (geo(5, 5, 64, [1, 1], [1, 1], [1, 1], [0; 4]), 64),
        (geo(6, 7, 3, [3, 3], [2, 2], [1, 1], [0, 0, 1, 1]), 8),
        (geo(10, 8, 1, [4, 5], [2, 2], [1, 1], [1, 1, 2, 2]), 10),
        (geo(7, 7, 16, [3, 3], [1, 1], [1, 1], [1; 4]), 17),
        (geo(7, 5, 8, [3, 3], [1, 1], [2, 2], [2; 4]), 12),
        (geo(4, 4, 20, [1, 1], [2, 2], [1, 1], [0; 4]), 33),
        (geo(1, 3, 40, [1, 1], [1, 1], [1, 1], [0; 4]), 2),
        (geo(2, 9, 5, [1, 3], [1, 2], [1, 1], [0, 1, 0, 1]), 4),
        (geo(2, 3, 4, [3, 3], [1, 1], [1, 1], [7, 6, 0, 0]), 4),
        (geo(2, 2, 4, [1, 1], [1, 1], [1, 1], [0, 0, 2, 3]), 4),
        (geo(1, 2, 8, [2, 3], [2, 2], [1, 1], [5, 4, 5, 6]), 4),
        // Several bands of staged rows, the last one overlapping.
        (geo(27, 22, 16, [3, 3], [1, 1], [1, 1], [1; 4]), 20),
        (geo(41, 37, 8, [4, 2], [1, 2], [1, 1], [2, 0, 1, 1]), 5),
        (geo(35, 23, 36, [3, 3], [2, 2], [1, 1], [0, 0, 1, 1]), 9),
        (geo(19, 21, 17, [5, 3], [3, 1], [1, 1], [1, 1, 1, 1]), 4),
        (geo(1, 1, 640, [1, 1], [1, 1], [1, 1], [0; 4]), 130),
    ]
}

#[test]
fn convolutions_equal_the_definition() {
    let mut rng = Rng(7);
    for m in machines() {
        if m.row().form == mcompc_kernel::Form::Matrix {
            continue;
        }
        for (geo, o) in geometries() {
            for x_u8 in [false, true] {
                let s = spec(&mut rng, geo.clone(), o, x_u8, false);
                let x: Vec<u8> = (0..geo.h * geo.w * geo.c).map(|_| rng.next(0, 255) as u8).collect();
                let (vx, vy) = ids();
                let call = if geo.h == 1 && geo.w == 1 { dense_kernel(&s, &m, vx, vy) } else { conv_kernel(&s, &m, vx, vy) }.unwrap();
                let want = reference(&s, false, &x);
                assert_eq!(run(call, &x, want.len()), want, "{} {geo:?} u8={x_u8}", m.isa);
            }
        }
    }
}

#[test]
fn depthwise_equal_the_definition() {
    let mut rng = Rng(11);
    for m in machines() {
        for (mut geo, _) in geometries() {
            for c in [geo.c, 24, 3] {
                geo.c = c;
                let s = spec(&mut rng, geo.clone(), c, false, true);
                let x: Vec<u8> = (0..geo.h * geo.w * geo.c).map(|_| rng.next(0, 255) as u8).collect();
                let (vx, vy) = ids();
                let call = depthwise_kernel(&s, &m, vx, vy).unwrap();
                let want = reference(&s, true, &x);
                assert_eq!(run(call, &x, want.len()), want, "{} {geo:?}", m.isa);
            }
        }
    }
}

/// The layer with weights of `bits` bits; with `block`, runs of so many share a multiplier.
fn narrow(rng: &mut Rng, mut s: ConvSpec, bits: u8, block: Option<usize>) -> ConvSpec {
    let k = s.weights.len() / s.o;
    let runs = block.map_or(1, |b| k.div_ceil(b));
    // The largest multiplier with which every weight fits eight bits.
    let most = 127 >> (bits - 1);
    let r: Vec<u8> = (0..s.o * runs).map(|_| if block.is_some() { rng.next(1, most) as u8 } else { 1 }).collect();
    let limit = 1 << (bits - 1);
    for (i, w) in s.weights.iter_mut().enumerate() {
        let r = r[i / k * runs + i % k / block.unwrap_or(k)];
        *w = rng.next(-limit, limit - 1) as i16 * r as i16;
    }
    s.narrow = Some(Narrow { bits, blocks: block.map(|len| Blocks { len, r }) });
    s
}

/// Every machine, told how to unpack these widths too.
fn narrow_machines() -> Vec<Machine> {
    let mut all: Vec<Machine> = machines().into_iter().filter(|m| m.row().form != mcompc_kernel::Form::Matrix).collect();
    for m in &mut all {
        let method = m.unpack(4).unwrap_or_else(|e| panic!("{e}"));
        m.unpack.extend([2, 3].map(|bits| Unpack { bits, method }));
    }
    all
}

#[test]
fn packed_convolutions_equal_the_definition() {
    let mut rng = Rng(13);
    for m in narrow_machines() {
        for (i, (geo, o)) in geometries().into_iter().enumerate() {
            for (bits, block) in [(4, None), (4, Some(32)), (4, Some(64)), ([2, 3][i % 2], None), (3, Some(32))] {
                let x_u8 = rng.next(0, 1) == 1;
                let base = spec(&mut rng, geo.clone(), o, x_u8, false);
                let s = narrow(&mut rng, base, bits, block);
                let x: Vec<u8> = (0..geo.h * geo.w * geo.c).map(|_| rng.next(0, 255) as u8).collect();
                let (vx, vy) = ids();
                let call = if geo.h == 1 && geo.w == 1 { dense_kernel(&s, &m, vx, vy) } else { conv_kernel(&s, &m, vx, vy) }.unwrap();
                let want = reference(&s, false, &x);
                assert_eq!(run(call, &x, want.len()), want, "{} {geo:?} u8={x_u8} {bits} bits, blocks {block:?}", m.isa);
            }
        }
    }
}

#[test]
fn packed_depthwise_equal_the_definition() {
    let mut rng = Rng(17);
    for m in narrow_machines() {
        for (mut geo, _) in geometries() {
            for (c, bits) in [(geo.c, 4), (24, 4), (3, 4), (24, 3), (5, 2)] {
                geo.c = c;
                let base = spec(&mut rng, geo.clone(), c, false, true);
                let s = narrow(&mut rng, base, bits, None);
                let x: Vec<u8> = (0..geo.h * geo.w * geo.c).map(|_| rng.next(0, 255) as u8).collect();
                let (vx, vy) = ids();
                let call = depthwise_kernel(&s, &m, vx, vy).unwrap();
                let want = reference(&s, true, &x);
                assert_eq!(run(call, &x, want.len()), want, "{} {geo:?} {bits} bits", m.isa);
            }
        }
    }
}

/// Sums that sixteenfold weights would carry out of 32 bits, and shifts with no room for the factor: codes are sign-extended instead.
#[test]
fn sums_without_room_for_a_factor() {
    let mut rng = Rng(19);
    for m in narrow_machines() {
        for (bias, shift) in [(1 << 28, 8), (0, 13)] {
            let (geo, o) = geometries().swap_remove(0);
            let base = spec(&mut rng, geo.clone(), o, false, false);
            let mut s = narrow(&mut rng, base, 4, None);
            s.bias.fill(bias);
            s.rescale = Rescale { pre: 0, shift, ..s.rescale };
            let x: Vec<u8> = (0..geo.h * geo.w * geo.c).map(|_| rng.next(0, 255) as u8).collect();
            let (vx, vy) = ids();
            let want = reference(&s, false, &x);
            assert_eq!(run(conv_kernel(&s, &m, vx, vy).unwrap(), &x, want.len()), want, "{} bias {bias}", m.isa);
        }
    }
}

#[test]
fn packed_weights_take_the_room_of_their_bits() {
    let mut rng = Rng(23);
    let weights = |call: &Call| -> usize {
        call.args.iter().filter_map(|a| if let Arg::Data { bytes, weights: true, .. } = a { Some(bytes.len()) } else { None }).sum()
    };
    for m in narrow_machines() {
        let (geo, o) = geometries().swap_remove(0);
        let (vx, vy) = ids();
        let s = spec(&mut rng, geo, o, false, false);
        let codes = s.weights.len();
        let four = narrow(&mut rng, s.clone(), 4, None);
        assert_eq!(weights(&conv_kernel(&four, &m, vx, vy).unwrap()), codes / 2, "{}", m.isa);
        let runs = narrow(&mut rng, s.clone(), 4, Some(32));
        assert_eq!(weights(&conv_kernel(&runs, &m, vx, vy).unwrap()), codes / 2 + codes / 32, "{}", m.isa);
        let depthwise = narrow(&mut rng, spec(&mut Rng(1), geometries().swap_remove(3).0, 16, false, true), 4, None);
        let dw = depthwise_kernel(&depthwise, &m, vx, vy).unwrap();
        // Nine taps are ten where they come in pairs of codes, and sixteen where pairs of taps share a lane with another.
        let pairs = m.contract.iter().any(|r| r.form == mcompc_kernel::Form::Dot && r.a == mcompc_kernel::Elem::I16 && r.k == 2);
        let taps = if pairs { 16 } else { 10 };
        assert_eq!(weights(&dw), 16 * taps / 2, "{}", m.isa);
    }
}

#[test]
fn a_width_that_a_machine_cannot_unpack_is_refused() {
    let mut rng = Rng(29);
    let m = mcompc_target::machine("armv7e-m").unwrap();
    let (geo, o) = geometries().swap_remove(0);
    let base = spec(&mut rng, geo, o, false, false);
    let s = narrow(&mut rng, base, 7, None);
    let (vx, vy) = ids();
    let e = conv_kernel(&s, &m, vx, vy).unwrap_err();
    assert!(e.code == mcompc_ir::Code::Backend && e.message.contains("7 bits"), "{e}");
}
