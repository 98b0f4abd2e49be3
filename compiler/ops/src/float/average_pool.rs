//! Average pool.

use crate::def::{Kind, OpDef, req};
use crate::window::{Image, KERNEL, LAYOUT, PADS, STRIDES, Window, is_nhwc};
use mcompc_ir::{DType, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "AveragePool",
    doc: "Mean over each window. Padding counts as zeros in the divisor only with count_include_pad; it is smaller than the window. \
          GlobalAveragePool is this with the image as its window.",
    inputs: &["x"],
    attrs: &[
        KERNEL,
        STRIDES,
        PADS,
        req("count_include_pad", Kind::Int, "0: divide by the elements inside the image, 1: by the window's"),
        LAYOUT,
    ],
    infer: |c| {
        c.floats()?;
        c.int_in("count_include_pad", 0, 1)?;
        let x = Image::new(&c.ins[0].shape, is_nhwc(c)?)?;
        let win = Window::pool(c, &x.spatial)?;
        c.out(DType::F32, x.with(win.out(), x.c).shape(), None)
    },
    eval: |c, t| {
        let x = Image::new(&c.ins[0].shape, is_nhwc(c)?)?;
        let win = Window::pool(c, &x.spatial)?;
        let all = c.int_in("count_include_pad", 0, 1)? == 1;
        let y = x.with(win.out(), x.c);
        let xs = t[0].as_f32()?;
        let mut out = vec![0f32; y.elems()];
        for p in 0..y.pixels() {
            let taps = win.inside(p);
            let count = if all { win.area() } else { taps.len() };
            for (n, ch) in (0..y.n).flat_map(|n| (0..y.c).map(move |ch| (n, ch))) {
                let sum: f64 = taps.iter().map(|&(_, i)| f64::from(xs[x.at(n, i, ch)])).sum();
                out[y.at(n, p, ch)] = (sum / count as f64) as f32;
            }
        }
        Ok(vec![Tensor::from_f32(y.shape(), &out)?])
    },
};
