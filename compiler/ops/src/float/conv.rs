//! Convolution.

use super::{ACT_MAX, ACT_MIN, bound};
use crate::def::{Ctx, Kind, OpDef, req, shape_error};
use crate::window::{DILATIONS, Image, LAYOUT, PADS, STRIDES, Window, is_nhwc};
use mcompc_ir::{DType, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Conv",
    doc: "Two-dimensional convolution with zero padding. `w` is [O, I/group, kh, kw] for NCHW and [O, kh, kw, I/group] for NHWC, `b` is [O]. \
          Output channel o reads the I/group input channels of group floor(o / (O/group)).",
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
        let (x, w) = (Image::new(c.shape(0)?, nhwc), Image::new(c.shape(1)?, nhwc));
        let group = c.int_in("group", 1, i64::from(u32::MAX))? as usize;
        if Some(x.c) != w.c.checked_mul(group) || w.n % group != 0 {
            return shape_error(format!(
                "{} input channels, {} groups and weights {:?} (layout {}) do not fit",
                x.c,
                group,
                c.ins[1].shape,
                if nhwc { "NHWC" } else { "NCHW" }
            ));
        }
        let win = Window::conv(c, [w.h, w.w], [x.h, x.w])?;
        Ok(Self { x, y: x.with(win.out[0], win.out[1], w.n), w, win, per_group: [w.c, w.n / group] })
    }
}

fn eval(c: &Ctx<'_>, t: &[&Tensor]) -> Result<Vec<Tensor>> {
    let Geometry { x, y, w, win, per_group: [ci, co] } = Geometry::of(c)?;
    let (lo, hi) = c.act()?;
    let (xs, ws) = (t[0].as_f32()?, t[1].as_f32()?);
    let bias = t.get(2).map(|b| b.as_f32()).transpose()?;
    let (dx, dw) = (x.c_stride(), w.c_stride());
    let mut out = vec![0f32; y.elems()];
    for n in 0..y.n {
        for (oy, ox) in win.positions() {
            for o in 0..y.c {
                let mut acc = bias.as_ref().map_or(0.0, |b| f64::from(b[o]));
                for (ky, iy) in win.taps(0, oy) {
                    for (kx, ix) in win.taps(1, ox) {
                        let (a, b) = (x.at(n, iy, ix, o / co * ci), w.at(o, ky, kx, 0));
                        acc += (0..ci).map(|i| f64::from(xs[a + i * dx]) * f64::from(ws[b + i * dw])).sum::<f64>();
                    }
                }
                out[y.at(n, oy, ox, o)] = acc.clamp(bound(lo), bound(hi)) as f32;
            }
        }
    }
    Ok(vec![Tensor::from_f32(y.shape(), &out)?])
}
