//! Convolution.

use super::{ACT_MAX, ACT_MIN, bound};
use crate::def::{Ctx, Kind, OpDef, req, shape_error};
use crate::window::{DILATIONS, Image, LAYOUT, PADS, STRIDES, Window, is_nhwc};
use mcompc_ir::{DType, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Conv",
    doc: "Convolution over one to three dimensions with zero padding. `w` is [O, I/group, kh, kw] for NCHW and [O, kh, kw, I/group] for NHWC \
          (with as many sizes of the window as there are spatial dimensions), `b` is [O]. Output channel o reads the I/group input channels of \
          group floor(o / (O/group)).",
    inputs: &["x", "w", "b?"],
    attrs: &[STRIDES, PADS, DILATIONS, req("group", Kind::Int, "divides both channel counts"), LAYOUT, ACT_MIN, ACT_MAX],
    infer: |c| {
        c.floats()?;
        let g = Geometry::of(c)?;
        if c.ins.len() == 3 {
            c.exactly(2, DType::F32, &[g.y.c])?;
        }
        c.act()?;
        c.out(DType::F32, g.y.shape(), None)
    },
    eval,
};

/// Sizes of a convolution, shared with the integer one (which is always NHWC).
pub(crate) struct Geometry {
    pub x: Image,
    pub y: Image,
    /// n = output channel, c = input channel within the group.
    pub w: Image,
    pub win: Window,
    /// Input and output channels of a group.
    pub per_group: [usize; 2],
}

impl Geometry {
    pub(crate) fn of(c: &Ctx<'_>) -> Result<Self> {
        Self::with_layout(c, is_nhwc(c)?)
    }
    pub(crate) fn with_layout(c: &Ctx<'_>, nhwc: bool) -> Result<Self> {
        let (x, w) = (Image::new(&c.ins[0].shape, nhwc)?, Image::new(&c.ins[1].shape, nhwc)?);
        let group = c.int_in("group", 1, i64::from(u32::MAX))? as usize;
        if x.spatial.len() != w.spatial.len() || Some(x.c) != w.c.checked_mul(group) || w.n % group != 0 {
            return shape_error(format!(
                "{} input channels, {} groups and weights {:?} (layout {}) do not fit",
                x.c,
                group,
                c.ins[1].shape,
                if nhwc { "NHWC" } else { "NCHW" }
            ));
        }
        let win = Window::of(&c.node.attrs, &w.spatial, &x.spatial)?;
        Ok(Self { y: x.with(win.out(), w.n), per_group: [w.c, w.n / group], x, w, win })
    }
}

fn eval(c: &Ctx<'_>, t: &[&Tensor]) -> Result<Vec<Tensor>> {
    let Geometry { x, y, w, win, per_group: [ci, co] } = Geometry::of(c)?;
    let (lo, hi) = c.act()?;
    let (xs, ws) = (t[0].as_f32()?, t[1].as_f32()?);
    let bias = t.get(2).map(|b| b.as_f32()).transpose()?;
    let (dx, dw) = (x.c_stride(), w.c_stride());
    let mut out = vec![0f32; y.elems()];
    for p in 0..y.pixels() {
        let taps = win.inside(p);
        for (n, o) in (0..y.n).flat_map(|n| (0..y.c).map(move |o| (n, o))) {
            let mut acc = bias.as_ref().map_or(0.0, |b| f64::from(b[o]));
            for &(k, i) in &taps {
                let (a, b) = (x.at(n, i, o / co * ci), w.at(o, k, 0));
                acc += (0..ci).map(|i| f64::from(xs[a + i * dx]) * f64::from(ws[b + i * dw])).sum::<f64>();
            }
            out[y.at(n, p, o)] = acc.clamp(bound(lo), bound(hi)) as f32;
        }
    }
    Ok(vec![Tensor::from_f32(y.shape(), &out)?])
}
