//! Staging: one output pixel's window as a row of kh*kw*C elements in scratch, padding filled with the zero point.

use crate::copy::{CopyMode, Unit, copy_run, fill_run};
use crate::spec::Geometry;
use mcompc_kernel::{Bin, Builder, Cmp, Val};

/// Whether [`div_rem`] by `d` is exact for `0 <= p < limit`: with the reciprocal m = ceil(2^32 / d), which is e = m * d - 2^32 too large
/// in all, while `p * e < 2^32` (Granlund and Montgomery 1994, section 4).
pub fn divides(d: usize, limit: usize) -> bool {
    let (d, limit) = (d as u128, limit as u128);
    let e = (1u128 << 32).div_ceil(d) * d - (1 << 32);
    d.is_power_of_two() || limit <= d || (limit - 1) * e < 1 << 32
}

/// `p / d` and `p % d` for `0 <= p < limit`, without a division: a multiply-high by the reciprocal rounded up, where [`divides`] holds.
pub fn div_rem(b: &mut Builder, p: Val, d: usize, limit: usize) -> (Val, Val) {
    if d == 1 {
        let z = b.iconst(0);
        return (p, z);
    }
    if limit <= d {
        let z = b.iconst(0);
        return (z, p);
    }
    let q = if d.is_power_of_two() {
        let s = b.iconst(d.trailing_zeros() as i32);
        b.bin(Bin::Srl, p, s)
    } else {
        let m = b.iconst(((1u64 << 32).div_ceil(d as u64)) as i32);
        b.bin(Bin::MulHi, p, m)
    };
    let qd = b.mul_imm(q, d as i32);
    let r = b.bin(Bin::Sub, p, qd);
    (q, r)
}

/// What a window of a tensor is copied with.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// Window.
    pub geo: &'a Geometry,
    /// Copy units of the machine.
    pub unit: Unit,
    /// Element change.
    pub mode: CopyMode,
    /// Stored value of padding.
    pub fill: i32,
    /// Whether the tensor's address is a multiple of 4.
    pub word_aligned: bool,
}

impl Stage<'_> {
    /// Whether every run of channels is made of whole aligned words.
    fn aligned(&self) -> bool {
        self.word_aligned && self.geo.c.is_multiple_of(4)
    }

    /// Copies the window of output pixel `p` from `x` to `dst`: of the row-major index `p`, or in an output row its column.
    pub fn pixel(&self, b: &mut Builder, x: Val, dst: Val, p: Val, row: Option<Val>) {
        let g = self.geo;
        if !(g.rows().any() && g.columns().any()) {
            return fill_run(b, self.unit, self.mode, dst, g.kh * g.kw * g.c, self.fill);
        }
        let (oy, ox) = match row {
            Some(oy) => (oy, p),
            None => div_rem(b, p, g.ow, g.pixels()),
        };
        let y = b.mul_imm(oy, g.sh as i32);
        let iy0 = b.add_imm(y, -(g.pt as i32));
        let xx = b.mul_imm(ox, g.sw as i32);
        let ix0 = b.add_imm(xx, -(g.pl as i32));
        if g.kh == 1 {
            self.row(b, x, dst, iy0, ix0);
            return;
        }
        let (tall, wide) = ((g.kh - 1) * g.dh + 1, g.kw);
        // One check for a window that lies inside, where code size is no concern; microcontrollers check row by row.
        if g.padded() && g.dw == 1 && self.unit.vector >= 16 && g.rows().whole() && g.columns().whole() {
            let (ly, lx) = (b.iconst((g.h - tall + 1) as i32), b.iconst((g.w - wide + 1) as i32));
            let oky = b.cmp(Cmp::Ult, iy0, ly);
            let okx = b.cmp(Cmp::Ult, ix0, lx);
            let ok = b.bin(Bin::And, oky, okx);
            b.if_else(
                ok,
                |b| {
                    self.inside(b, x, dst, iy0, ix0);
                    vec![]
                },
                |b| {
                    self.rows(b, x, dst, iy0, ix0);
                    vec![]
                },
            );
        } else {
            self.rows(b, x, dst, iy0, ix0);
        }
    }

    fn rows(&self, b: &mut Builder, x: Val, dst: Val, iy0: Val, ix0: Val) {
        let g = self.geo;
        let bytes = (g.kw * g.c * self.mode.growth()) as i32;
        b.for_loop(0, g.kh as i32, 1, &[dst, iy0], |b, _, c| {
            self.row(b, x, c[0], c[1], ix0);
            vec![b.ptr_imm(c[0], bytes), b.add_imm(c[1], g.dh as i32)]
        });
    }

    // A window without padding: runs of whole rows at constant distances.
    fn inside(&self, b: &mut Builder, x: Val, dst: Val, iy0: Val, ix0: Val) {
        let g = self.geo;
        let first = b.mul_imm(iy0, g.w as i32);
        let at = b.add(first, ix0);
        let src = b.ptr_add(x, at, g.c as i32, 0);
        for ky in 0..g.kh {
            let from = b.ptr_imm(src, (ky * g.dh * g.w * g.c) as i32);
            let to = b.ptr_imm(dst, (ky * g.kw * g.c * self.mode.growth()) as i32);
            copy_run(b, self.unit, self.mode, from, to, g.kw * g.c, self.aligned());
        }
    }

    fn row(&self, b: &mut Builder, x: Val, dst: Val, iy: Val, ix0: Val) {
        let g = self.geo;
        let span = (g.kw - 1) * g.dw + 1;
        let start = |b: &mut Builder| {
            let r = b.mul_imm(iy, g.w as i32);
            let at = b.add(r, ix0);
            b.ptr_add(x, at, g.c as i32, 0)
        };
        let whole = |b: &mut Builder| {
            let src = start(b);
            copy_run(b, self.unit, self.mode, src, dst, g.kw * g.c, self.aligned());
        };
        if !g.padded() && g.dw == 1 {
            return whole(b);
        }
        let iy_ok = |b: &mut Builder| {
            let h = b.iconst(g.h as i32);
            b.cmp(Cmp::Ult, iy, h)
        };
        if g.dw == 1 && g.columns().whole() {
            let oky = iy_ok(b);
            let lim = b.iconst((g.w - span + 1) as i32);
            let okx = b.cmp(Cmp::Ult, ix0, lim);
            let ok = b.bin(Bin::And, oky, okx);
            b.if_else(
                ok,
                |b| {
                    whole(b);
                    vec![]
                },
                |b| {
                    self.taps(b, x, dst, iy, ix0);
                    vec![]
                },
            );
        } else {
            self.taps(b, x, dst, iy, ix0);
        }
    }

    // One tap at a time, each inside or filled.
    fn taps(&self, b: &mut Builder, x: Val, dst: Val, iy: Val, ix0: Val) {
        let g = self.geo;
        let bytes = (g.c * self.mode.growth()) as i32;
        let h = b.iconst(g.h as i32);
        let oky = b.cmp(Cmp::Ult, iy, h);
        let w = b.iconst(g.w as i32);
        let row = b.mul_imm(iy, g.w as i32);
        b.for_loop(0, g.kw as i32, 1, &[dst, ix0], |b, _, c| {
            let okx = b.cmp(Cmp::Ult, c[1], w);
            let ok = b.bin(Bin::And, oky, okx);
            b.if_else(
                ok,
                |b| {
                    let at = b.add(row, c[1]);
                    let src = b.ptr_add(x, at, g.c as i32, 0);
                    copy_run(b, self.unit, self.mode, src, c[0], g.c, self.aligned());
                    vec![]
                },
                |b| {
                    fill_run(b, self.unit, self.mode, c[0], g.c, self.fill);
                    vec![]
                },
            );
            vec![b.ptr_imm(c[0], bytes), b.add_imm(c[1], g.dw as i32)]
        });
    }
}
