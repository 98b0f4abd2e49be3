//! Sizes of a sliding window, read from a verified node.

use super::Site;
use mcompc_ir::Result;

#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub oh: usize,
    pub ow: usize,
    pub oc: usize,
    pub k: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub dil: [usize; 2],
    /// Whether no window reaches into padding.
    pub unpadded: bool,
    pub nhwc: bool,
}

fn sizes(s: &[usize], nhwc: bool) -> [usize; 4] {
    if nhwc { [s[0], s[1], s[2], s[3]] } else { [s[0], s[2], s[3], s[1]] }
}

impl Geometry {
    /// `kernel`: [height, width].
    pub(super) fn of(s: &Site<'_>, k: [usize; 2]) -> Result<Self> {
        let a = &s.node.attrs;
        let nhwc = a.str("layout")? == "NHWC";
        let [n, h, w, c] = sizes(&s.ins[0].shape, nhwc);
        let [_, oh, ow, oc] = sizes(&s.out().shape, nhwc);
        let (st, p) = (a.usizes("strides")?, a.usizes("pads")?);
        let dil = if a.get("dilations").is_some() { a.usizes("dilations")? } else { vec![1, 1] };
        let unpadded = p.iter().all(|&p| p == 0);
        Ok(Self { n, h, w, c, oh, ow, oc, k, stride: [st[0], st[1]], pad: [p[0], p[1]], dil: [dil[0], dil[1]], unpadded, nhwc })
    }
    /// Image index of tap `k` of output `o` in dimension `d` (0 vertical, 1 horizontal), if inside.
    pub(super) fn at(&self, d: usize, o: usize, k: usize) -> Option<usize> {
        let size = if d == 0 { self.h } else { self.w };
        (o * self.stride[d] + k * self.dil[d]).checked_sub(self.pad[d]).filter(|&i| i < size)
    }
    /// Image indices that the window of output `o` covers in dimension `d`, for undilated windows.
    pub(super) fn covers(&self, d: usize, o: usize) -> std::ops::Range<usize> {
        let size = if d == 0 { self.h } else { self.w };
        let start = o * self.stride[d];
        start.saturating_sub(self.pad[d])..(start + self.k[d]).saturating_sub(self.pad[d]).min(size)
    }
    /// Outputs whose tap `k` lies inside the image, in dimension `d`: a contiguous range.
    pub(super) fn inside(&self, d: usize, k: usize) -> std::ops::Range<usize> {
        let (size, out) = if d == 0 { (self.h, self.oh) } else { (self.w, self.ow) };
        let (s, off) = (self.stride[d], k * self.dil[d]);
        let first = self.pad[d].saturating_sub(off).div_ceil(s).min(out);
        let end = (size + self.pad[d]).saturating_sub(off).div_ceil(s).min(out);
        first..end.max(first)
    }
}

/// The optional fused clamp.
pub(super) fn act(s: &Site<'_>) -> Result<(f32, f32)> {
    let get = |n, d| if s.node.attrs.get(n).is_some() { s.node.attrs.float(n) } else { Ok(d) };
    Ok((get("act_min", f64::NEG_INFINITY)? as f32, get("act_max", f64::INFINITY)? as f32))
}
