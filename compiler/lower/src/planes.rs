//! Depthwise convolutions on cores that multiply pairs of i16 in scalar registers (Armv7E-M): one channel at a time is staged as a
//! padded i16 plane, then pairs of neighbouring pixels meet pairs of taps.
//!
//! A row of taps w0 w1 w2 meets pixels x0 x1 x2 x3 as (x0,x1)(w0,w1) + (x2,x3)(w2,0) for the even output and, with stride 1, as
//! (x0,x1)(0,w0) + (x2,x3)(w1,w2) for the odd one: no pixel is loaded twice and none needs shifting.

use crate::emit::{Arg, Call, each_image};
use crate::narrow::{Narrow, PlaneTaps};
use crate::pack::fold_zero_point;
use crate::spec::{ConvSpec, kernel_name};
use mcompc_ir::{Code, Error, Result, ValueId};
use mcompc_kernel::{Builder, Form, Machine, MemElem, Role, Row, Ty, Val};

/// Outputs computed together.
const STRIP: usize = 4;

struct Shape {
    /// Words (pairs of pixels) a strip reads of one plane row.
    words: usize,
    /// Plane row length in pixels, even.
    pw: usize,
    /// Plane rows.
    ph: usize,
    /// Strips a row.
    strips: usize,
}

fn shape(s: &ConvSpec) -> Shape {
    let g = &s.geo;
    let strips = g.ow.div_ceil(STRIP);
    let span = (STRIP - 1) * g.sw + g.kw;
    let words = span.div_ceil(2);
    let pw = (strips - 1) * STRIP * g.sw + 2 * words;
    Shape { words, pw: pw.next_multiple_of(2), ph: (g.oh - 1) * g.sh + g.kh, strips }
}

/// Whether the plane form applies: undilated windows of at most 5 taps a row, stride 1 or 2, and a plane of at most 8 KiB that the
/// image reaches into.
pub fn fits(s: &ConvSpec) -> bool {
    let g = &s.geo;
    let sh = shape(s);
    let seen = g.rows().any() && g.columns().any();
    seen && g.dh == 1 && g.dw == 1 && g.kw <= 5 && g.sw <= 2 && sh.pw * sh.ph * 2 <= 8192 && !s.x_u8()
}

/// Words of paired taps for output `i` of a strip (relative to its first pixel): (plane word, low tap, high tap).
fn pairs(s: &ConvSpec, i: usize) -> Vec<(usize, Option<usize>, Option<usize>)> {
    let first = i * s.geo.sw;
    let tap = |x: usize| x.checked_sub(first).filter(|&t| t < s.geo.kw);
    (first / 2..=(first + s.geo.kw - 1) / 2).map(|w| (w, tap(2 * w), tap(2 * w + 1))).collect()
}

/// Kernel and call.
pub fn depthwise_planes(s: &ConvSpec, m: &Machine, x: ValueId, y: ValueId) -> Result<Call> {
    let g = &s.geo;
    let row = m
        .contract
        .iter()
        .find(|r| r.form == Form::Packed)
        .ok_or_else(|| Error::new(Code::Internal, format!("machine `{}` has no packed row for planes", m.isa)))?;
    let sh = shape(s);
    // Distinct tap words of one row of taps; outputs of a strip share them.
    let mut kinds: Vec<(Option<usize>, Option<usize>)> = Vec::new();
    for i in 0..STRIP {
        for (_, lo, hi) in pairs(s, i) {
            if !kinds.contains(&(lo, hi)) {
                kinds.push((lo, hi));
            }
        }
    }
    // Weights to be coded lie once, without the repetition that the strips want.
    let whole = s.bytes.then_some(Narrow { bits: 8, blocks: None });
    let narrow = whole.as_ref().or(s.narrow.as_ref());
    let taps = PlaneTaps { bits: narrow.map_or(8, |n| n.bits.into()), window: [g.kw, g.kh], kinds: &kinds };
    let packed = narrow.map(|n| taps.pack(n, s)).transpose()?;
    // Per channel: bias, multiplier, then for each row of taps its words, or those packed elsewhere.
    let bias = fold_zero_point(&s.bias, &s.weights, s.zp_x);
    let mut params = Vec::new();
    for (ch, (bias, mult)) in bias.iter().zip(&s.mult).enumerate() {
        params.extend(bias.to_le_bytes());
        params.extend(mult.to_le_bytes());
        for ky in (0..g.kh).filter(|_| packed.is_none()) {
            for (lo, hi) in &kinds {
                for t in [lo, hi] {
                    let w = t.map_or(0, |t| s.weights[(ch * g.kh + ky) * g.kw + t]);
                    params.extend(w.to_le_bytes());
                }
            }
        }
    }
    let per_channel = 8 + if packed.is_some() { 0 } else { taps.word_bytes() };
    let plane_bytes = sh.pw * sh.ph * 2;

    let mut b = Builder::new(kernel_name("dwplane", s));
    let [from, to] = s.sizes();
    let px = b.ptr("x", Role::In, g.n * g.image() / s.repeat * from, from as u8);
    let py = b.ptr("y", Role::Out, g.n * g.pixels() * g.c * to, to as u8);
    let pp = b.ptr("p", Role::Const, params.len(), 4);
    let scratch = plane_bytes + if packed.is_some() { taps.word_bytes() } else { 0 };
    let ps = b.ptr("s", Role::Scratch, scratch, 4);
    let mut args =
        vec![Arg::Value(x), Arg::Value(y), Arg::Data { bytes: params, align: 4, weights: packed.is_none() }, Arg::Scratch(scratch)];
    // Packed taps and where their words go.
    let unpacked = packed.map(|bytes| {
        let w = b.ptr("w", Role::Const, bytes.len(), 1);
        args.push(Arg::Data { bytes, align: 4, weights: true });
        let words = b.ptr_imm(ps, plane_bytes as i32);
        taps.clear(&mut b, words);
        (w, words)
    });
    // The frame of padding is the same for every channel: written once.
    let z = b.iconst(s.zp_x & 0xffff | s.zp_x << 16);
    b.for_loop(0, (plane_bytes / 4) as i32, 1, &[ps], |b, _, p| {
        b.store_aligned(z, MemElem::W32, p[0], 0, 4);
        vec![b.ptr_imm(p[0], 4)]
    });
    each_image(&mut b, g.n, [(px, g.image() / s.repeat * from), (py, g.pixels() * g.c * to)], |b, px, py| {
        // One channel of the result, by its address, parameters and packed taps, and those of the next.
        let channel = |b: &mut Builder, c: &[Val]| {
            let (words, off) = match unpacked {
                None => (c[1], 8),
                Some((_, words)) => {
                    taps.unpack(b, c[2], words);
                    (words, 0)
                }
            };
            convolve(b, s, &sh, row, &kinds, ps, c[1], (words, off), c[0]);
        };
        let behind = |b: &mut Builder, c: &[Val]| -> Vec<Val> {
            let mut next = vec![b.ptr_imm(c[0], to as i32), b.ptr_imm(c[1], per_channel as i32)];
            next.extend(c.get(2).map(|&w| b.ptr_imm(w, taps.packed_bytes() as i32)));
            next
        };
        let mut carried = vec![px, py, pp];
        carried.extend(unpacked.map(|u| u.0));
        b.for_loop(0, s.inputs() as i32, 1, &carried, |b, _, c| {
            stage_plane(b, s, &sh, c[0], ps);
            // All channels of the result that read this plane.
            if s.repeat == 1 {
                channel(b, &c[1..]);
                return [vec![b.ptr_imm(c[0], from as i32)], behind(b, &c[1..])].concat();
            }
            let next = b.for_loop(0, s.repeat as i32, 1, &c[1..], |b, _, c| {
                channel(b, c);
                behind(b, c)
            });
            [vec![b.ptr_imm(c[0], from as i32)], next].concat()
        });
    });
    Ok(Call { func: b.finish(), rows: vec![row.clone()], args, macs: (g.n * g.pixels() * g.c * g.kh * g.kw) as u64, in_place: vec![] })
}

// Rows and columns of the image that some window reads.
fn stage_plane(b: &mut Builder, s: &ConvSpec, sh: &Shape, x: Val, plane: Val) {
    let (g, mem) = (&s.geo, s.mem[0]);
    // Bytes from a pixel to the next.
    let channels = s.inputs() * mem.bytes();
    let rows = g.h.min(sh.ph - g.pt);
    let cols = g.w.min(sh.pw - g.pl);
    let dst0 = b.ptr_imm(plane, ((g.pt * sh.pw + g.pl) * 2) as i32);
    let unroll = [5usize, 4, 3, 2].into_iter().find(|u| cols.is_multiple_of(*u)).unwrap_or(1);
    b.for_loop(0, rows as i32, 1, &[x, dst0], |b, _, r| {
        b.for_loop(0, (cols / unroll) as i32, 1, &[r[0], r[1]], |b, _, c| {
            for u in 0..unroll {
                let v = b.load_aligned(Ty::I32, mem, c[0], (u * channels) as i32, mem.bytes() as u8);
                b.store_aligned(v, MemElem::S16, c[1], (2 * u) as i32, 2);
            }
            vec![b.ptr_imm(c[0], (unroll * channels) as i32), b.ptr_imm(c[1], (2 * unroll) as i32)]
        });
        vec![b.ptr_imm(r[0], (g.w * channels) as i32), b.ptr_imm(r[1], (sh.pw * 2) as i32)]
    });
}

#[allow(clippy::too_many_arguments)]
fn convolve(
    b: &mut Builder,
    s: &ConvSpec,
    sh: &Shape,
    row: &Row,
    kinds: &[(Option<usize>, Option<usize>)],
    plane: Val,
    p: Val,
    words: (Val, usize),
    y: Val,
) {
    let (g, to) = (&s.geo, s.sizes()[1]);
    let strip = |b: &mut Builder, src: Val, out: Val, count: usize| {
        let bias = b.load_aligned(Ty::I32, MemElem::W32, p, 0, 4);
        let mut acc = vec![bias; count];
        for ky in 0..g.kh {
            let mut taps: Vec<Option<Val>> = vec![None; kinds.len()];
            for word in 0..sh.words {
                let uses: Vec<(usize, usize)> = (0..count)
                    .flat_map(|i| pairs(s, i).into_iter().filter(|q| q.0 == word).map(move |q| (i, (q.1, q.2))))
                    .filter_map(|(i, k)| kinds.iter().position(|&x| x == k).map(|k| (i, k)))
                    .collect();
                if uses.is_empty() {
                    continue;
                }
                let xw = b.load_aligned(Ty::I32, MemElem::W32, src, ((ky * sh.pw + 2 * word) * 2) as i32, 4);
                for (i, k) in uses {
                    let w = *taps[k].get_or_insert_with(|| {
                        b.load_aligned(Ty::I32, MemElem::W32, words.0, (words.1 + (ky * kinds.len() + k) * 4) as i32, 4)
                    });
                    acc[i] = b.contract(0, row, 0, acc[i], xw, w);
                }
            }
        }
        let m = b.load_aligned(Ty::I32, MemElem::W32, p, 4, 4);
        for (i, &a) in acc.iter().enumerate() {
            let q = b.rescale(s.rescale, a, m);
            b.store_aligned(q, s.mem[1], out, (i * g.c * to) as i32, to as u8);
        }
    };
    let (full, rest) = (g.ow / STRIP, g.ow % STRIP);
    debug_assert_eq!(sh.strips, full + usize::from(rest > 0));
    let advance = ((STRIP * g.sw * 2) as i32, (STRIP * g.c * to) as i32);
    b.for_loop(0, g.oh as i32, 1, &[plane, y], |b, _, r| {
        let mut c = vec![r[0], r[1]];
        if full > 0 {
            c = b.for_loop(0, full as i32, 1, &c, |b, _, c| {
                strip(b, c[0], c[1], STRIP);
                vec![b.ptr_imm(c[0], advance.0), b.ptr_imm(c[1], advance.1)]
            });
        }
        if rest > 0 {
            strip(b, c[0], c[1], rest);
        }
        vec![b.ptr_imm(r[0], (g.sh * sh.pw * 2) as i32), b.ptr_imm(r[1], (g.ow * g.c * to) as i32)]
    });
}
