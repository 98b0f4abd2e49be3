//! A 1x1 convolution with rescale, written by hand as one kernel for each kind of inner product, against plain arithmetic.

use crate::support::*;
use mcompc_kernel::*;
use mcompc_target::{Backend, Target};

/// Sizes of a layer: pixels, input channels, output channels.
#[derive(Clone, Copy)]
pub struct Layer {
    pub pixels: usize,
    pub k: usize,
    pub o: usize,
}

pub const KWS: Layer = Layer { pixels: 125, k: 64, o: 64 };
const R: Rescale = Rescale { pre: 0, shift: 7, zp: -3, lo: -128, hi: 127 };

/// Plain data of a layer.
pub struct Case {
    pub x: Vec<i8>,
    pub w: Vec<i8>,
    pub bias: Vec<i32>,
    pub m: Vec<i32>,
}

impl Case {
    pub fn random(l: Layer) -> Case {
        let mut r = Random(0x9E37_79B9_7F4A_7C15);
        let mut bytes = |n| r.bytes(n).into_iter().map(|b| b as i8).collect::<Vec<i8>>();
        let (x, w) = (bytes(l.pixels * l.k), bytes(l.o * l.k));
        let bias = (0..l.o).map(|_| (r.next() as i32) >> 18).collect();
        let m = (0..l.o).map(|_| ((r.next() >> 4) | 0x0400_0000) as i32).collect();
        Case { x, w, bias, m }
    }
    pub fn expected(&self, l: Layer) -> Vec<u8> {
        let mut out = vec![];
        for p in 0..l.pixels {
            for o in 0..l.o {
                let dot: i64 = (0..l.k).map(|i| i64::from(self.x[p * l.k + i]) * i64::from(self.w[o * l.k + i])).sum();
                let acc = dot + i64::from(self.bias[o]);
                let v = i64::from(R.zp) + ((acc * i64::from(self.m[o]) + (1i64 << (31 + R.shift))) >> (32 + R.shift));
                out.push(v.clamp(-128, 127) as i8 as u8);
            }
        }
        out
    }
}

fn le(v: &[i32]) -> Vec<u8> {
    v.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Weights as tiles of `oc` output channels, inside a tile groups of `k`, inside a group the channels.
fn pack(c: &Case, l: Layer, oc: usize, k: usize) -> Vec<u8> {
    let mut out = vec![];
    for o in (0..l.o).step_by(oc) {
        for g in (0..l.k).step_by(k) {
            for j in o..o + oc {
                for t in g..g + k {
                    out.push(if j < l.o { c.w[j * l.k + t] as u8 } else { 0 });
                }
            }
        }
    }
    out
}

struct Params {
    x: Val,
    w: Val,
    bias: Val,
    m: Val,
    y: Val,
    scratch: Val,
}

fn start(b: &mut Builder, l: Layer, weights: usize, channels: usize) -> Params {
    b.export();
    Params {
        x: b.ptr("x", Role::In, l.pixels * l.k, 16),
        w: b.ptr("w", Role::Const, weights, 16),
        bias: b.ptr("bias", Role::Const, channels * 4, 16),
        m: b.ptr("m", Role::Const, channels * 4, 16),
        y: b.ptr("y", Role::Out, l.pixels * l.o, 16),
        scratch: b.ptr("scratch", Role::Scratch, 8 * l.k, 16),
    }
}

/// First pixel of tile `i` of `n`: the last tile overlaps its predecessor.
fn first_pixel(b: &mut Builder, i: Val, n: usize, pixels: usize) -> Val {
    let p = b.mul_imm(i, n as i32);
    let last = b.iconst((pixels - n) as i32);
    b.bin(Bin::Smin, p, last)
}

/// Armv7E-M: 2x2 tile, activations staged as i16 in the order sxtb16 leaves the weights.
pub fn smlad(l: Layer, c: &Case) -> (Module, Vec<u8>) {
    let mut module = Module::default();
    let machine = Target::by_name("cortex-m4").unwrap().machine(Backend::Mlir).unwrap();
    let row = machine.row().clone();
    let id = module.row(&row);
    let mut w = vec![];
    for o in (0..l.o).step_by(2) {
        for k in (0..l.k).step_by(4) {
            for (o, k) in [(o, k), (o + 1, k), (o, k + 2), (o + 1, k + 2), (o, k + 1), (o + 1, k + 1), (o, k + 3), (o + 1, k + 3)] {
                w.push(c.w[o * l.k + k] as u8);
            }
        }
    }
    let mut b = Builder::new("conv");
    let p = start(&mut b, l, w.len(), l.o);
    let tiles = l.pixels.div_ceil(2) as i32;
    b.for_loop(0, tiles, 1, &[], |b, i, _| {
        let first = first_pixel(b, i, 2, l.pixels);
        let x = b.ptr_add(p.x, first, l.k as i32, 0);
        let y = b.ptr_add(p.y, first, l.o as i32, 0);
        // Stage: the pixels alternate every four elements, so that one pointer reads both.
        b.for_loop(0, l.k as i32 / 4, 1, &[x, p.scratch], |b, _, c| {
            for px in 0..2 {
                let v = b.load_aligned(Ty::I32, MemElem::W32, c[0], px * l.k as i32, 1);
                let (e, o) = (b.sxtb16(v, false), b.sxtb16(v, true));
                b.store_aligned(e, MemElem::W32, c[1], 4 * px, 4);
                b.store_aligned(o, MemElem::W32, c[1], 4 * px + 8, 4);
            }
            vec![b.ptr_imm(c[0], 4), b.ptr_imm(c[1], 16)]
        });
        b.for_loop(0, l.o as i32 / 2, 1, &[p.w, p.bias, p.m, y], |b, _, c| {
            let (w, bias, m, y) = (c[0], c[1], c[2], c[3]);
            let b0 = b.load_aligned(Ty::I32, MemElem::W32, bias, 0, 4);
            let b1 = b.load_aligned(Ty::I32, MemElem::W32, bias, 4, 4);
            let unroll = 1;
            let r = b.for_loop(0, l.k as i32 / 4 / unroll, 1, &[w, p.scratch, b0, b1, b0, b1], |b, _, c| {
                let (w, mut acc) = (c[0], [c[2], c[3], c[4], c[5]]);
                for u in 0..unroll {
                    for h in 0..2 {
                        let x: Vec<Val> = (0..2).map(|px| b.load_aligned(Ty::I32, MemElem::W32, c[1], 16 * u + 8 * h + 4 * px, 4)).collect();
                        let v = b.load_aligned(Ty::I32, MemElem::W32, w, 8 * u + 4 * h, 4);
                        for (o, ror) in [false, true].into_iter().enumerate() {
                            let v = b.sxtb16(v, ror);
                            for px in 0..2 {
                                acc[2 * px + o] = b.contract(id, &row, 0, acc[2 * px + o], x[px], v);
                            }
                        }
                    }
                }
                let mut out = vec![b.ptr_imm(w, 8 * unroll), b.ptr_imm(c[1], 16 * unroll)];
                out.extend(acc);
                out
            });
            for o in 0..2 {
                let mv = b.load_aligned(Ty::I32, MemElem::W32, m, 4 * o, 4);
                for px in 0..2 {
                    let q = b.rescale(R, r[(2 + 2 * px + o) as usize], mv);
                    b.store(q, MemElem::S8, y, px * l.o as i32 + o);
                }
            }
            vec![r[0], b.ptr_imm(bias, 8), b.ptr_imm(m, 8), b.ptr_imm(y, 2)]
        });
        vec![]
    });
    module.funcs.push(b.finish());
    (module, w)
}

/// MVE: 2 pixels x 4 output channels of 16 products each. The sums of a pixel are rescaled as one vector; biases and multipliers follow
/// the weights of their tile, so that one pointer reads all three.
pub fn vmladava(l: Layer, c: &Case) -> (Module, Vec<u8>) {
    let mut module = Module::default();
    let machine = Target::by_name("cortex-m55").unwrap().machine(Backend::Mlir).unwrap();
    let row = machine.row().clone();
    let id = module.row(&row);
    let tile = 4 * l.k;
    let mut w = vec![];
    for (t, chunk) in pack(c, l, 4, 16).chunks(tile).enumerate() {
        w.extend(chunk);
        w.extend(le(&c.bias[4 * t..4 * t + 4]));
        w.extend(le(&c.m[4 * t..4 * t + 4]));
    }
    let mut b = Builder::new("conv");
    let p = start(&mut b, l, w.len(), l.o);
    let tiles = l.pixels.div_ceil(2) as i32;
    let (t8, t32) = (Ty::Vec(Lane::I8, 16), Ty::Vec(Lane::I32, 4));
    let unroll = 4;
    b.for_loop(0, tiles, 1, &[], |b, i, _| {
        let first = first_pixel(b, i, 2, l.pixels);
        let x = b.ptr_add(p.x, first, l.k as i32, 0);
        let y = b.ptr_add(p.y, first, l.o as i32, 0);
        b.for_loop(0, l.o as i32 / 4, 1, &[p.w, y], |b, _, c| {
            let (w, y) = (c[0], c[1]);
            let x1 = b.ptr_imm(x, l.k as i32);
            let zero = b.iconst(0);
            let mut inits = vec![w, x, x1];
            inits.extend([zero; 8]);
            let r = b.for_loop(0, l.k as i32 / 16 / unroll, 1, &inits, |b, _, c| {
                let mut acc = c[3..].to_vec();
                for u in 0..unroll {
                    let xs = [b.load(t8, MemElem::S8, c[1], 16 * u), b.load(t8, MemElem::S8, c[2], 16 * u)];
                    for o in 0..4 {
                        let v = b.load_aligned(t8, MemElem::S8, c[0], 64 * u + 16 * o as i32, 16);
                        for px in 0..2 {
                            acc[px * 4 + o] = b.contract(id, &row, 0, acc[px * 4 + o], xs[px], v);
                        }
                    }
                }
                let mut out = vec![b.ptr_imm(c[0], 64 * unroll), b.ptr_imm(c[1], 16 * unroll), b.ptr_imm(c[2], 16 * unroll)];
                out.extend(acc);
                out
            });
            let bias = b.load_aligned(t32, MemElem::W32, r[0], 0, 16);
            let mv = b.load_aligned(t32, MemElem::W32, r[0], 16, 16);
            for px in 0..2 {
                let mut v = b.vconst(0, t32);
                for o in 0..4 {
                    v = b.op(t32, Op::Insert { lane: o as u16 }, &[v, r[3 + px * 4 + o]]);
                }
                let v = b.add(v, bias);
                let q = b.rescale(R, v, mv);
                b.store(q, MemElem::S8, y, (px * l.o) as i32);
            }
            vec![b.ptr_imm(r[0], 32), b.ptr_imm(y, 4)]
        });
        vec![]
    });
    module.funcs.push(b.finish());
    (module, w)
}

/// RVV: 4 pixels x 16 output channels, one product a step.
pub fn vwmacc(l: Layer, c: &Case) -> (Module, Vec<u8>) {
    let mut module = Module::default();
    let machine = Target::by_name("riscv64gcv").unwrap().machine(Backend::Mlir).unwrap();
    let row = machine.row().clone();
    let id = module.row(&row);
    let w = pack(c, l, 16, 1);
    let mut b = Builder::new("conv");
    let p = start(&mut b, l, w.len(), l.o);
    let tiles = l.pixels.div_ceil(4) as i32;
    let (t16, t32) = (Ty::Vec(Lane::I16, 16), Ty::Vec(Lane::I32, 16));
    b.for_loop(0, tiles, 1, &[], |b, i, _| {
        let first = first_pixel(b, i, 4, l.pixels);
        let x = b.ptr_add(p.x, first, l.k as i32, 0);
        let y = b.ptr_add(p.y, first, l.o as i32, 0);
        b.for_loop(0, l.o as i32 / 16, 1, &[p.w, p.bias, p.m, y], |b, _, c| {
            let (w, bias, m, y) = (c[0], c[1], c[2], c[3]);
            let acc = b.load_aligned(t32, MemElem::W32, bias, 0, 4);
            let r = b.for_loop(0, l.k as i32, 1, &[w, x, acc, acc, acc, acc], |b, _, c| {
                let v = b.load(t16, MemElem::S8, c[0], 0);
                let mut acc = c[2..].to_vec();
                for (px, a) in acc.iter_mut().enumerate() {
                    let s = b.load(Ty::I32, MemElem::S8, c[1], (px * l.k) as i32);
                    *a = b.contract(id, &row, 0, *a, s, v);
                }
                let mut out = vec![b.ptr_imm(c[0], 16), b.ptr_imm(c[1], 1)];
                out.extend(acc);
                out
            });
            let mv = b.load_aligned(t32, MemElem::W32, m, 0, 4);
            for px in 0..4 {
                let q = b.rescale(R, r[2 + px], mv);
                b.store(q, MemElem::S8, y, (px * l.o) as i32);
            }
            vec![r[0], b.ptr_imm(bias, 64), b.ptr_imm(m, 64), b.ptr_imm(y, 16)]
        });
        vec![]
    });
    module.funcs.push(b.finish());
    (module, w)
}

/// AVX2: 4 pixels x 16 output channels, pairs of i16; pairs of activations are staged as i16.
pub fn pmaddwd(l: Layer, c: &Case) -> (Module, Vec<u8>) {
    let mut module = Module::default();
    let machine = Target::by_name("x86_64").unwrap().machine(Backend::Mlir).unwrap();
    let row = machine.row().clone();
    let id = module.row(&row);
    let w = pack(c, l, 16, 2);
    let mut b = Builder::new("conv");
    let p = start(&mut b, l, w.len(), l.o);
    let tiles = l.pixels.div_ceil(4) as i32;
    let (t16, t32) = (Ty::Vec(Lane::I16, 16), Ty::Vec(Lane::I32, 8));
    b.for_loop(0, tiles, 1, &[], |b, i, _| {
        let first = first_pixel(b, i, 4, l.pixels);
        let x = b.ptr_add(p.x, first, l.k as i32, 0);
        let y = b.ptr_add(p.y, first, l.o as i32, 0);
        b.for_loop(0, 4 * l.k as i32 / 16, 1, &[x, p.scratch], |b, _, c| {
            let v = b.load(t16, MemElem::S8, c[0], 0);
            b.store(v, MemElem::S16, c[1], 0);
            vec![b.ptr_imm(c[0], 16), b.ptr_imm(c[1], 32)]
        });
        b.for_loop(0, l.o as i32 / 16, 1, &[p.w, p.bias, p.m, y], |b, _, c| {
            let (w, bias, m, y) = (c[0], c[1], c[2], c[3]);
            let acc: Vec<Val> = (0..2).map(|h| b.load(t32, MemElem::W32, bias, 32 * h)).collect();
            let mut inits = vec![w, p.scratch];
            (0..4).for_each(|_| inits.extend(&acc));
            let r = b.for_loop(0, l.k as i32 / 2, 1, &inits, |b, _, c| {
                let v = [b.load(t16, MemElem::S8, c[0], 0), b.load(t16, MemElem::S8, c[0], 16)];
                let mut acc = c[2..].to_vec();
                for px in 0..4 {
                    let s = b.load_bcast(t16, 4, c[1], (px * 2 * l.k) as i32);
                    for h in 0..2 {
                        acc[2 * px + h] = b.contract(id, &row, 0, acc[2 * px + h], s, v[h]);
                    }
                }
                let mut out = vec![b.ptr_imm(c[0], 32), b.ptr_imm(c[1], 4)];
                out.extend(acc);
                out
            });
            let mv: Vec<Val> = (0..2).map(|h| b.load(t32, MemElem::W32, m, 32 * h)).collect();
            for px in 0..4 {
                let q: Vec<Val> = (0..2).map(|h| b.rescale(R, r[2 + 2 * px + h], mv[h])).collect();
                let n = b.narrow_sat(q[0], q[1]);
                let n = b.narrow_sat(n, n);
                let half: Vec<u16> = (0..32).map(|i| i % 16).collect();
                let n = b.shuffle(n, n, half);
                let n = b.widen(n, true, false);
                b.store(n, MemElem::S8, y, (px * l.o) as i32);
            }
            vec![r[0], b.ptr_imm(bias, 64), b.ptr_imm(m, 64), b.ptr_imm(y, 16)]
        });
        vec![]
    });
    module.funcs.push(b.finish());
    (module, w)
}

/// Runs it, compares, and gives back instructions for each product.
pub fn measure(target: &str, l: Layer, make: impl Fn(Layer, &Case) -> (Module, Vec<u8>)) -> f64 {
    let c = Case::random(l);
    let (module, w) = make(l, &c);
    if let Ok(dir) = std::env::var("MCOMPC_DUMP") {
        std::fs::write(format!("{dir}/{target}.s"), assembly(&module, target)).unwrap();
        std::fs::write(format!("{dir}/{target}.mlir"), mlir(&module, target)).unwrap();
        std::fs::write(format!("{dir}/{target}.o"), object(&module, target)).unwrap();
    }
    let input: Vec<u8> = [c.x.iter().map(|&v| v as u8).collect(), w, le(&c.bias), le(&c.m)].concat();
    let run = run(&module, "conv", target, &input, true);
    assert!(run.output == c.expected(l), "{target}: wrong result");
    let per = run.instructions.unwrap() as f64 / (l.pixels * l.k * l.o) as f64;
    println!("{target}: {per:.4} instructions per product");
    per
}
