//! Convolutions whose input is staged once, not once a window: bands of padded image rows in scratch, over which windows are runs of
//! neighbouring elements, one run a row of taps.
//!
//! A window of kh x kw taps reads kh runs of kw * c elements; neighbouring output pixels begin sw * c elements apart. So the inner
//! product needs no copy of its own, and each input element is changed to the form the row wants (16 bits, or u8) about once.

use crate::copy::{CopyMode, Unit, copy_run, fill_run};
use crate::emit::{each_image, overlapped};
use crate::spec::Geometry;
use mcompc_kernel::{Builder, Cmp, Val};

/// Bytes of scratch a band may take where its rows allow it: half of a first-level cache of 32 KiB.
pub(crate) const BAND: usize = 16 << 10;
/// Bytes of scratch a band of one output row may take.
pub(crate) const LARGEST: usize = 256 << 10;

/// How an image is cut into bands.
#[derive(Clone, Debug)]
pub struct Bands<'a> {
    geo: &'a Geometry,
    unit: Unit,
    mode: CopyMode,
    fill: i32,
    /// Output rows a band.
    rows: usize,
    /// Elements of a staged row: what the windows of one output row span.
    width: usize,
    /// Bytes behind the last row that a step of the inner product may read.
    slack: usize,
}

impl<'a> Bands<'a> {
    /// The bands of a window operator, or `None` for a window of one tap, one output column, taps that are dilated in width, an image
    /// that no window reaches, a machine without vectors, or a band too large for its scratch. `step`: elements a step of the inner product reads, so that the last run may
    /// end that far behind the row.
    pub fn new(geo: &'a Geometry, unit: Unit, mode: CopyMode, fill: i32, step: usize) -> Option<Self> {
        let packed = matches!(mode, CopyMode::Packed { .. });
        let seen = geo.rows().any() && geo.columns().any();
        if unit.vector < 16 || packed || geo.dw > 1 || geo.kh * geo.kw == 1 || geo.ow == 1 || !seen {
            return None;
        }
        let width = ((geo.ow - 1) * geo.sw + geo.kw) * geo.c;
        let slack = step * mode.growth();
        let of = |rows| Self { geo, unit, mode, fill, rows, width, slack };
        let most = (1..=geo.oh).take_while(|&r| of(r).scratch() <= BAND).last().unwrap_or(1);
        // Bands of one size, as few as there must be.
        let all = of(geo.oh.div_ceil(geo.oh.div_ceil(most)));
        // The part of the image that the windows see.
        (all.scratch() <= LARGEST && geo.pl * geo.c < width).then_some(all)
    }

    fn staged(&self) -> usize {
        (self.rows - 1) * self.geo.sh + (self.geo.kh - 1) * self.geo.dh + 1
    }

    /// Elements of an image row that some window sees.
    fn copied(&self) -> usize {
        (self.geo.w * self.geo.c).min(self.width - self.geo.pl * self.geo.c)
    }

    fn pitch(&self) -> usize {
        self.width * self.mode.growth()
    }

    /// Bytes of scratch.
    pub fn scratch(&self) -> usize {
        self.staged() * self.pitch() + self.slack
    }

    /// Bytes from the activations of a row of taps to those of the next one.
    pub fn run_stride(&self) -> usize {
        self.geo.dh * self.pitch()
    }

    /// Bytes from one output pixel's activations to the next one's in its row.
    pub fn pixel_stride(&self) -> usize {
        self.geo.sw * self.geo.c * self.mode.growth()
    }

    /// Emits the loops over input and output (pointers, and bytes of an image): `block(b, activations, outputs)` computes `mr` neighbouring
    /// pixels of a row, `o` output bytes each.
    pub fn emit(
        &self,
        b: &mut Builder,
        images: [(Val, usize); 2],
        scratch: Val,
        mr: usize,
        o: usize,
        block: impl Fn(&mut Builder, Val, Val),
    ) {
        let g = self.geo;
        let es = self.mode.growth();
        let left = g.pl * g.c;
        let copied = self.copied();
        let right = self.width - left - copied;
        // What pads a row on both sides is the same in every band: written once.
        if left + right > 0 {
            b.for_loop(0, self.staged() as i32, 1, &[scratch], |b, _, p| {
                if left > 0 {
                    fill_run(b, self.unit, self.mode, p[0], left, self.fill);
                }
                if right > 0 {
                    let at = b.ptr_imm(p[0], ((left + copied) * es) as i32);
                    fill_run(b, self.unit, self.mode, at, right, self.fill);
                }
                vec![b.ptr_imm(p[0], self.pitch() as i32)]
            });
        }
        each_image(b, g.n, images, |b, x, y| self.image(b, [x, scratch, y], mr, o, block));
    }

    fn image(&self, b: &mut Builder, [x, scratch, y]: [Val; 3], mr: usize, o: usize, block: impl Fn(&mut Builder, Val, Val)) {
        let g = self.geo;
        let copied = self.copied();
        let first = b.ptr_imm(scratch, (g.pl * g.c * self.mode.growth()) as i32);
        b.for_loop(0, g.oh.next_multiple_of(self.rows) as i32, self.rows as i32, &[], |b, iv, _| {
            let oy = overlapped(b, iv, g.oh, self.rows);
            let iy = b.mul_imm(oy, g.sh as i32);
            let iy = b.add_imm(iy, -(g.pt as i32));
            let h = b.iconst(g.h as i32);
            b.for_loop(0, self.staged() as i32, 1, &[first, iy], |b, _, c| {
                let copy = |b: &mut Builder| {
                    let at = b.mul_imm(c[1], g.w as i32);
                    let src = b.ptr_add(x, at, g.c as i32, 0);
                    copy_run(b, self.unit, self.mode, src, c[0], copied, false);
                    vec![]
                };
                if g.padded() {
                    let inside = b.cmp(Cmp::Ult, c[1], h);
                    b.if_else(inside, copy, |b| {
                        fill_run(b, self.unit, self.mode, c[0], copied, self.fill);
                        vec![]
                    });
                } else {
                    copy(b);
                }
                vec![b.ptr_imm(c[0], self.pitch() as i32), b.add_imm(c[1], 1)]
            });
            let out = b.ptr_add(y, oy, (g.ow * o) as i32, 0);
            b.for_loop(0, self.rows as i32, 1, &[scratch, out], |b, _, r| {
                b.for_loop(0, g.ow.next_multiple_of(mr) as i32, mr as i32, &[], |b, iv, _| {
                    let ox = overlapped(b, iv, g.ow, mr);
                    let a = b.ptr_add(r[0], ox, self.pixel_stride() as i32, 0);
                    let out = b.ptr_add(r[1], ox, o as i32, 0);
                    block(b, a, out);
                    vec![]
                });
                vec![b.ptr_imm(r[0], (g.sh * self.pitch()) as i32), b.ptr_imm(r[1], (g.ow * o) as i32)]
            });
            vec![]
        });
    }
}

/// Pixels a block: as many blocks as `most` needs, all of one size where that overlaps less.
pub fn pixels_a_block(ow: usize, most: usize) -> usize {
    ow.div_ceil(ow.div_ceil(most.max(1)))
}
