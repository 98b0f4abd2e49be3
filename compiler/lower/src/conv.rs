//! Full convolutions and dense layers: stage a block of pixels where needed, then the inner product with every output channel.

use crate::bands::{Bands, pixels_a_block};
use crate::copy::{CopyMode, copy_run, fill_run, unit_of};
use crate::emit::{Arg, Call, each_image, layer_args, overlapped};
use crate::gemm::Gemm;
use crate::narrow::{Beside, Layout, NarrowGemm, correct_pixels};
use crate::pack::{Steps, fold_zero_point, pack_params, pack_weights, padded_runs};
use crate::spec::{ConvSpec, Geometry, kernel_name};
use crate::stage::{Stage, divides};
use crate::zero::less_zero_point;
use mcompc_ir::{Code, Error, Result, ValueId};
use mcompc_kernel::{Builder, Elem, Form, Machine, MemElem, Role, Row, Val};

// How activations reach the row: what is added to the stored code, and how a copy makes it.
struct Feed {
    offset: i32,
    mode: CopyMode,
    direct_mem: MemElem,
    direct: bool,
    // Packed rows that are not staged: what turns a word of codes into signed ones.
    unpack: Option<i32>,
}

/// Scratch in bytes up to which a single pixel is staged for packed rows. Staging saves an instruction in 23 of the inner product, and
/// takes two bytes of RAM a channel.
const STAGED: usize = 512;

fn feed(s: &ConvSpec, row: &Row) -> Feed {
    let direct_mem = s.mem[0];
    let k_ok = s.geo.c.is_multiple_of(Steps::of(row).step);
    let pointwise = s.geo.pointwise();
    if s.wide() {
        // Pairs are words.
        let words = row.form != Form::Packed || s.x_align >= 4;
        return Feed { offset: 0, mode: CopyMode::Halves, direct_mem, direct: pointwise && k_ok && words, unpack: None };
    }
    match (row.form, row.a, s.x_u8()) {
        // A scalar load widens either signedness.
        (Form::Scalar, _, _) => Feed { offset: 0, mode: CopyMode::Bytes { flip: false }, direct_mem, direct: pointwise, unpack: None },
        (Form::Packed, _, u8_in) => {
            let large = pointwise && s.geo.pixels() == 1 && k_ok && 2 * s.geo.c > STAGED;
            let unpack = large.then_some(if u8_in { 0x8080_8080_u32 as i32 } else { 0 });
            Feed { offset: if u8_in { -128 } else { 0 }, mode: CopyMode::Packed { flip: u8_in }, direct_mem, direct: large, unpack }
        }
        (_, Elem::I16, u8_in) => Feed { offset: 0, mode: CopyMode::Wide { signed: !u8_in }, direct_mem, direct: false, unpack: None },
        (_, Elem::I8, false) | (_, Elem::U8, true) => {
            Feed { offset: 0, mode: CopyMode::Bytes { flip: false }, direct_mem, direct: pointwise && k_ok, unpack: None }
        }
        (_, Elem::I8, true) => Feed { offset: -128, mode: CopyMode::Bytes { flip: true }, direct_mem, direct: false, unpack: None },
        (_, Elem::U8, false) => Feed { offset: 128, mode: CopyMode::Bytes { flip: true }, direct_mem, direct: false, unpack: None },
    }
}

/// Kernel and call of a q.conv with group 1.
pub fn conv_kernel(s: &ConvSpec, m: &Machine, x: ValueId, y: ValueId) -> Result<Call> {
    build(s, m, x, y, "conv")
}

/// Kernel and call of a q.dense.
pub fn dense_kernel(s: &ConvSpec, m: &Machine, x: ValueId, y: ValueId) -> Result<Call> {
    build(s, m, x, y, "dense")
}

fn build(s: &ConvSpec, m: &Machine, x: ValueId, y: ValueId, name: &str) -> Result<Call> {
    let s = &s.canonical();
    let g = &s.geo;
    let row = &weights_in_memory(if s.wide() { m.wide_row()? } else { m.row_for(s.o) }, s);
    let st = Steps::of(row);
    let f = feed(s, row);
    if row.form == Form::Matrix {
        return Err(Error::new(Code::Backend, format!("row `{}`: the matrix form has no generator yet", row.name)));
    }
    let fill = s.zp_x + f.offset;
    let above = s.above_bytes()?;
    let [from, to] = s.sizes();
    let bands = Bands::new(g, unit_of(m), f.mode, fill, st.step).filter(|_| {
        // Bands are made of bytes, and what surrounds them is not 0; multipliers of runs of weights follow K as it is.
        above == 0 && [from, to] == [1, 1] && row.form == Form::Dot && row.n > 1 && s.narrow.as_ref().is_none_or(|n| n.blocks.is_none())
    });
    // K is one run, or one a row of taps.
    let runs = if bands.is_some() { g.kh } else { 1 };
    let k = g.kh * g.kw * g.c;
    let kpad = (k / runs).next_multiple_of(st.step);
    let pixels = g.pixels();
    // Blocks of pixels across rows need row and column of a pixel; where that takes a division, blocks stay in their row.
    let by_rows = bands.is_none() && !f.direct && !g.pointwise() && !divides(g.ow, pixels);
    let across = if by_rows { g.ow } else { pixels };
    let (mr, nr) = match &bands {
        _ if pixels == 1 => (1, row.tile_fc as usize),
        Some(_) => (pixels_a_block(g.ow, pixels_of_tile(row, s.o)), row.tile[1] as usize),
        None => ((row.tile[0] as usize).min(across), row.tile[1] as usize),
    };

    let mut b = Builder::new(kernel_name(name, s));
    let px = b.ptr("x", Role::In, g.n * g.image() * from, s.x_align);
    let py = b.ptr("y", Role::Out, g.n * pixels * s.o * to, to as u8);
    let bias = fold_zero_point(&s.bias, &s.weights, s.zp_x + f.offset);
    let narrow = s.narrow.as_ref().map(|n| Layout::new(n, s, m, row, [runs, kpad, nr], bias.clone())).transpose()?;
    let (weights, bias, rescale) = match &narrow {
        None => {
            let stored: Vec<i16> = s.weights.iter().map(|w| w - above).collect();
            let mut weights = padded_runs(&stored, k / runs, kpad);
            if s.wide() && row.form == Form::Packed {
                // `sxtb16` takes bytes 0 and 2, then 1 and 3; activations of 16 bits lie in their own order.
                weights.chunks_exact_mut(4).for_each(|w| w.swap(1, 2));
            }
            (pack_weights(&weights, s.o, runs * kpad, runs * kpad, nr, row), bias, s.rescale)
        }
        Some(l) => (l.bytes.clone(), l.bias.clone(), l.rescale),
    };
    let params = pack_params(&bias, &s.mult, nr, row.n as usize);
    let pw = b.ptr("w", Role::Const, weights.len(), 16);
    let pp = b.ptr("p", Role::Const, params.len(), 4);
    let mut args = layer_args(x, y, weights, params);

    let es = f.mode.growth() * from;
    let a_stride = match &bands {
        Some(t) => t.pixel_stride(),
        None if f.direct => g.c * from,
        None => kpad * es,
    };
    // Packed rows want runs of whole words; where channels do not give them, bytes are gathered first.
    let two_step = row.form == Form::Packed && !s.wide() && !(g.c.is_multiple_of(4));
    let staged = match &bands {
        Some(t) => t.scratch(),
        None if f.direct => 0,
        None => mr * a_stride + if two_step { kpad } else { 0 },
    };
    // Codes stored above their value: one correction a pixel and run of K.
    let above_codes = narrow.as_ref().map_or(0, |l| l.split.above());
    let run = narrow.as_ref().map_or(kpad, |l| l.run * st.step);
    // Weights stored below their value have one sum a pixel in every lane; they are never narrow, so both corrections never meet.
    let sums = staged.next_multiple_of(16);
    let scratch = match (above != 0, above_codes > 0) {
        (true, _) => sums + 4 * mr * row.n as usize,
        (_, true) => staged + 4 * mr * kpad.div_ceil(run),
        _ => staged,
    };
    let ps = (scratch > 0).then(|| {
        args.push(Arg::Scratch(scratch));
        b.ptr("s", Role::Scratch, scratch, 16)
    });
    let a_mem = match (f.direct, row.form) {
        (true, _) => f.direct_mem,
        (false, Form::Scalar) => f.direct_mem,
        (false, _) if es == 2 => MemElem::S16,
        _ => MemElem::S8,
    };
    let runs = (runs, bands.as_ref().map_or(0, Bands::run_stride));
    let gemm = Gemm {
        row,
        row_id: 0,
        a_mem,
        unpack: f.unpack,
        kpad,
        runs,
        mr,
        nr,
        o: s.o,
        a_stride,
        rescale,
        a_align: from as u8,
        y: s.mem[1],
        from: ps.filter(|_| above != 0).map(|ps| b.ptr_imm(ps, sums as i32)),
    };
    if above != 0
        && kpad != k
        && staged > 0
        && let Some(ps) = ps
    {
        // Sums of activations are over all that is staged.
        fill_run(&mut b, unit_of(m), CopyMode::Bytes { flip: false }, ps, staged, 0);
    }

    let inner = |b: &mut Builder, a: Val, out: Val| {
        if let Some(to) = gemm.from {
            less_zero_point(b, &gemm, -i32::from(above), a, to);
        }
        let Some(l) = &narrow else { return gemm.emit(b, a, pw, pp, out) };
        let corrections = ps.filter(|_| above_codes > 0).map(|ps| b.ptr_imm(ps, staged as i32));
        if let Some(to) = corrections {
            correct_pixels(b, &gemm, a, to, run, above_codes);
        }
        let multipliers = l.multipliers.map(|at| b.ptr_imm(pw, at as i32));
        let gemm = NarrowGemm { gemm: gemm.clone(), split: l.split, run: l.run };
        gemm.emit(b, a, pw, pp, Beside { multipliers, corrections }, out);
    };
    let block = |b: &mut Builder, px: Val, py: Val, p0: Val, row: Option<Val>| {
        let a = match ps.filter(|_| !f.direct) {
            None => b.ptr_add(px, p0, (g.c * from) as i32, 0),
            Some(ps) => {
                stage_block(b, s, m, &f, two_step, kpad, mr, fill, px, ps, p0, row);
                ps
            }
        };
        let out = b.ptr_add(py, p0, (s.o * to) as i32, 0);
        inner(b, a, out);
    };
    let blocks = |b: &mut Builder, px: Val, py: Val, row: Option<Val>| {
        if across == mr {
            let z = b.iconst(0);
            return block(b, px, py, z, row);
        }
        b.for_loop(0, across.next_multiple_of(mr) as i32, mr as i32, &[], |b, iv, _| {
            // The last block overlaps its predecessor: recomputing pixels costs less than a second copy of the code.
            let p0 = overlapped(b, iv, across, mr);
            block(b, px, py, p0, row);
            vec![]
        });
    };
    let images = [(px, g.image() * from), (py, pixels * s.o * to)];
    if let (Some(t), Some(ps)) = (&bands, ps) {
        t.emit(&mut b, images, ps, mr, s.o, inner);
    } else {
        each_image(&mut b, g.n, images, |b, px, py| {
            if !by_rows {
                return blocks(b, px, py, None);
            }
            b.for_loop(0, g.oh as i32, 1, &[py], |b, oy, c| {
                blocks(b, px, c[0], Some(oy));
                vec![b.ptr_imm(c[0], (g.ow * s.o * to) as i32)]
            });
        });
    }
    let macs = g.n as u64 * pixels as u64 * k as u64 * s.o as u64;
    Ok(Call { func: b.finish(), rows: vec![row.clone()], args, macs, in_place: vec![] })
}

// Fewer channels than the tile is wide leave registers for more pixels, where one vector holds many channels.
fn pixels_of_tile(row: &Row, o: usize) -> usize {
    let (n, [mr, nr]) = (row.n as usize, row.tile.map(usize::from));
    let vectors = o.div_ceil(n).min(nr / n).max(1);
    if n >= 8 { mr * (nr / n) / vectors } else { mr }
}

// A row may keep its weights widened in memory; that pays where many pixels meet few weights, else they stay i8.
fn weights_in_memory(row: &Row, s: &ConvSpec) -> Row {
    const REUSED: usize = 16;
    const CACHED: usize = 96 << 10;
    let pays = s.narrow.is_none() && !s.bytes && s.geo.n * s.geo.pixels() >= REUSED && s.weights.len() * 2 <= CACHED;
    Row {
        w_mem: if pays { row.w_mem } else { Elem::I8 },
        name: if pays || row.w_mem == Elem::I8 { row.name.clone() } else { format!("{}.i8", row.name) },
        ..row.clone()
    }
}

#[allow(clippy::too_many_arguments)]
fn stage_block(
    b: &mut Builder,
    s: &ConvSpec,
    m: &Machine,
    f: &Feed,
    two_step: bool,
    kpad: usize,
    mr: usize,
    fill: i32,
    px: Val,
    ps: Val,
    p0: Val,
    row: Option<Val>,
) {
    // Runs are of bytes, whatever an element has.
    let from = s.sizes()[0];
    let g = &Geometry { c: s.geo.c * from, ..s.geo.clone() };
    let unit = unit_of(m);
    let row_bytes = (kpad * from * f.mode.growth()) as i32;
    // A pointwise block is one run.
    if unit.vector >= 16 && g.pointwise() && kpad * from == g.c {
        let src = b.ptr_add(px, p0, g.c as i32, 0);
        return copy_run(b, unit, f.mode, src, ps, mr * g.c, s.x_align >= 4 && g.c.is_multiple_of(4));
    }
    let one = |b: &mut Builder, dst: Val, p: Val| {
        if two_step {
            let CopyMode::Packed { flip } = f.mode else { return };
            let gather = b.ptr_imm(ps, row_bytes * mr as i32);
            Stage { geo: g, unit, mode: CopyMode::Bytes { flip }, fill, word_aligned: false }.pixel(b, px, gather, p, row);
            copy_run(b, unit, CopyMode::Packed { flip: false }, gather, dst, kpad, true);
        } else {
            Stage { geo: g, unit, mode: f.mode, fill, word_aligned: s.x_align >= 4 }.pixel(b, px, dst, p, row);
        }
    };
    if mr == 1 {
        one(b, ps, p0);
        return;
    }
    b.for_loop(0, mr as i32, 1, &[ps], |b, i, c| {
        let p = b.add(p0, i);
        one(b, c[0], p);
        vec![b.ptr_imm(c[0], row_bytes)]
    });
}
