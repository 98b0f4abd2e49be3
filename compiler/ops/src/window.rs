//! Sliding windows over two spatial dimensions, for either layout. Output size: floor((size + pads - (dilation * (kernel - 1) + 1)) / stride) + 1.

use crate::def::{AttrDef, Ctx, Kind, attr_error, req, shape_error};
use mcompc_ir::Result;

pub(crate) const STRIDES: AttrDef = req("strides", Kind::Ints, "[vertical, horizontal], positive");
pub(crate) const PADS: AttrDef = req("pads", Kind::Ints, "[top, left, bottom, right]");
pub(crate) const DILATIONS: AttrDef = req("dilations", Kind::Ints, "[vertical, horizontal], positive");
pub(crate) const KERNEL: AttrDef = req("kernel", Kind::Ints, "[height, width] of the window, positive");
pub(crate) const LAYOUT: AttrDef = req("layout", Kind::Str, "\"NCHW\" or \"NHWC\"");

/// A four-dimensional tensor seen through a layout: sizes and strides (in elements) of n, h, w, c.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    stride: [usize; 4],
    nhwc: bool,
}

impl Image {
    /// Strides saturate: a shape that is being inferred may yet be refused as too large.
    pub(crate) fn new(s: [usize; 4], nhwc: bool) -> Self {
        if nhwc {
            let [n, h, w, c] = s;
            Self { n, h, w, c, stride: [h.saturating_mul(w).saturating_mul(c), w.saturating_mul(c), c, 1], nhwc }
        } else {
            let [n, c, h, w] = s;
            Self { n, h, w, c, stride: [h.saturating_mul(w).saturating_mul(c), w, 1, h.saturating_mul(w)], nhwc }
        }
    }
    pub(crate) fn at(&self, n: usize, h: usize, w: usize, c: usize) -> usize {
        let [sn, sh, sw, sc] = self.stride;
        n * sn + h * sh + w * sw + c * sc
    }
    /// Elements between neighbours in c.
    pub(crate) fn c_stride(&self) -> usize {
        self.stride[3]
    }
    /// The same layout with other sizes.
    pub(crate) fn with(&self, h: usize, w: usize, c: usize) -> Self {
        let s = if self.nhwc { [self.n, h, w, c] } else { [self.n, c, h, w] };
        Self::new(s, self.nhwc)
    }
    pub(crate) fn elems(&self) -> usize {
        self.n * self.h * self.w * self.c
    }
    pub(crate) fn shape(&self) -> Vec<usize> {
        if self.nhwc { vec![self.n, self.h, self.w, self.c] } else { vec![self.n, self.c, self.h, self.w] }
    }
}

/// Whether the node's layout is channels-last.
pub(crate) fn is_nhwc(c: &Ctx<'_>) -> Result<bool> {
    match c.node.attrs.str("layout")? {
        "NHWC" => Ok(true),
        "NCHW" => Ok(false),
        l => attr_error("layout", format_args!("is \"{l}\", expected \"NCHW\" or \"NHWC\"")),
    }
}

/// Geometry of a convolution or a pool; every index is [vertical, horizontal].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub kernel: [usize; 2],
    strides: [usize; 2],
    pads: [usize; 4],
    dilations: [usize; 2],
    size: [usize; 2],
    pub out: [usize; 2],
}

impl Window {
    /// Of a convolution with this kernel over an image of this size.
    pub(crate) fn conv(c: &Ctx<'_>, kernel: [usize; 2], size: [usize; 2]) -> Result<Self> {
        Self::new(c, kernel, c.sizes("dilations")?, size)
    }
    /// Of a pool; padding must be smaller than the window, so that none lies outside the image.
    pub(crate) fn pool(c: &Ctx<'_>, size: [usize; 2]) -> Result<Self> {
        let w = Self::new(c, c.sizes("kernel")?, [1, 1], size)?;
        if (0..4).any(|i| w.pads[i] >= w.kernel[i % 2]) {
            return attr_error("pads", format_args!("{:?} are not smaller than the window {:?}", w.pads, w.kernel));
        }
        Ok(w)
    }
    fn new(c: &Ctx<'_>, kernel: [usize; 2], dilations: [usize; 2], size: [usize; 2]) -> Result<Self> {
        let (strides, pads) = (c.sizes::<2>("strides")?, c.sizes::<4>("pads")?);
        let mut out = [0; 2];
        for d in 0..2 {
            if strides[d] == 0 || dilations[d] == 0 || kernel[d] == 0 {
                return shape_error(format!("window {kernel:?}, strides {strides:?}, dilations {dilations:?} must be positive"));
            }
            let span = (kernel[d] - 1).checked_mul(dilations[d]).and_then(|s| s.checked_add(1));
            let padded = size[d].checked_add(pads[d]).and_then(|s| s.checked_add(pads[d + 2]));
            match (span, padded) {
                (Some(s), Some(p)) if p <= u32::MAX as usize && s <= p => out[d] = (p - s) / strides[d] + 1,
                _ => {
                    return shape_error(format!(
                        "a window {kernel:?} with dilations {dilations:?} does not fit {size:?} with pads {pads:?}"
                    ));
                }
            }
        }
        Ok(Self { kernel, strides, pads, dilations, size, out })
    }
    /// (kernel index, image index) of the taps of output `o` in dimension `d` that lie inside the image; found without a walk through
    /// the padding, which may be as large as a file says.
    pub(crate) fn taps(&self, d: usize, o: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        let (start, pad, dil, size) = (o * self.strides[d], self.pads[d], self.dilations[d], self.size[d]);
        let first = pad.saturating_sub(start).div_ceil(dil);
        let end = (size + pad).saturating_sub(start).div_ceil(dil).min(self.kernel[d]);
        (first..end).map(move |k| (k, start + k * dil - pad))
    }
    /// Positions in a window. All of them lie inside the padded image, because the output size rounds down.
    pub(crate) fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
    /// Elements of the image that a window holds, at most.
    pub(crate) fn most(&self) -> usize {
        self.kernel[0].min(self.size[0]) * self.kernel[1].min(self.size[1])
    }
    /// Every output position.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (usize, usize)> {
        let [h, w] = self.out;
        (0..h).flat_map(move |y| (0..w).map(move |x| (y, x)))
    }
}
