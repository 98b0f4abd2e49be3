//! Integer average pool.

use super::rescale::{HI, LO, PRE, SHIFT};
use super::{Rescale, accumulator, bounded, centred};
use crate::def::{Ctx, Kind, OpDef, attr_error, req};
use crate::window::{Image, KERNEL, PADS, STRIDES, Window};
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "q.avgpool",
    doc: "R(sum over the window's n elements inside the image of (x - zp_x), m[n-1]); the division by n is inside m. `x` is i8, u8 or i16 \
          [N, H, W, C], the result i8 or i16. Where padding counts in the divisor all entries of `m` are equal.",
    inputs: &["x"],
    attrs: &[
        KERNEL,
        STRIDES,
        PADS,
        req("m", Kind::Ints, "multipliers by number of elements, as many as the window has"),
        PRE,
        SHIFT,
        LO,
        HI,
    ],
    infer: |c| {
        c.codes(0)?;
        let x = Image::new(&c.shape::<4>(0)?, true)?;
        let win = Window::pool(c, &x.spatial)?;
        multipliers(c, &win)?;
        let ((lo, hi), n) = (c.reach(0)?, i64::try_from(win.most()).unwrap_or(i64::MAX));
        bounded((lo.saturating_mul(n), hi.saturating_mul(n)), Rescale::of(c)?.pre)?;
        c.out_codes(x.with(win.out(), x.c).shape())
    },
    eval: |c, t| {
        let x = Image::new(&c.shape::<4>(0)?, true)?;
        let win = Window::pool(c, &x.spatial)?;
        let y = x.with(win.out(), x.c);
        let (r, m, xs) = (Rescale::of(c)?, multipliers(c, &win)?, centred(c, 0, t[0])?);
        let mut out = Vec::with_capacity(y.elems());
        for (n, p) in (0..y.n).flat_map(|n| (0..y.pixels()).map(move |p| (n, p))) {
            let inside: Vec<usize> = win.inside(p).into_iter().map(|(_, i)| x.at(n, i, 0)).collect();
            for ch in 0..y.c {
                let sum = inside.iter().map(|a| xs[a + ch]).sum();
                out.push(r.apply(accumulator(sum)?, m[inside.len() - 1])?);
            }
        }
        c.tensor(y.shape(), &out)
    },
};

fn multipliers(c: &Ctx<'_>, win: &Window) -> Result<Vec<i64>> {
    let m = c.node.attrs.ints("m")?;
    if m.len() != win.area() || !m.iter().all(|m| (0..=i64::from(i32::MAX)).contains(m)) {
        return attr_error("m", format_args!("must be {} integers in 0..2^31", win.area()));
    }
    Ok(m.to_vec())
}
