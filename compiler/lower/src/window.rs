//! What of a window can ever meet the image, decided once a layer: taps that never do are dropped, and no branch is made that cannot be
//! taken.

use crate::spec::{ConvSpec, Geometry};

/// One axis of a window: output `o` meets tap `t` at `o * stride + t * dilation - before` of `size` places.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    size: usize,
    out: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    before: usize,
}

impl Axis {
    /// Places from the first tap of a window to the last.
    fn span(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }
    /// Whether, for some output, the places from tap `t` on, `len` of them, lie inside the image.
    fn run_inside(self, t: usize, len: usize) -> bool {
        let at = t * self.dilation;
        // The first output at which they do not begin in the padding before.
        let o = self.before.saturating_sub(at).div_ceil(self.stride);
        o < self.out && o * self.stride + at + len <= self.before + self.size
    }
    /// Whether tap `t` lies inside the image for some output.
    pub fn meets(self, t: usize) -> bool {
        self.run_inside(t, 1)
    }
    /// Whether some tap lies inside the image for some output.
    pub fn any(self) -> bool {
        (0..self.kernel).any(|t| self.meets(t))
    }
    /// Whether some output's window lies inside the image.
    pub fn whole(self) -> bool {
        self.run_inside(0, self.span())
    }
    /// Whether some window reaches outside the image.
    pub fn padded(self) -> bool {
        self.before > 0 || (self.out - 1) * self.stride + self.span() > self.size
    }
    // The first and last of the taps to keep: outer ones that never meet the image go, but padding does not become negative, and one
    // tap stays.
    fn kept(self) -> (usize, usize) {
        let first = (0..self.kernel).find(|&t| self.meets(t)).unwrap_or(0).min(self.before / self.dilation);
        let last = (first..self.kernel).rev().find(|&t| self.meets(t)).unwrap_or(first);
        (first, last)
    }
}

impl Geometry {
    /// The vertical axis.
    pub fn rows(&self) -> Axis {
        Axis { size: self.h, out: self.oh, kernel: self.kh, stride: self.sh, dilation: self.dh, before: self.pt }
    }
    /// The horizontal axis.
    pub fn columns(&self) -> Axis {
        Axis { size: self.w, out: self.ow, kernel: self.kw, stride: self.sw, dilation: self.dw, before: self.pl }
    }
}

impl ConvSpec {
    /// The same layer in the form that generators take: without outer rows and columns of taps that never meet the image, with stride 1
    /// where there is one output and dilation 1 where there is one tap, and the pixels of all images in one row where each reads its own.
    pub fn canonical(&self) -> Self {
        let mut s = self.clone();
        let g = &mut s.geo;
        // Multipliers belong to runs of all taps.
        if s.narrow.as_ref().is_none_or(|n| n.blocks.is_none()) {
            let ([top, bottom], [left, right]) = (<[usize; 2]>::from(g.rows().kept()), <[usize; 2]>::from(g.columns().kept()));
            let [kh, kw] = [bottom - top + 1, right - left + 1];
            if [kh, kw] != [g.kh, g.kw] {
                let per = self.weights.len() / (self.o * g.kh * g.kw);
                let at = |o: usize, ky: usize| ((o * g.kh + ky) * g.kw + left) * per;
                let rows = (0..self.o).flat_map(|o| (top..=bottom).map(move |ky| at(o, ky)));
                s.weights = rows.flat_map(|at| self.weights[at..][..kw * per].iter().copied()).collect();
                (g.pt, g.pl) = (g.pt - top * g.dh, g.pl - left * g.dw);
                (g.kh, g.kw) = (kh, kw);
            }
        }
        for (out, stride, kernel, dilation) in [(g.oh, &mut g.sh, g.kh, &mut g.dh), (g.ow, &mut g.sw, g.kw, &mut g.dw)] {
            if out == 1 {
                *stride = 1;
            }
            if kernel == 1 {
                *dilation = 1;
            }
        }
        if g.n > 1 && g.pointwise() && g.h * g.w == g.pixels() {
            (g.w, g.ow) = (g.n * g.pixels(), g.n * g.pixels());
            (g.n, g.h, g.oh) = (1, 1, 1);
        }
        s
    }
}
