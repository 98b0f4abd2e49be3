//! Maximum pool.

use crate::def::OpDef;
use crate::window::{Image, KERNEL, LAYOUT, PADS, STRIDES, Window, is_nhwc};
use mcompc_ir::{DType, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "MaxPool",
    doc: "Largest element of each window that lies inside the image. Padding is smaller than the window. GlobalMaxPool is this with the \
          image as its window.",
    inputs: &["x"],
    attrs: &[KERNEL, STRIDES, PADS, LAYOUT],
    infer: |c| {
        c.floats()?;
        let x = Image::new(c.shape(0)?, is_nhwc(c)?);
        let win = Window::pool(c, [x.h, x.w])?;
        c.out(DType::F32, x.with(win.out[0], win.out[1], x.c).shape(), None)
    },
    eval: |c, t| {
        let x = Image::new(c.shape(0)?, is_nhwc(c)?);
        let win = Window::pool(c, [x.h, x.w])?;
        let y = x.with(win.out[0], win.out[1], x.c);
        let xs = t[0].as_f32()?;
        let mut out = vec![f32::NEG_INFINITY; y.elems()];
        for n in 0..y.n {
            for (oy, ox) in win.positions() {
                for ((_, iy), (_, ix)) in win.taps(0, oy).flat_map(|a| win.taps(1, ox).map(move |b| (a, b))) {
                    for ch in 0..y.c {
                        let o = &mut out[y.at(n, oy, ox, ch)];
                        *o = o.max(xs[x.at(n, iy, ix, ch)]);
                    }
                }
            }
        }
        Ok(vec![Tensor::from_f32(y.shape(), &out)?])
    },
};
