//! Depthwise convolutions with channels in lanes: per output pixel one address a tap (padding reads a row of zero points), then
//! blocks of channels over all taps.

use crate::copy::{CopyMode, fill_run, unit_of};
use crate::dwrows::depthwise_rows;
use crate::emit::{Arg, Call, each_image, layer_args, overlapped};
use crate::gemm::{i32s, store_codes};
use crate::narrow::Taps;
use crate::pack::fold_zero_point;
use crate::planes;
use crate::repeat::repeat_run;
use crate::rows::pair_row;
use crate::spec::{ConvSpec, Geometry, kernel_name};
use crate::window::Axis;
use mcompc_ir::{Code, Error, Result, ValueId};
use mcompc_kernel::{Bin, Builder, Cmp, Lane, MacForm, Machine, MemElem, Role, Row, Ty, Val};

/// Kernel and call of a q.conv with group = channels.
pub fn depthwise_kernel(s: &ConvSpec, m: &Machine, x: ValueId, y: ValueId) -> Result<Call> {
    let s = &s.canonical();
    if m.mac == MacForm::Planes && planes::fits(s) {
        return planes::depthwise_planes(s, m, x, y);
    }
    // Rows are paired from bytes, and made bytes of.
    if s.sizes() == [1, 1]
        && let Some(call) = depthwise_rows(s, m, x, y)?
    {
        return Ok(call);
    }
    let g = &s.geo;
    let c = g.c;
    let [from, to] = s.sizes();
    let scalar = c < m.mac_lanes as usize || s.wide() && s.repeat > 1;
    let lanes = if scalar { 1 } else { (m.mac_lanes as usize).max(1) };
    let window = Window::of(s, if lanes == 1 { s.inputs() } else { c });
    let taps = window.taps.len();
    let pairs = if m.mac == MacForm::Pairs && lanes > 1 {
        Some(pair_row(m).ok_or_else(|| Error::new(Code::Internal, format!("machine `{}` pairs taps but has no row for them", m.isa)))?)
    } else {
        None
    };

    // Codes less a zero point need two bytes.
    let stored = if s.bytes_hold_weights() { MemElem::S8 } else { MemElem::S16 };
    // Weights as [tap][channel], or [pair of taps][channel][2] with a zero tap where the number is odd.
    let tap = |t: usize, ch: usize| if t < taps { window.weights[ch * taps + t] } else { 0 };
    let mut weights = Vec::new();
    let narrow = s.narrow.as_ref().map(|n| Taps::new(n, [taps, c], pairs.is_some()));
    if let (Some(n), Some(taps)) = (&s.narrow, narrow) {
        weights = taps.pack(n, &window.weights)?;
    } else if pairs.is_some() {
        for t in (0..taps).step_by(2) {
            for ch in 0..c {
                weights.extend(tap(t, ch).to_le_bytes());
                weights.extend(tap(t + 1, ch).to_le_bytes());
            }
        }
    } else {
        for t in 0..taps {
            weights.extend((0..c).flat_map(|ch| tap(t, ch).to_le_bytes().into_iter().take(stored.bytes())));
        }
    }
    let bias = fold_zero_point(&s.bias, &window.weights, s.zp_x);
    let params: Vec<u8> = bias.iter().chain(&s.mult).flat_map(|v| v.to_le_bytes()).collect();

    let mut b = Builder::new(kernel_name("dwconv", s));
    let px = b.ptr("x", Role::In, g.n * g.image() / s.repeat * from, from as u8);
    let py = b.ptr("y", Role::Out, g.n * g.pixels() * c * to, to as u8);
    let pw = b.ptr("w", Role::Const, weights.len(), 16);
    let pp = b.ptr("p", Role::Const, params.len(), 4);
    let mut args = layer_args(x, y, weights, params);
    // Channels one at a time find those of the input by themselves; lanes want them side by side.
    let repeated = if lanes > 1 && s.repeat > 1 { g.n * g.image() } else { 0 };
    let zeros = if g.padded() { c * from } else { 0 };
    let (mut px, mut z) = (px, None);
    if zeros + repeated > 0 {
        let scratch = if repeated > 0 { zeros.next_multiple_of(16) + repeated } else { zeros };
        args.push(Arg::Scratch(scratch));
        let p = b.ptr("z", Role::Scratch, scratch, 16);
        if zeros > 0 {
            let mode = if s.wide() { CopyMode::Halves } else { CopyMode::Bytes { flip: false } };
            fill_run(&mut b, unit_of(m), mode, p, zeros, s.zp_x);
            z = Some(p);
        }
        if repeated > 0 {
            let to = b.ptr_imm(p, (scratch - repeated) as i32);
            repeat_run(&mut b, unit_of(m), px, to, repeated / s.repeat, s.repeat);
            px = to;
        }
    }
    let image = g.h * g.w * window.c * from;
    let body = Body { s, m, lanes, pairs, narrow, stored, pw, pp };
    each_image(&mut b, g.n, [(px, image), (py, g.pixels() * c * to)], |b, px, py| {
        let (iy_start, ix_start) = (b.iconst(-(g.pt as i32)), b.iconst(-(g.pl as i32)));
        b.for_loop(0, g.oh as i32, 1, &[py, iy_start], |b, _, row| {
            let ends = b.for_loop(0, g.ow as i32, 1, &[row[0], ix_start], |b, _, px_out| {
                let ptrs = window.pointers(b, px, z, row[1], px_out[1]);
                body.channels(b, &ptrs, px_out[0]);
                vec![b.ptr_imm(px_out[0], (c * to) as i32), b.add_imm(px_out[1], g.sw as i32)]
            });
            vec![ends[0], b.add_imm(row[1], g.sh as i32)]
        });
    });
    let rows = pairs.map(|r| vec![r.clone()]).unwrap_or_default();
    Ok(Call { func: b.finish(), rows, args, macs: (g.n * g.pixels() * c * taps) as u64, in_place: vec![] })
}

// The taps of a window that meet the image, and their weights [channel][tap].
struct Window<'a> {
    geo: &'a Geometry,
    /// Channels of the tensor that is read, and bytes of each.
    c: usize,
    size: usize,
    taps: Vec<[usize; 2]>,
    weights: Vec<i16>,
}

impl<'a> Window<'a> {
    fn of(s: &'a ConvSpec, c: usize) -> Self {
        let geo = &s.geo;
        let all = geo.kh * geo.kw;
        let met = |&t: &usize| geo.rows().meets(t / geo.kw) && geo.columns().meets(t % geo.kw);
        let mut taps: Vec<usize> = (0..all).filter(met).collect();
        if taps.is_empty() {
            taps.push(0);
        }
        let weights = s.weights.chunks_exact(all).flat_map(|w| taps.iter().map(|&t| w[t])).collect();
        Self { geo, c, size: s.sizes()[0], taps: taps.into_iter().map(|t| [t / geo.kw, t % geo.kw]).collect(), weights }
    }

    // The address of every tap's channels for the window at (iy0, ix0).
    fn pointers(&self, b: &mut Builder, x: Val, zeros: Option<Val>, iy0: Val, ix0: Val) -> Vec<Val> {
        let g = self.geo;
        if let Some(z) = zeros.filter(|_| !(g.rows().any() && g.columns().any())) {
            return vec![z; self.taps.len()];
        }
        let row0 = b.mul_imm(iy0, g.w as i32);
        let at0 = b.add(row0, ix0);
        let base = b.ptr_add(x, at0, (self.c * self.size) as i32, 0);
        let off = |ky: usize, kx: usize| ((ky * g.dh * g.w + kx * g.dw) * self.c * self.size) as i32;
        let Some(z) = zeros else {
            return self.taps.iter().map(|&[ky, kx]| b.ptr_imm(base, off(ky, kx))).collect();
        };
        let inside = |b: &mut Builder, first: Val, axis: Axis, k: usize, d: usize, size: usize| -> Vec<Option<Val>> {
            let lim = b.iconst(size as i32);
            let mut ask = |i: usize| {
                let at = b.add_imm(first, (i * d) as i32);
                b.cmp(Cmp::Ult, at, lim)
            };
            (0..k).map(|i| axis.meets(i).then(|| ask(i))).collect()
        };
        let oky = inside(b, iy0, g.rows(), g.kh, g.dh, g.h);
        let okx = inside(b, ix0, g.columns(), g.kw, g.dw, g.w);
        let one = |&[ky, kx]: &[usize; 2]| match (oky[ky], okx[kx]) {
            (Some(y_in), Some(x_in)) => {
                let ok = b.bin(Bin::And, y_in, x_in);
                let p = b.ptr_imm(base, off(ky, kx));
                b.select(ok, p, z)
            }
            _ => z,
        };
        self.taps.iter().map(one).collect()
    }
}

struct Body<'a> {
    s: &'a ConvSpec,
    m: &'a Machine,
    lanes: usize,
    pairs: Option<&'a Row>,
    narrow: Option<Taps>,
    /// A weight in memory, where they are not paired.
    stored: MemElem,
    pw: Val,
    pp: Val,
}

impl Body<'_> {
    // All channels of one output pixel, block by block; the last block overlaps where the channels do not divide.
    fn channels(&self, b: &mut Builder, taps: &[Val], out: Val) {
        let (c, l) = (self.s.geo.c, self.lanes);
        let n = c.div_ceil(l);
        if n == 1 {
            let z = b.iconst(0);
            return self.block(b, taps, out, z, z);
        }
        if l == 1 && self.s.repeat > 1 {
            // The channels of the result that read one of the input follow each other.
            let z = b.iconst(0);
            b.for_loop(0, self.s.inputs() as i32, 1, &[z], |b, from, at| {
                b.for_loop(0, self.s.repeat as i32, 1, at, |b, _, at| {
                    self.block(b, taps, out, from, at[0]);
                    vec![b.add_imm(at[0], 1)]
                })
            });
            return;
        }
        b.for_loop(0, (n * l) as i32, l as i32, &[], |b, iv, _| {
            let at = overlapped(b, iv, c, l);
            self.block(b, taps, out, at, at);
            vec![]
        });
    }

    // The channels from `at` on, which read those of the input from `from` on.
    fn block(&self, b: &mut Builder, taps: &[Val], out: Val, from: Val, at: Val) {
        let (c, l) = (self.s.geo.c, self.lanes);
        let parts = if l > 1 && (self.m.split || self.pairs.is_some()) { 2 } else { 1 };
        let ty = i32s(l / parts);
        let param = |b: &mut Builder, base: usize| -> Vec<Val> {
            let p = b.ptr_add(self.pp, at, 4, (base * 4) as i32);
            (0..parts).map(|h| b.load_aligned(ty, MemElem::W32, p, (h * (l / parts) * 4) as i32, 4)).collect()
        };
        let mut acc = param(b, 0);
        let [mem, y] = self.s.mem;
        let a_ty = if l > 1 { Ty::Vec(Lane::I16, l as u16) } else { Ty::I32 };
        let load = |b: &mut Builder, t: usize| {
            let p = b.ptr_add(taps[t], from, mem.bytes() as i32, 0);
            b.load_aligned(a_ty, mem, p, 0, mem.bytes() as u8)
        };
        if let Some(row) = self.pairs {
            let pw = b.ptr_add(self.pw, at, 4, 0);
            let mut open = [None; 2];
            for t in (0..taps.len()).step_by(2) {
                let a0 = load(b, t);
                let a1 = if t + 1 < taps.len() { load(b, t + 1) } else { a0 };
                for (h, acc) in acc.iter_mut().enumerate() {
                    let half = (l / 2) as u16;
                    let mask = (0..half).flat_map(|i| [h as u16 * half + i, l as u16 + h as u16 * half + i]).collect();
                    let a = b.shuffle(a0, a1, mask);
                    let w = match self.narrow {
                        Some(taps) => taps.load(b, a_ty, pw, t / 2, h * l * 2, &mut open[h]),
                        None => b.load(a_ty, MemElem::S16, pw, (t / 2 * c * 4 + h * l * 2) as i32),
                    };
                    *acc = b.contract(0, row, 0, *acc, a, w);
                }
            }
        } else {
            let each = self.stored.bytes();
            let pw = b.ptr_add(self.pw, at, each as i32, 0);
            let mut open = None;
            for t in 0..taps.len() {
                let a = load(b, t);
                let w = match self.narrow {
                    Some(taps) => taps.load(b, a_ty, pw, t, 0, &mut open),
                    None => b.load(a_ty, self.stored, pw, (t * c * each) as i32),
                };
                mac_parts(b, &mut acc, a, w);
            }
        }
        let m = param(b, c);
        let q: Vec<Val> = acc.iter().zip(m).map(|(&acc, m)| b.rescale(self.s.rescale, acc, m)).collect();
        let p = b.ptr_add(out, at, y.bytes() as i32, 0);
        store_codes(b, y, &q, p, 0, l);
    }
}

/// `acc += a * w` for i16 lanes into one vector of i32 lanes, two halves, or a scalar.
pub fn mac_parts(b: &mut Builder, acc: &mut [Val], a: Val, w: Val) {
    match acc {
        [one] if b.ty(*one) == Ty::I32 => {
            let p = b.bin(Bin::Mul, a, w);
            *one = b.add(*one, p);
        }
        [one] => *one = b.mac(*one, a, w),
        halves => {
            for (h, acc) in halves.iter_mut().enumerate() {
                let (x, y) = (b.widen(a, true, h == 1), b.widen(w, true, h == 1));
                let p = b.bin(Bin::Mul, x, y);
                *acc = b.add(*acc, p);
            }
        }
    }
}
