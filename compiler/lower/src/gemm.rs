//! The inner product of a block of pixels with every output channel: accumulators in registers over all of K, then the rescale.

use crate::emit::rounds;
use crate::pack::Steps;
use mcompc_kernel::{Bin, Builder, Elem, Form, Lane, MemElem, Op, Rescale, Row, Ty, Val};

/// Steps of a run that is not worth a loop of its own.
const SHORT: usize = 8;

/// A block of `mr` pixels times `o` output channels.
#[derive(Clone, Debug)]
pub struct Gemm<'a> {
    /// Contraction row and its index in the module.
    pub row: &'a Row,
    /// Its index in the kernel's row list.
    pub row_id: u16,
    /// Memory element of the activations (staged or direct).
    pub a_mem: MemElem,
    /// Packed rows without staging: the codes lie in memory as bytes and are unpacked beside the weights, after this exclusive or.
    pub unpack: Option<i32>,
    /// Padded K of a run.
    pub kpad: usize,
    /// Runs of K, and bytes from the start of one to the start of the next in the activations; the weights lie one after the other.
    pub runs: (usize, usize),
    /// Pixels of the block.
    pub mr: usize,
    /// Output channels of a full block.
    pub nr: usize,
    /// Output channels in all.
    pub o: usize,
    /// Bytes from one pixel's K elements to the next one's.
    pub a_stride: usize,
    /// Rescaling.
    pub rescale: Rescale,
    /// Alignment of the activations, 1 or that of their element.
    pub a_align: u8,
    /// Memory element of the results.
    pub y: MemElem,
    /// Where an accumulator a pixel lies that its sums begin with, beside what their channels begin with.
    pub from: Option<Val>,
}

impl Gemm<'_> {
    /// Emits the block: activations at `a`, weights and parameters from their start, outputs at `out` (pixel stride `o` bytes).
    pub fn emit(&self, b: &mut Builder, a: Val, w: Val, params: Val, out: Val) {
        let (full, rest) = (self.o / self.nr, self.o % self.nr);
        let mut c = vec![w, params, out];
        if full > 1 {
            c = b.for_loop(0, full as i32, 1, &c, |b, _, c| self.block(b, a, c, self.nr));
        } else if full == 1 {
            c = self.block(b, a, &c, self.nr);
        }
        if rest > 0 {
            self.block(b, a, &c, rest);
        }
    }

    // `c` = weights, parameters, outputs of this block; returns those of the next one.
    fn block(&self, b: &mut Builder, a: Val, c: &[Val], count: usize) -> Vec<Val> {
        let n = self.row.n as usize;
        let nv = count.div_ceil(n);
        let mut carried = Vec::with_capacity(self.mr * nv + 2);
        let bias = self.biases(b, c[1], count);
        for i in 0..self.mr {
            let add = self.from.map(|p| b.load_aligned(self.row.acc_ty(), MemElem::W32, p, (i * n * 4) as i32, 4));
            carried.extend(bias.iter().map(|&f| add.map_or(f, |x| b.add(f, x))));
        }
        carried.extend([a, c[0]]);

        carried = if self.runs.0 == 1 {
            self.run(b, carried, nv)
        } else {
            let back = self.runs.1 as i32 - (self.kpad * self.a_mem.bytes()) as i32;
            b.for_loop(0, self.runs.0 as i32, 1, &carried, |b, _, v| {
                let mut v = self.run(b, v.to_vec(), nv);
                let at = v.len() - 2;
                v[at] = b.ptr_imm(v[at], back);
                v
            })
        };

        let (w, acc) = (carried[carried.len() - 1], &carried[..self.mr * nv]);
        self.finish(b, acc, c[1], c[2], count);
        vec![w, b.ptr_imm(c[1], (nv * n * 8) as i32), b.ptr_imm(c[2], (count * self.y.bytes()) as i32)]
    }

    // Where a row sums into scalars beside a vector unit, the sums start at 0 and meet bias and multiplier as vectors of four.
    fn fours(&self, count: usize) -> bool {
        self.row.form == Form::Dot && self.row.n == 1 && count.is_multiple_of(4)
    }

    /// What the sums of `count` channels begin with.
    pub fn biases(&self, b: &mut Builder, params: Val, count: usize) -> Vec<Val> {
        let n = self.row.n as usize;
        let nv = count.div_ceil(n);
        if self.fours(count) {
            return vec![b.iconst(0); nv];
        }
        (0..nv).map(|j| b.load_aligned(self.row.acc_ty(), MemElem::W32, params, (j * n * 4) as i32, 4)).collect()
    }

    /// Rescales and stores the sums (pixel-major) of `count` channels.
    pub fn finish(&self, b: &mut Builder, acc: &[Val], params: Val, out: Val, count: usize) {
        let n = self.row.n as usize;
        let nv = count.div_ceil(n);
        let fours = self.fours(count);
        for i in 0..self.mr {
            let mut q = Vec::with_capacity(nv);
            for j in (0..nv).step_by(4).filter(|_| fours) {
                let sums = acc[i * nv + j..][..4].to_vec();
                q.push(self.rescale_four(b, &sums, params, [j, nv + j]));
            }
            for j in (0..nv).filter(|_| !fours) {
                let m = b.load_aligned(self.row.acc_ty(), MemElem::W32, params, ((nv + j) * n * 4) as i32, 4);
                q.push(b.rescale(self.rescale, acc[i * nv + j], m));
            }
            store_codes(b, self.y, &q, out, (i * self.o * self.y.bytes()) as i32, count);
        }
    }

    // One run of K; `carried` as in `step`, both pointers advance by the run.
    fn run(&self, b: &mut Builder, mut carried: Vec<Val>, nv: usize) -> Vec<Val> {
        let n = self.row.n as usize;
        let st = Steps::of(self.row);
        let w_step = st.step * nv * n * self.row.w_mem.lane().bytes();
        let a_step = self.a_step();
        let steps = self.kpad / st.step;
        // A short run of many is straight code inside the loop over runs.
        let unroll = if self.runs.0 > 1 && steps <= SHORT { steps } else { (self.row.unroll as usize).max(1) };
        let (loops, rest) = rounds(steps, unroll);
        let step = |b: &mut Builder, v: &mut [Val], s: usize| {
            let mut word = None;
            let mut weights = |b: &mut Builder, w: Val, unit: usize| self.weights(b, w, s * w_step, unit, &mut word);
            self.step(b, v, nv, s * a_step, &mut weights);
        };
        let advance = |b: &mut Builder, v: &mut [Val], steps: usize| {
            let k = v.len();
            v[k - 2] = b.ptr_imm(v[k - 2], (a_step * steps) as i32);
            v[k - 1] = b.ptr_imm(v[k - 1], (w_step * steps) as i32);
        };
        if loops > 0 {
            carried = b.for_loop(0, loops as i32, 1, &carried, |b, _, v| {
                let mut v = v.to_vec();
                for s in 0..unroll {
                    step(b, &mut v, s);
                }
                advance(b, &mut v, unroll);
                v
            });
        }
        for s in 0..rest {
            step(b, &mut carried, s);
        }
        advance(b, &mut carried, rest);
        carried
    }

    // Four scalar sums as one vector; bias and multipliers are at words `at` of the parameters.
    fn rescale_four(&self, b: &mut Builder, sums: &[Val], params: Val, at: [usize; 2]) -> Val {
        let ty = i32s(4);
        let [bias, m] = at.map(|w| b.load_aligned(ty, MemElem::W32, params, (w * 4) as i32, 4));
        let mut v = b.vconst(0, ty);
        for (lane, &s) in sums.iter().enumerate() {
            v = b.op(ty, Op::Insert { lane: lane as u16 }, &[v, s]);
        }
        let v = b.add(v, bias);
        b.rescale(self.rescale, v, m)
    }

    /// One step of K: v = accumulators (pixel-major), activation pointer, weight pointer. `weights` gives the step's weights one unit after
    /// the other: vectors, scalars, or pairs in a word.
    pub fn step(&self, b: &mut Builder, v: &mut [Val], nv: usize, a_off: usize, weights: &mut dyn FnMut(&mut Builder, Val, usize) -> Val) {
        let row = self.row;
        let (pa, pw) = (v[v.len() - 2], v[v.len() - 1]);
        let at = |i: usize| (i * self.a_stride + a_off) as i32;
        let (n, k) = (row.n as usize, row.k as usize);
        match row.form {
            Form::Packed => {
                let a: Vec<[Val; 2]> = (0..self.mr).map(|i| self.pair(b, pa, at(i))).collect();
                for j in 0..nv {
                    for h in [0, 1] {
                        let w = weights(b, pw, 2 * j + h);
                        for i in 0..self.mr {
                            v[i * nv + j] = b.contract(self.row_id, row, 0, v[i * nv + j], a[i][h], w);
                        }
                    }
                }
            }
            Form::Lane => {
                let lanes = 16 / row.a.lane().bytes();
                let a: Vec<Val> = (0..self.mr).map(|i| b.load_aligned(row.a_ty(), self.a_mem, pa, at(i), self.a_align)).collect();
                for l in 0..lanes / k {
                    for j in 0..nv {
                        let w = weights(b, pw, l * nv + j);
                        for i in 0..self.mr {
                            v[i * nv + j] = b.contract(self.row_id, row, l as u8, v[i * nv + j], a[i], w);
                        }
                    }
                }
            }
            _ => {
                let w: Vec<Val> = (0..nv).map(|j| weights(b, pw, j)).collect();
                for i in 0..self.mr {
                    let a = match row.form {
                        Form::Dot if n > 1 => b.load_bcast(row.a_ty(), (k * row.a.lane().bytes()) as u8, pa, at(i)),
                        Form::Scalar => b.load_aligned(Ty::I32, self.a_mem, pa, at(i), self.a_align),
                        _ => b.load_aligned(row.a_ty(), self.a_mem, pa, at(i), self.a_align),
                    };
                    for j in 0..nv {
                        v[i * nv + j] = b.contract(self.row_id, row, 0, v[i * nv + j], a, w[j]);
                    }
                }
            }
        }
    }

    /// Four codes of a pixel as two words of i16: staged, or unpacked here.
    pub fn pair(&self, b: &mut Builder, p: Val, off: i32) -> [Val; 2] {
        let Some(flip) = self.unpack else {
            return [0, 4].map(|h| b.load_aligned(Ty::I32, MemElem::W32, p, off + h, 4));
        };
        let mut word = b.load(Ty::I32, MemElem::W32, p, off);
        if flip != 0 {
            let c = b.iconst(flip);
            word = b.bin(Bin::Xor, word, c);
        }
        [false, true].map(|ror| b.op(Ty::I32, Op::Sxtb16 { ror }, &[word]))
    }

    /// Bytes of a pixel's activations that a step reads.
    pub fn a_step(&self) -> usize {
        Steps::of(self.row).step * if self.unpack.is_some() { 1 } else { self.a_mem.bytes() }
    }

    /// Units of weights in a step over `nv` vectors of channels.
    pub fn units(&self, nv: usize) -> usize {
        match self.row.form {
            Form::Packed => 2 * nv,
            Form::Lane => Steps::of(self.row).step / self.row.k as usize * nv,
            _ => nv,
        }
    }

    /// Memory element of a container of packed codes, which has the type of a unit.
    pub fn container(&self) -> MemElem {
        match self.row.w_ty() {
            Ty::Vec(Lane::I8, _) => MemElem::S8,
            Ty::Vec(Lane::I16, _) => MemElem::S16,
            _ => MemElem::W32,
        }
    }

    /// Unit `unit` of the bytes at `p + off`; the pairs of a word share its load.
    pub fn weights(&self, b: &mut Builder, p: Val, off: usize, unit: usize, word: &mut Option<Val>) -> Val {
        let row = self.row;
        if row.form == Form::Packed && row.w_mem == Elem::I16 {
            return b.load_aligned(Ty::I32, MemElem::W32, p, (off + 4 * unit) as i32, 4);
        }
        if row.form == Form::Packed {
            let ror = unit % 2 == 1;
            let w = match word {
                Some(w) if ror => *w,
                _ => b.load_aligned(Ty::I32, MemElem::W32, p, (off + 4 * (unit / 2)) as i32, 4),
            };
            *word = Some(w);
            return b.op(Ty::I32, Op::Sxtb16 { ror }, &[w]);
        }
        let mem = if row.w_mem == Elem::I16 { MemElem::S16 } else { MemElem::S8 };
        b.load(row.w_ty(), mem, p, (off + unit * row.n as usize * row.k as usize * row.w_mem.lane().bytes()) as i32)
    }
}

/// Stores the first `count` lanes of `q`, codes of the memory element `mem`, at `p + off`.
pub fn store_codes(b: &mut Builder, mem: MemElem, q: &[Val], p: Val, off: i32, count: usize) {
    if mem.bytes() == 1 {
        return store_lanes(b, q, p, off, count);
    }
    let at = |i: usize| off + (i * mem.bytes()) as i32;
    let Ty::Vec(lane, n) = b.ty(q[0]) else {
        for (j, &v) in q.iter().enumerate().take(count) {
            b.store_aligned(v, mem, p, at(j), mem.bytes() as u8);
        }
        return;
    };
    let n = n as usize;
    let whole = count / n;
    let mut j = 0;
    while j < whole {
        if lane == Lane::I32 && mem != MemElem::W32 && n <= 8 && j + 2 <= whole {
            let v = b.narrow_sat(q[j], q[j + 1]);
            b.store_aligned(v, mem, p, at(j * n), mem.bytes() as u8);
            j += 2;
        } else {
            b.store_aligned(q[j], mem, p, at(j * n), mem.bytes() as u8);
            j += 1;
        }
    }
    for l in whole * n..count {
        let x = b.extract(q[l / n], (l % n) as u16);
        b.store_aligned(x, mem, p, at(l), mem.bytes() as u8);
    }
}

/// Stores the first `count` lanes of `q` (i32 values or vectors in i8 range) as bytes at `p + off`.
pub fn store_lanes(b: &mut Builder, q: &[Val], p: Val, off: i32, count: usize) {
    let Ty::Vec(_, n) = b.ty(q[0]) else {
        for (j, &v) in q.iter().enumerate().take(count) {
            b.store(v, MemElem::S8, p, off + j as i32);
        }
        return;
    };
    let n = n as usize;
    let whole = count / n;
    let mut j = 0;
    while j < whole {
        // Pairs and fours of short vectors become one store.
        if n <= 8 && j + 4 <= whole && n * 4 <= 16 {
            let lo = b.narrow_sat(q[j], q[j + 1]);
            let hi = b.narrow_sat(q[j + 2], q[j + 3]);
            let v = b.narrow_sat(lo, hi);
            b.store(v, MemElem::S8, p, off + (j * n) as i32);
            j += 4;
        } else if n <= 8 && j + 2 <= whole {
            let v = b.narrow_sat(q[j], q[j + 1]);
            b.store(v, MemElem::S8, p, off + (j * n) as i32);
            j += 2;
        } else {
            b.store(q[j], MemElem::S8, p, off + (j * n) as i32);
            j += 1;
        }
    }
    if n >= 8 && count > whole * n {
        let v = b.trunc(q[whole], Lane::I8);
        return store_some(b, v, n, count - whole * n, p, off + (whole * n) as i32);
    }
    for l in whole * n..count {
        let x = b.extract(q[l / n], (l % n) as u16);
        b.store(x, MemElem::S8, p, off + l as i32);
    }
}

// Stores the first `count` of `n` i8 lanes, by halves.
fn store_some(b: &mut Builder, v: Val, n: usize, count: usize, p: Val, off: i32) {
    let half = n / 2;
    if half < 2 {
        for l in 0..count {
            let x = b.extract(v, l as u16);
            b.store(x, MemElem::S8, p, off + l as i32);
        }
        return;
    }
    if count < half {
        let low = b.widen(v, true, false);
        let low = b.trunc(low, Lane::I8);
        return store_some(b, low, half, count, p, off);
    }
    let low = b.widen(v, true, false);
    b.store(low, MemElem::S8, p, off);
    if count > half {
        let high = b.widen(v, true, true);
        let high = b.trunc(high, Lane::I8);
        store_some(b, high, half, count - half, p, off + half as i32);
    }
}

/// A vector type of i32 lanes, or the scalar.
pub fn i32s(lanes: usize) -> Ty {
    if lanes <= 1 { Ty::I32 } else { Ty::Vec(Lane::I32, lanes as u16) }
}

/// `acc += codes` at p, in one vector, two halves or a scalar.
pub fn add_codes(b: &mut Builder, acc: &mut [Val], mem: MemElem, lanes: usize, p: Val) {
    match acc {
        [one] if lanes == 1 => {
            let v = b.load_aligned(Ty::I32, mem, p, 0, mem.bytes() as u8);
            *one = b.add(*one, v);
        }
        [one] => {
            let v = b.load_aligned(Ty::Vec(Lane::I16, lanes as u16), mem, p, 0, mem.bytes() as u8);
            let v = b.op(Ty::Vec(Lane::I32, lanes as u16), Op::WidenAll { to: Lane::I32, signed: true }, &[v]);
            *one = b.add(*one, v);
        }
        halves => {
            let v = b.load_aligned(Ty::Vec(Lane::I16, lanes as u16), mem, p, 0, mem.bytes() as u8);
            for (h, acc) in halves.iter_mut().enumerate() {
                let w = b.widen(v, true, h == 1);
                *acc = b.add(*acc, w);
            }
        }
    }
}
