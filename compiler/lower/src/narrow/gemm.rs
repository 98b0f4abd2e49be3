//! The inner product with packed codes: containers are loaded and taken apart between the products.

use super::Split;
use crate::emit::rounds;
use crate::gemm::Gemm;
use crate::pack::Steps;
use mcompc_kernel::{Bin, Builder, MemElem, Ty, Val};

/// A block of pixels times all output channels, as [`Gemm`], whose `rescale` is that of the layout.
#[derive(Clone, Debug)]
pub struct NarrowGemm<'a> {
    /// Tile, row and rescale.
    pub gemm: Gemm<'a>,
    /// Containers.
    pub split: Split,
    /// Steps of a run of K that shares a multiplier; all of them where there are none.
    pub run: usize,
}

/// Addresses that a block of pixels needs beside activations, weights, parameters and outputs.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// Multipliers of the runs of K.
    pub multipliers: Option<Val>,
    /// Corrections `[pixel][run]`, i32, of codes that are stored above their value.
    pub corrections: Option<Val>,
}

impl NarrowGemm<'_> {
    fn steps(&self) -> usize {
        self.gemm.kpad / Steps::of(self.gemm.row).step
    }
    /// Runs of K.
    pub fn runs(&self) -> usize {
        self.steps().div_ceil(self.run)
    }

    /// Emits the block, as [`Gemm::emit`].
    pub fn emit(&self, b: &mut Builder, a: Val, w: Val, params: Val, beside: Beside, out: Val) {
        let g = &self.gemm;
        let (full, rest) = (g.o / g.nr, g.o % g.nr);
        let mut c = vec![w, params, out];
        c.extend(beside.multipliers);
        if full > 1 {
            c = b.for_loop(0, full as i32, 1, &c, |b, _, c| self.block(b, a, c, beside.corrections, g.nr));
        } else if full == 1 {
            c = self.block(b, a, &c, beside.corrections, g.nr);
        }
        if rest > 0 {
            self.block(b, a, &c, beside.corrections, rest);
        }
    }

    // `c` = weights, parameters, outputs and multipliers of this block; returns those of the next one.
    fn block(&self, b: &mut Builder, a: Val, c: &[Val], corr: Option<Val>, count: usize) -> Vec<Val> {
        let g = &self.gemm;
        let n = g.row.n as usize;
        let nv = count.div_ceil(n);
        let mask = self.split.mask(b, g.row.w_ty());
        let bias = g.biases(b, c[1], count);
        let mut multipliers = c.get(3).copied();
        let (acc, w) = match multipliers {
            None => {
                let mut v = self.begin(b, &bias, corr);
                v.extend([a, c[0]]);
                // Runs of rows of taps lie apart in the activations.
                let back = g.runs.1 as i32 - (g.kpad * g.a_mem.bytes()) as i32;
                v = match g.runs.0 {
                    1 => self.run_of_k(b, v, nv, self.steps(), mask),
                    runs => b.for_loop(0, runs as i32, 1, &v, |b, _, v| {
                        let mut v = self.run_of_k(b, v.to_vec(), nv, self.steps(), mask);
                        v[g.mr * nv] = b.ptr_imm(v[g.mr * nv], back);
                        v
                    }),
                };
                (v[..g.mr * nv].to_vec(), v[g.mr * nv + 1])
            }
            Some(first) => {
                let mut v: Vec<Val> = (0..g.mr).flat_map(|_| bias.clone()).collect();
                v.extend([a, c[0], first]);
                v.extend(corr);
                let (full, rest) = (self.steps() / self.run, self.steps() % self.run);
                if full > 0 {
                    v = b.for_loop(0, full as i32, 1, &v, |b, _, v| self.multiplied(b, v, nv, self.run, mask));
                }
                if rest > 0 {
                    v = self.multiplied(b, &v, nv, rest, mask);
                }
                let at = g.mr * nv;
                multipliers = Some(v[at + 2]);
                (v[..at].to_vec(), v[at + 1])
            }
        };
        g.finish(b, &acc, c[1], c[2], count);
        let mut next = vec![w, b.ptr_imm(c[1], (nv * n * 8) as i32), b.ptr_imm(c[2], (count * g.y.bytes()) as i32)];
        next.extend(multipliers);
        next
    }

    // Sums as they begin: `from` per channel, and the correction of each pixel; `corr` is at the run.
    fn begin(&self, b: &mut Builder, from: &[Val], corr: Option<Val>) -> Vec<Val> {
        let mut acc = Vec::with_capacity(self.gemm.mr * from.len());
        for i in 0..self.gemm.mr {
            let add = corr.map(|p| b.load_aligned(Ty::I32, MemElem::W32, p, (i * self.runs() * 4) as i32, 4));
            for &f in from {
                acc.push(add.map_or(f, |x| b.add(f, x)));
            }
        }
        acc
    }

    // One run of K with its multipliers: v = totals, activations, weights, multipliers, corrections; returns them advanced.
    fn multiplied(&self, b: &mut Builder, v: &[Val], nv: usize, steps: usize, mask: Option<Val>) -> Vec<Val> {
        let g = &self.gemm;
        let (n, at, ty) = (g.row.n as usize, g.mr * nv, g.row.acc_ty());
        let zero = b.vconst(0, ty);
        let corr = v.get(at + 3).copied();
        let mut run = self.begin(b, &vec![zero; nv], corr);
        run.extend([v[at], v[at + 1]]);
        let end = self.run_of_k(b, run, nv, steps, mask);
        let mut next = v[..at].to_vec();
        for j in 0..nv {
            let r = b.load(ty, MemElem::U8, v[at + 2], (j * n) as i32);
            for i in 0..g.mr {
                let p = b.bin(Bin::Mul, end[i * nv + j], r);
                next[i * nv + j] = b.add(next[i * nv + j], p);
            }
        }
        next.extend([end[at], end[at + 1], b.ptr_imm(v[at + 2], (nv * n) as i32)]);
        next.extend(corr.map(|p| b.ptr_imm(p, 4)));
        next
    }

    // Steps whose containers follow one another, v as in `Gemm::step`: rounds of as many steps as whole containers hold, then what is left.
    fn run_of_k(&self, b: &mut Builder, mut v: Vec<Val>, nv: usize, steps: usize, mask: Option<Val>) -> Vec<Val> {
        let g = &self.gemm;
        let per_step = g.units(nv);
        let whole = self.split.per() / gcd(self.split.per(), per_step);
        let round = whole * (g.row.unroll as usize / whole).max(1);
        let (loops, rest) = rounds(steps, round);
        let bytes = g.row.w_ty().bytes();
        let a_step = g.a_step();
        let some = |b: &mut Builder, v: &[Val], count: usize| {
            let mut v = v.to_vec();
            let mut open = None;
            for s in 0..count {
                let mut weights = |b: &mut Builder, w: Val, unit: usize| {
                    let (c, t) = ((s * per_step + unit) / self.split.per(), (s * per_step + unit) % self.split.per());
                    let v = match open {
                        Some((at, v)) if at == c => v,
                        _ => b.load_aligned(g.row.w_ty(), g.container(), w, (c * bytes) as i32, g.container().bytes() as u8),
                    };
                    open = Some((c, v));
                    self.split.take(b, v, t, mask)
                };
                g.step(b, &mut v, nv, s * a_step, &mut weights);
            }
            let k = v.len();
            v[k - 2] = b.ptr_imm(v[k - 2], (a_step * count) as i32);
            v[k - 1] = b.ptr_imm(v[k - 1], ((count * per_step).div_ceil(self.split.per()) * bytes) as i32);
            v
        };
        if loops > 0 {
            v = b.for_loop(0, loops as i32, 1, &v, |b, _, v| some(b, v, round));
        }
        if rest > 0 {
            v = some(b, &v, rest);
        }
        v
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// For each pixel of the block and each run of `run` elements of K, what the codes' offset `above` adds to a sum, negated, as an i32 at
/// `to`: once a block of pixels, whatever the number of channels. The row is a `packed` one.
pub fn correct_pixels(b: &mut Builder, g: &Gemm, activations: Val, to: Val, run: usize, above: i32) {
    let minus = b.iconst(-above & 0xffff | -above << 16);
    let zero = b.iconst(0);
    let step = Steps::of(g.row).step;
    let bytes = g.a_step() as i32;
    let sum = |b: &mut Builder, from: Val, to: Val, len: usize| {
        let (loops, rest) = rounds(len / step, 2);
        let some = |b: &mut Builder, v: &[Val], count: usize| {
            let mut acc = v[0];
            for i in 0..count as i32 {
                for x in g.pair(b, v[1], i * bytes) {
                    acc = b.contract(g.row_id, g.row, 0, acc, x, minus);
                }
            }
            vec![acc, b.ptr_imm(v[1], count as i32 * bytes)]
        };
        let mut v = vec![zero, from];
        if loops > 0 {
            v = b.for_loop(0, loops as i32, 1, &v, |b, _, v| some(b, v, 2));
        }
        v = some(b, &v, rest);
        b.store_aligned(v[0], MemElem::W32, to, 0, 4);
        vec![v[1], b.ptr_imm(to, 4)]
    };
    let pixel = |b: &mut Builder, v: &[Val]| {
        let (full, rest) = (g.kpad / run, g.kpad % run);
        let mut v = v.to_vec();
        if full > 1 {
            v = b.for_loop(0, full as i32, 1, &v, |b, _, v| sum(b, v[0], v[1], run));
        } else if full == 1 {
            v = sum(b, v[0], v[1], run);
        }
        if rest > 0 { sum(b, v[0], v[1], rest) } else { v }
    };
    if g.mr == 1 {
        pixel(b, &[activations, to]);
    } else {
        b.for_loop(0, g.mr as i32, 1, &[activations, to], |b, _, v| pixel(b, v));
    }
}
