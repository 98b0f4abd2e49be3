//! Sliding windows over one to three spatial dimensions, for either layout.

use crate::def::{AttrDef, Ctx, Kind, attr_error, req, shape_error};
use mcompc_ir::{Attrs, Result};

pub(crate) const STRIDES: AttrDef = req("strides", Kind::Ints, "one a spatial dimension ([vertical, horizontal] of an image), positive");
pub(crate) const PADS: AttrDef =
    req("pads", Kind::Ints, "in front of every spatial dimension, then behind them ([top, left, bottom, right] of an image)");
pub(crate) const DILATIONS: AttrDef = req("dilations", Kind::Ints, "one a spatial dimension, positive");
pub(crate) const KERNEL: AttrDef = req("kernel", Kind::Ints, "size of the window in every spatial dimension, positive");
pub(crate) const LAYOUT: AttrDef =
    req("layout", Kind::Str, "\"NCHW\": channels in front of the spatial dimensions, one to three; \"NHWC\": behind them");

/// A tensor of images of one to three dimensions, seen through a layout. Pixels are numbered row by row.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub n: usize,
    pub spatial: Vec<usize>,
    pub c: usize,
    nhwc: bool,
}

impl Image {
    pub(crate) fn new(s: &[usize], nhwc: bool) -> Result<Self> {
        let (n, rest) = match s {
            [n, rest @ ..] if (2..=4).contains(&rest.len()) => (*n, rest),
            _ => return shape_error(format!("shape {s:?} has not one to three spatial dimensions beside batch and channels")),
        };
        Ok(match rest {
            [spatial @ .., c] if nhwc => Self { n, spatial: spatial.to_vec(), c: *c, nhwc },
            [c, spatial @ ..] => Self { n, spatial: spatial.to_vec(), c: *c, nhwc },
            [] => return shape_error("an image without dimensions"),
        })
    }
    /// Saturates: a shape that is being inferred may yet be refused as too large.
    pub(crate) fn pixels(&self) -> usize {
        self.spatial.iter().fold(1, |a: usize, &b| a.saturating_mul(b))
    }
    /// Offset of an element.
    pub(crate) fn at(&self, n: usize, pixel: usize, c: usize) -> usize {
        if self.nhwc { (n * self.pixels() + pixel) * self.c + c } else { (n * self.c + c) * self.pixels() + pixel }
    }
    /// Elements between neighbours in c.
    pub(crate) fn c_stride(&self) -> usize {
        if self.nhwc { 1 } else { self.pixels() }
    }
    /// Elements of one of `n`.
    pub(crate) fn each(&self) -> usize {
        self.pixels().saturating_mul(self.c)
    }
    /// The same layout with other sizes.
    pub(crate) fn with(&self, spatial: Vec<usize>, c: usize) -> Self {
        Self { spatial, c, ..*self }
    }
    pub(crate) fn elems(&self) -> usize {
        self.n * self.pixels() * self.c
    }
    pub(crate) fn shape(&self) -> Vec<usize> {
        if self.nhwc { [&[self.n], &self.spatial[..], &[self.c]].concat() } else { [&[self.n, self.c], &self.spatial[..]].concat() }
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

/// One spatial dimension of a window: output `o` meets tap `k` at `o * stride + k * dilation - before` of `size` places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Axis {
    pub size: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub before: usize,
    pub after: usize,
}

impl Axis {
    /// Number of outputs: floor((size + pads - (dilation * (kernel - 1) + 1)) / stride) + 1; none where no window fits.
    pub fn out(&self) -> Option<usize> {
        let span = self.kernel.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)?;
        let padded = self.size.checked_add(self.before)?.checked_add(self.after)?;
        (padded <= u32::MAX as usize && span <= padded && self.stride > 0 && self.dilation > 0).then(|| (padded - span) / self.stride + 1)
    }
    /// (tap, place) of the taps of output `o` that lie inside; found without a walk through the padding, which may be as large as a file
    /// says.
    pub fn taps(&self, o: usize) -> impl Iterator<Item = (usize, usize)> + Clone + use<> {
        let Self { size, kernel, stride, dilation, before, .. } = *self;
        let start = o * stride;
        let first = before.saturating_sub(start).div_ceil(dilation);
        let end = (size + before).saturating_sub(start).div_ceil(dilation).min(kernel);
        (first..end).map(move |k| (k, start + k * dilation - before))
    }
}

/// A window of a convolution or a pool, over one to three dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its dimensions, outermost first.
    pub axes: Vec<Axis>,
}

impl Window {
    /// From the attributes `strides`, `pads` and (1 when absent) `dilations` of a node whose window has the size `kernel`, over `size` places.
    ///
    /// # Errors
    /// Attributes of other lengths, numbers that are not positive, a window that does not fit.
    pub fn of(attrs: &Attrs, kernel: &[usize], size: &[usize]) -> Result<Self> {
        let n = size.len();
        let list = |name: &str, len: usize| {
            let v = attrs.usizes(name)?;
            if v.len() == len { Ok(v) } else { attr_error(name, format_args!("has {} entries, expected {len}", v.len())) }
        };
        let (strides, pads) = (list("strides", n)?, list("pads", 2 * n)?);
        let dilations = if attrs.get("dilations").is_some() { list("dilations", n)? } else { vec![1; n] };
        if kernel.len() != n {
            return attr_error("kernel", format_args!("has {} entries, expected {n}", kernel.len()));
        }
        if [kernel, &strides, &dilations].iter().any(|v| v.contains(&0)) {
            return shape_error(format!("window {kernel:?}, strides {strides:?}, dilations {dilations:?} must be positive"));
        }
        let axis = |d: usize| Axis {
            size: size[d],
            kernel: kernel[d],
            stride: strides[d],
            dilation: dilations[d],
            before: pads[d],
            after: pads[n + d],
        };
        let w = Self { axes: (0..n).map(axis).collect() };
        if w.axes.iter().any(|a| a.out().is_none()) {
            return shape_error(format!("a window {kernel:?} with dilations {dilations:?} does not fit {size:?} with pads {pads:?}"));
        }
        Ok(w)
    }
    /// Of a pool; padding must be smaller than the window, so that none lies outside the image.
    pub(crate) fn pool(c: &Ctx<'_>, size: &[usize]) -> Result<Self> {
        let kernel = c.node.attrs.usizes("kernel")?;
        let w = Self::of(&c.node.attrs, &kernel, size)?;
        if w.axes.iter().any(|a| a.before.max(a.after) >= a.kernel) {
            return attr_error("pads", format_args!("{:?} are not smaller than the window {kernel:?}", c.node.attrs.usizes("pads")?));
        }
        Ok(w)
    }
    /// Sizes of the result.
    pub fn out(&self) -> Vec<usize> {
        self.axes.iter().map(|a| a.out().unwrap_or(0)).collect()
    }
    /// Positions in a window. All of them lie inside the padded image, because the output size rounds down.
    pub fn area(&self) -> usize {
        self.axes.iter().fold(1, |n: usize, a| n.saturating_mul(a.kernel))
    }
    /// Elements of the image that a window holds, at most.
    pub fn most(&self) -> usize {
        self.axes.iter().fold(1, |n: usize, a| n.saturating_mul(a.kernel.min(a.size)))
    }
    /// The taps of output pixel `p` that lie inside the image: (position in the window, pixel of the image), in order.
    pub fn inside(&self, p: usize) -> Vec<(usize, usize)> {
        let (mut rest, mut at) = (p, vec![0; self.axes.len()]);
        for (o, n) in at.iter_mut().zip(self.out()).rev() {
            (*o, rest) = (rest % n.max(1), rest / n.max(1));
        }
        self.axes.iter().zip(at).fold(vec![(0, 0)], |taps, (a, o)| {
            taps.into_iter()
                .flat_map(|(k, i)| a.taps(o).map(move |(t, x)| (k.wrapping_mul(a.kernel).wrapping_add(t), i * a.size + x)))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_inside_are_those_of_every_axis() {
        let axis = |size, kernel, stride, dilation, before| Axis { size, kernel, stride, dilation, before, after: before };
        let w = Window { axes: vec![axis(2, 1, 1, 1, 0), axis(3, 2, 2, 1, 1), axis(4, 3, 1, 2, 1)] };
        assert_eq!(w.out(), [2, 2, 2]);
        // The last output: row 1 of the first axis, rows 1 and 2 of the second, places 0, 2 and 4 (which is outside) of the third.
        let at = |y: usize, x: usize| (3 + y) * 4 + x;
        assert_eq!(w.inside(7), [(0, at(1, 0)), (1, at(1, 2)), (3, at(2, 0)), (4, at(2, 2))]);
        assert_eq!((w.area(), w.most()), (6, 6));
    }
}
