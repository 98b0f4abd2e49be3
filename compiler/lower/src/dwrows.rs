//! Depthwise convolutions on machines that multiply pairs of i16 lanes: rows of the image are staged in pairs, row 2j between row 2j+1
//! element by element, so that one multiplication with pairs of weights takes two rows of taps and no lane has to be moved again.
//!
//! An output row that begins on an even staged row meets (w0, w1), (w2, 0), ...; one that begins on an odd row (0, w0), (w1, w2), ....
//! Channels are in lanes, and while neighbouring pixels of a row are computed the weights of a block of channels do not change. With
//! stride 1 and few channels a vector holds several pixels.

use crate::bands::{BAND, LARGEST};
use crate::copy::{CopyMode, fill_run, unit_of};
use crate::emit::{Arg, Call, each_image, layer_args, overlapped};
use crate::gemm::{i32s, store_lanes};
use crate::narrow::RowTaps;
use crate::pack::fold_zero_point;
use crate::repeat::repeat_run;
use crate::spec::{ConvSpec, kernel_name};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Builder, Cmp, Elem, Form, Lane, Machine, MemElem, Role, Row, Ty, Val};

/// Most pairs of packed taps: those of a 7x7 window and a little more.
const TAPS: usize = 32;
/// Lanes computed together where a vector of sums has fewer: what one store is worth. More would need more registers for the weights
/// than 256-bit machines have.
const STORE: usize = 8;

/// How a layer is cut.
struct Shape<'a> {
    s: &'a ConvSpec,
    row: &'a Row,
    /// Lanes computed together: whole vectors of the row.
    lanes: usize,
    /// Channels in the tables: those of the layer, or one vector in which they repeat.
    channels: usize,
    /// Output rows a band, even where output rows begin on odd staged rows.
    rows: usize,
    /// Elements of a staged row.
    width: usize,
}

fn shape<'a>(s: &'a ConvSpec, m: &'a Machine) -> Option<Shape<'a>> {
    let g = &s.geo;
    let row = m.contract.iter().find(|r| r.form == Form::Dot && r.a == Elem::I16 && r.w == Elem::I16 && r.k == 2 && r.n > 1)?;
    let n = row.n as usize;
    let flat = |l: usize| g.sw == 1 && g.c < l && l.is_multiple_of(g.c) && g.ow * g.c >= l;
    let lanes = [STORE.max(n), n].into_iter().find(|&l| g.c >= l || flat(l))?;
    let width = ((g.ow - 1) * g.sw + g.kw) * g.c;
    // Packed taps are taken apart once a row and stay in registers: not those of windows with very many.
    if s.narrow.is_some() && g.kh.div_ceil(2) * g.kw > TAPS {
        return None;
    }
    let seen = g.rows().any() && g.columns().any();
    if g.dh > 1 || g.dw > 1 || g.kh == 1 || g.pl * g.c >= width || !seen {
        return None;
    }
    let of = |rows| Shape { s, row, lanes, channels: g.c.max(lanes), rows, width };
    let unit = if g.sh.is_multiple_of(2) || g.oh == 1 { 1 } else { 2 };
    let most = (unit..=g.oh).step_by(unit).take_while(|&r| r == unit || of(r).staged() * of(r).pitch() <= BAND).last()?;
    let even = g.oh.div_ceil(g.oh.div_ceil(most)).next_multiple_of(unit);
    let all = of(even.min(most));
    (all.scratch() <= LARGEST).then_some(all)
}

impl Shape<'_> {
    /// Staged pairs of rows.
    fn staged(&self) -> usize {
        ((self.rows - 1) * self.s.geo.sh + self.s.geo.kh).div_ceil(2)
    }
    /// Bytes of a staged pair of rows.
    fn pitch(&self) -> usize {
        self.width * 4
    }
    /// Elements of an image row that some window sees.
    fn copied(&self) -> usize {
        let g = &self.s.geo;
        (g.w * g.c).min(self.width - g.pl * g.c)
    }
    /// Bytes: the pairs, then one image row of zero points.
    fn scratch(&self) -> usize {
        self.staged() * self.pitch() + self.copied()
    }
    /// Pairs of rows of taps of an output row that begins `odd` rows into a pair.
    fn groups(&self, odd: usize) -> usize {
        (odd + self.s.geo.kh).div_ceil(2)
    }
    /// Whether some output rows begin on odd staged rows.
    fn odd_rows(&self) -> bool {
        self.rows > 1 && !self.s.geo.sh.is_multiple_of(2)
    }
    /// Weights as [even or odd start][group][tap of the row][channel][2].
    fn weights(&self) -> Vec<u8> {
        let g = &self.s.geo;
        let mut out = Vec::new();
        for odd in 0..=usize::from(self.odd_rows()) {
            for (group, kx) in (0..self.groups(odd)).flat_map(|j| (0..g.kw).map(move |kx| (j, kx))) {
                for ch in 0..self.channels {
                    for ky in [2 * group, 2 * group + 1] {
                        let w = match ky.checked_sub(odd) {
                            Some(ky) if ky < g.kh => self.s.weights[(ch % g.c * g.kh + ky) * g.kw + kx],
                            _ => 0,
                        };
                        out.extend(w.to_le_bytes());
                    }
                }
            }
        }
        out
    }
}

/// Kernel and call, where the form applies: undilated windows of more than one row of taps, and channels that fill vectors.
///
/// # Errors
/// Those of packing codes of fewer than eight bits.
pub fn depthwise_rows(s: &ConvSpec, m: &Machine, x: ValueId, y: ValueId) -> Result<Option<Call>> {
    let Some(sh) = shape(s, m) else { return Ok(None) };
    let g = &s.geo;
    let (weights, taps) = match &s.narrow {
        None => (sh.weights(), None),
        Some(n) => {
            let taps = RowTaps::new(n, s, sh.channels);
            (taps.pack(n, s)?, Some(taps))
        }
    };
    let bias = fold_zero_point(&s.bias, &s.weights, s.zp_x);
    let params: Vec<u8> = [&bias, &s.mult].into_iter().flat_map(|v| (0..sh.channels).flat_map(|ch| v[ch % g.c].to_le_bytes())).collect();

    let mut b = Builder::new(kernel_name("dwrows", s));
    let px = b.ptr("x", Role::In, g.n * g.image() / s.repeat, 1);
    let py = b.ptr("y", Role::Out, g.n * g.pixels() * g.c, 1);
    let pw = b.ptr("w", Role::Const, weights.len(), 16);
    let pp = b.ptr("p", Role::Const, params.len(), 4);
    let mut args = layer_args(x, y, weights, params);
    // Every channel of the input as often as it is read lies behind the rows.
    let rows = if s.repeat == 1 { sh.scratch() } else { sh.scratch().next_multiple_of(16) };
    let scratch = if s.repeat == 1 { rows } else { rows + g.n * g.image() };
    args.push(Arg::Scratch(scratch));
    let ps = b.ptr("s", Role::Scratch, scratch, 16);
    let mut px = px;
    if s.repeat > 1 {
        let to = b.ptr_imm(ps, rows as i32);
        repeat_run(&mut b, unit_of(m), px, to, g.n * g.image() / s.repeat, s.repeat);
        px = to;
    }

    let zeros = margins(&mut b, &sh, m, ps);
    each_image(&mut b, g.n, [(px, g.image()), (py, g.pixels() * g.c)], |b, px, py| {
        b.for_loop(0, g.oh.next_multiple_of(sh.rows) as i32, sh.rows as i32, &[], |b, iv, _| {
            let oy = overlapped(b, iv, g.oh, sh.rows);
            let iy = b.mul_imm(oy, g.sh as i32);
            let iy = b.add_imm(iy, -(g.pt as i32));
            stage(b, &sh, px, ps, zeros, iy);
            let out = b.ptr_add(py, oy, (g.ow * g.c) as i32, 0);
            let k = Kernel { sh: &sh, taps, pw, pp };
            let (step, row_bytes) = if sh.odd_rows() { (2, g.ow * g.c) } else { (1, 0) };
            b.for_loop(0, sh.rows as i32, step, &[ps, out], |b, _, r| {
                k.output_row(b, r[0], r[1], 0);
                if sh.odd_rows() {
                    let a = b.ptr_imm(r[0], (g.sh / 2 * sh.pitch()) as i32);
                    let out = b.ptr_imm(r[1], row_bytes as i32);
                    k.output_row(b, a, out, 1);
                }
                vec![b.ptr_imm(r[0], (g.sh * step as usize / 2 * sh.pitch()) as i32), b.ptr_imm(r[1], step * (g.ow * g.c) as i32)]
            });
            vec![]
        });
    });
    let macs = (g.n * g.pixels() * g.c * g.kh * g.kw) as u64;
    Ok(Some(Call { func: b.finish(), rows: vec![sh.row.clone()], args, macs, in_place: vec![] }))
}

// Fills what no band changes: both ends of every staged row, and the row of zero points, whose address is returned.
fn margins(b: &mut Builder, sh: &Shape, m: &Machine, ps: Val) -> Val {
    let g = &sh.s.geo;
    let (unit, wide) = (unit_of(m), CopyMode::Wide { signed: true });
    let (left, copied) = (g.pl * g.c, sh.copied());
    let right = sh.width - left - copied;
    if left + right > 0 {
        b.for_loop(0, sh.staged() as i32, 1, &[ps], |b, _, p| {
            if left > 0 {
                fill_run(b, unit, wide, p[0], 2 * left, sh.s.zp_x);
            }
            if right > 0 {
                let at = b.ptr_imm(p[0], ((left + copied) * 4) as i32);
                fill_run(b, unit, wide, at, 2 * right, sh.s.zp_x);
            }
            vec![b.ptr_imm(p[0], sh.pitch() as i32)]
        });
    }
    let zeros = b.ptr_imm(ps, (sh.staged() * sh.pitch()) as i32);
    fill_run(b, unit, CopyMode::Bytes { flip: false }, zeros, copied, sh.s.zp_x);
    zeros
}

// Stages the rows from image row `iy` on, two by two.
fn stage(b: &mut Builder, sh: &Shape, x: Val, ps: Val, zeros: Val, iy: Val) {
    let g = &sh.s.geo;
    let h = b.iconst(g.h as i32);
    let first = b.ptr_imm(ps, (g.pl * g.c * 4) as i32);
    b.for_loop(0, sh.staged() as i32, 1, &[first, iy], |b, _, c| {
        let next = b.add_imm(c[1], 1);
        let rows = [c[1], next].map(|iy| {
            let ok = b.cmp(Cmp::Ult, iy, h);
            let p = b.ptr_add(x, iy, (g.w * g.c) as i32, 0);
            b.select(ok, p, zeros)
        });
        zip_run(b, rows, c[0], sh.copied(), sh.s.x_u8());
        vec![b.ptr_imm(c[0], sh.pitch() as i32), b.add_imm(c[1], 2)]
    });
}

// `n` bytes of two rows as pairs of i16.
fn zip_run(b: &mut Builder, rows: [Val; 2], dst: Val, n: usize, unsigned: bool) {
    const UNIT: usize = 16;
    let mem = if unsigned { MemElem::U8 } else { MemElem::S8 };
    let unit = |b: &mut Builder, r: [Val; 2], d: Val| {
        let v = r.map(|p| b.load(Ty::Vec(Lane::I8, UNIT as u16), MemElem::S8, p, 0));
        for half in 0..2u16 {
            let first = half * (UNIT / 2) as u16;
            let mask = (first..first + (UNIT / 2) as u16).flat_map(|i| [i, UNIT as u16 + i]).collect();
            let pairs = b.shuffle(v[0], v[1], mask);
            let wide = b.widen_all(pairs, Lane::I16, !unsigned);
            b.store(wide, MemElem::S16, d, i32::from(half) * (UNIT * 2) as i32);
        }
    };
    if n < UNIT {
        for i in 0..n {
            for (t, &p) in rows.iter().enumerate() {
                let v = b.load(Ty::I32, mem, p, i as i32);
                b.store_aligned(v, MemElem::S16, dst, (4 * i + 2 * t) as i32, 2);
            }
        }
        return;
    }
    b.for_loop(0, n.next_multiple_of(UNIT) as i32, UNIT as i32, &[], |b, iv, _| {
        let at = overlapped(b, iv, n, UNIT);
        let r = rows.map(|p| b.ptr_add(p, at, 1, 0));
        let d = b.ptr_add(dst, at, 4, 0);
        unit(b, r, d);
        vec![]
    });
}

struct Kernel<'a> {
    sh: &'a Shape<'a>,
    taps: Option<RowTaps>,
    pw: Val,
    pp: Val,
}

impl Kernel<'_> {
    // One output row, whose taps begin `odd` rows into the staged pair at `a`.
    fn output_row(&self, b: &mut Builder, a: Val, out: Val, odd: usize) {
        let sh = self.sh;
        let g = &sh.s.geo;
        let l = sh.lanes;
        if g.c < l {
            // Several pixels a vector: the whole row is one run of blocks.
            let z = b.iconst(0);
            return self.pixels(b, a, out, odd, z, g.ow * g.c, l, l);
        }
        b.for_loop(0, g.c.next_multiple_of(l) as i32, l as i32, &[], |b, iv, _| {
            let at = overlapped(b, iv, g.c, l);
            let (a, out) = (b.ptr_add(a, at, 4, 0), b.ptr_add(out, at, 1, 0));
            self.pixels(b, a, out, odd, at, g.ow * g.c, g.c, g.sw * g.c);
            vec![]
        });
    }

    // Blocks of lanes at the channels `at`: each moves `out_step` of the row's `total` outputs and `in_step` staged elements on.
    #[allow(clippy::too_many_arguments)]
    fn pixels(&self, b: &mut Builder, a: Val, out: Val, odd: usize, at: Val, total: usize, out_step: usize, in_step: usize) {
        let sh = self.sh;
        let (g, row) = (&sh.s.geo, sh.row);
        let (n, ch) = (row.n as usize, sh.channels);
        let nv = sh.lanes / n;
        let before = if odd == 1 && self.taps.is_none() { sh.groups(0) * g.kw * ch * 4 } else { 0 };
        let pw = b.ptr_add(self.pw, at, 4, before as i32);
        let pp = b.ptr_add(self.pp, at, 4, 0);
        let ty = i32s(n);
        let unpacked = self.taps.map(|t| t.load(b, row, pw, nv, odd));
        let block = |b: &mut Builder, a: Val, out: Val| {
            let mut acc: Vec<Val> = (0..nv).map(|v| b.load_aligned(ty, MemElem::W32, pp, (v * n * 4) as i32, 4)).collect();
            for (group, kx) in (0..sh.groups(odd)).flat_map(|j| (0..g.kw).map(move |kx| (j, kx))) {
                for (v, acc) in acc.iter_mut().enumerate() {
                    let x = b.load(row.a_ty(), MemElem::S16, a, (group * sh.pitch() + (kx * g.c + v * n) * 4) as i32);
                    let w = match &unpacked {
                        Some(w) => w[(group * g.kw + kx) * nv + v],
                        None => b.load(row.w_ty(), MemElem::S16, pw, (((group * g.kw + kx) * ch + v * n) * 4) as i32),
                    };
                    *acc = b.contract(0, row, 0, *acc, x, w);
                }
            }
            let q: Vec<Val> = acc
                .iter()
                .enumerate()
                .map(|(v, &acc)| {
                    let m = b.load_aligned(ty, MemElem::W32, pp, ((ch + v * n) * 4) as i32, 4);
                    b.rescale(sh.s.rescale, acc, m)
                })
                .collect();
            store_lanes(b, &q, out, 0, sh.lanes);
        };
        if out_step == sh.lanes && g.c < sh.lanes && !total.is_multiple_of(out_step) {
            b.for_loop(0, total.next_multiple_of(out_step) as i32, out_step as i32, &[], |b, iv, _| {
                let e = overlapped(b, iv, total, out_step);
                let (a, out) = (b.ptr_add(a, e, 4, 0), b.ptr_add(out, e, 1, 0));
                block(b, a, out);
                vec![]
            });
            return;
        }
        b.for_loop(0, (total / out_step) as i32, 1, &[a, out], |b, _, c| {
            block(b, c[0], c[1]);
            vec![b.ptr_imm(c[0], (in_step * 4) as i32), b.ptr_imm(c[1], out_step as i32)]
        });
    }
}
