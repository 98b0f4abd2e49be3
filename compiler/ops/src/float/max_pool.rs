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
        let x = Image::new(&c.ins[0].shape, is_nhwc(c)?)?;
        let win = Window::pool(c, &x.spatial)?;
        c.out(DType::F32, x.with(win.out(), x.c).shape(), None)
    },
    eval: |c, t| {
        let x = Image::new(&c.ins[0].shape, is_nhwc(c)?)?;
        let win = Window::pool(c, &x.spatial)?;
        let y = x.with(win.out(), x.c);
        let xs = t[0].as_f32()?;
        let mut out = vec![0f32; y.elems()];
        for p in 0..y.pixels() {
            let taps = win.inside(p);
            for (n, ch) in (0..y.n).flat_map(|n| (0..y.c).map(move |ch| (n, ch))) {
                out[y.at(n, p, ch)] = taps.iter().map(|&(_, i)| xs[x.at(n, i, ch)]).fold(f32::NEG_INFINITY, f32::max);
            }
        }
        Ok(vec![Tensor::from_f32(y.shape(), &out)?])
    },
};
