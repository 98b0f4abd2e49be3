//! Straight-line and rolled copies of constant length: bytes as they are, flipped between u8 and i8, or widened to i16.

use mcompc_kernel::{Bin, Builder, Lane, Machine, MemElem, Op, Ty, Val};

/// How elements change on their way into scratch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyMode {
    /// Bytes; `flip` adds 128 modulo 256 (u8 to i8 and back).
    Bytes { flip: bool },
    /// To i16; `signed` says how.
    Wide { signed: bool },
    /// Pairs of bytes, elements of two bytes each; lengths, in bytes, are even.
    Halves,
    /// To i16, each group of four bytes b0..b3 as (b0, b2), (b1, b3): the order `sxtb16` gives. Lengths are multiples of 4.
    Packed { flip: bool },
}

impl CopyMode {
    /// Bytes written per byte read.
    pub fn growth(self) -> usize {
        if matches!(self, CopyMode::Bytes { .. } | CopyMode::Halves) { 1 } else { 2 }
    }
}

/// Widest unit a machine copies at a time.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Bytes of a vector, 0 where there is none.
    pub vector: usize,
    /// Whether 4-byte scalar accesses may be unaligned.
    pub unaligned: bool,
}

/// Copy units of a machine.
pub fn unit_of(m: &Machine) -> Unit {
    Unit { vector: m.vector_bytes as usize, unaligned: m.unaligned }
}

fn step(b: &mut Builder, mode: CopyMode, bytes: usize, src: Val, dst: Val, off: usize, aligned: bool) {
    let (o, od) = (off as i32, (off * mode.growth()) as i32);
    let al = if aligned { 4 } else { 1 };
    let mode = if mode == CopyMode::Halves && bytes >= 4 { CopyMode::Bytes { flip: false } } else { mode };
    match (mode, bytes) {
        (CopyMode::Halves, _) => {
            let v = b.load_aligned(Ty::I32, MemElem::S16, src, o, 2);
            b.store_aligned(v, MemElem::S16, dst, od, 2);
        }
        (CopyMode::Bytes { flip }, n) if n >= 8 => {
            let ty = Ty::Vec(Lane::I8, n as u16);
            let mut v = b.load(ty, MemElem::S8, src, o);
            if flip {
                let c = b.vconst(-128, ty);
                v = b.bin(Bin::Xor, v, c);
            }
            b.store(v, MemElem::S8, dst, od);
        }
        (CopyMode::Wide { signed }, n) if n >= 8 => {
            let mem = if signed { MemElem::S8 } else { MemElem::U8 };
            let v = b.load(Ty::Vec(Lane::I16, n as u16), mem, src, o);
            b.store(v, MemElem::S16, dst, od);
        }
        (CopyMode::Bytes { flip }, 4) => {
            let mut v = b.load_aligned(Ty::I32, MemElem::W32, src, o, al);
            if flip {
                let c = b.iconst(0x8080_8080u32 as i32);
                v = b.bin(Bin::Xor, v, c);
            }
            b.store_aligned(v, MemElem::W32, dst, od, al);
        }
        (CopyMode::Packed { flip }, 4) => {
            let mut v = b.load_aligned(Ty::I32, MemElem::W32, src, o, al);
            if flip {
                let c = b.iconst(0x8080_8080u32 as i32);
                v = b.bin(Bin::Xor, v, c);
            }
            for ror in [false, true] {
                let h = b.op(Ty::I32, Op::Sxtb16 { ror }, &[v]);
                b.store_aligned(h, MemElem::W32, dst, od + if ror { 4 } else { 0 }, 4);
            }
        }
        (CopyMode::Bytes { flip }, _) => {
            let mut v = b.load(Ty::I32, MemElem::U8, src, o);
            if flip {
                let c = b.iconst(128);
                v = b.bin(Bin::Xor, v, c);
            }
            b.store(v, MemElem::S8, dst, od);
        }
        (CopyMode::Wide { signed }, _) => {
            let v = b.load(Ty::I32, if signed { MemElem::S8 } else { MemElem::U8 }, src, o);
            b.store_aligned(v, MemElem::S16, dst, od, 2);
        }
        (CopyMode::Packed { .. }, _) => unreachable!("packed copies come in groups of four"),
    }
}

/// Copies `n` source bytes. `aligned`: both ends and the length are multiples of 4. Reads and writes nothing outside.
pub fn copy_run(b: &mut Builder, u: Unit, mode: CopyMode, src: Val, dst: Val, n: usize, aligned: bool) {
    let unit = match mode {
        CopyMode::Packed { .. } => 4,
        // The wider side fills a register.
        _ if u.vector > 16 && n >= u.vector / mode.growth() => u.vector / mode.growth(),
        _ if u.vector >= 16 && n >= 16 => 16,
        _ if u.vector >= 16 && n >= 8 => 8,
        CopyMode::Bytes { .. } | CopyMode::Halves if n >= 4 && (aligned || u.unaligned) => 4,
        CopyMode::Halves => 2,
        _ => 1,
    };
    let (full, rest) = (n / unit, n % unit);
    if full > 4 {
        let g = mode.growth() as i32 * unit as i32;
        let ends = b.for_loop(0, full as i32, 1, &[src, dst], |b, _, p| {
            step(b, mode, unit, p[0], p[1], 0, aligned);
            vec![b.ptr_imm(p[0], unit as i32), b.ptr_imm(p[1], g)]
        });
        if rest > 0 {
            tail(b, u, mode, unit, rest, ends[0], ends[1]);
        }
        return;
    }
    for i in 0..full {
        step(b, mode, unit, src, dst, i * unit, aligned);
    }
    if rest > 0 {
        let (s, d) = (b.ptr_imm(src, (full * unit) as i32), b.ptr_imm(dst, (full * unit * mode.growth()) as i32));
        tail(b, u, mode, unit, rest, s, d);
    }
}

// The last full unit overlaps its predecessor; with none before it, smaller units.
fn tail(b: &mut Builder, u: Unit, mode: CopyMode, unit: usize, rest: usize, src: Val, dst: Val) {
    if unit > 1 && (unit >= 8 || u.unaligned) {
        let back = unit - rest;
        let s = b.ptr_imm(src, -(back as i32));
        let d = b.ptr_imm(dst, -((back * mode.growth()) as i32));
        step(b, mode, unit, s, d, 0, false);
    } else {
        let one = if mode == CopyMode::Halves { 2 } else { 1 };
        for i in (0..rest).step_by(one) {
            step(b, mode, one, src, dst, i, false);
        }
    }
}

/// Fills what a copy of `n` source bytes would write, with the element whose stored value is `v` (after flip or widening).
pub fn fill_run(b: &mut Builder, u: Unit, mode: CopyMode, dst: Val, n: usize, v: i32) {
    let wide = mode.growth() == 2 || mode == CopyMode::Halves;
    let n = if mode == CopyMode::Halves { n / 2 } else { n };
    let (mem, lane, es) = if wide { (MemElem::S16, Lane::I16, 2) } else { (MemElem::S8, Lane::I8, 1) };
    let lanes = if wide { 8 } else { 16 };
    if u.vector >= 16 && n >= lanes {
        let c = b.vconst(v, Ty::Vec(lane, lanes as u16));
        let full = n / lanes;
        let mut end = dst;
        if full > 4 {
            end = b.for_loop(0, full as i32, 1, &[dst], |b, _, p| {
                b.store(c, mem, p[0], 0);
                vec![b.ptr_imm(p[0], (lanes * es) as i32)]
            })[0];
        } else {
            for i in 0..full {
                b.store(c, mem, dst, (i * lanes * es) as i32);
            }
            end = b.ptr_imm(end, (full * lanes * es) as i32);
        }
        if !n.is_multiple_of(lanes) {
            b.store(c, mem, end, -(((lanes - n % lanes) * es) as i32));
        }
        return;
    }
    let c = b.iconst(v);
    if n > 4 {
        b.for_loop(0, n as i32, 1, &[dst], |b, _, p| {
            b.store_aligned(c, mem, p[0], 0, es as u8);
            vec![b.ptr_imm(p[0], es as i32)]
        });
    } else {
        for i in 0..n {
            b.store_aligned(c, mem, dst, (i * es) as i32, es as u8);
        }
    }
}
