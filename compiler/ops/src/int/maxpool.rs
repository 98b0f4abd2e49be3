//! Integer maximum pool.

use crate::def::OpDef;
use crate::window::{Image, KERNEL, PADS, STRIDES, Window};
use mcompc_ir::Tensor;

pub(crate) const OP: OpDef = OpDef {
    name: "q.maxpool",
    doc: "Largest code of each window that lies inside the image. `x` is i8, u8 or i16 [N, H, W, C]; the result has its type and quantization.",
    inputs: &["x"],
    attrs: &[KERNEL, STRIDES, PADS],
    infer: |c| {
        let q = c.codes(0)?;
        let x = Image::new(&c.shape::<4>(0)?, true)?;
        let win = Window::pool(c, &x.spatial)?;
        c.out(c.ins[0].dtype, x.with(win.out(), x.c).shape(), Some(q.clone()))
    },
    eval: |c, t| {
        let x = Image::new(&c.shape::<4>(0)?, true)?;
        let win = Window::pool(c, &x.spatial)?;
        let y = x.with(win.out(), x.c);
        let xs = t[0].to_i64_vec()?;
        let mut out = vec![i64::MIN; y.elems()];
        for (n, p) in (0..y.n).flat_map(|n| (0..y.pixels()).map(move |p| (n, p))) {
            for (_, i) in win.inside(p) {
                for ch in 0..y.c {
                    let o = &mut out[y.at(n, p, ch)];
                    *o = xs[x.at(n, i, ch)].max(*o);
                }
            }
        }
        // A maximum of codes is a code.
        Ok(vec![Tensor::from_ints(t[0].dtype, y.shape(), &out)?])
    },
};
