//! Integer convolution.

use super::rescale::{HI, LO, PRE, SHIFT, multipliers};
use super::weights::{self, BITS, BLOCK};
use super::{Rescale, accumulator, centred};
use crate::def::{Ctx, Kind, OpDef, req};
use crate::float::conv::Geometry;
use crate::window::{DILATIONS, PADS, STRIDES};
use mcompc_ir::{DType, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "q.conv",
    doc: "y[.., o] = R(bias[o] + sum of (x - zp_x) * w, m[o]). `x` is i8, u8 or i16 [N, H, W, C], `w` i8 [O, kh, kw, C/group] without -128, \
          or i16 between two numbers no more than 255 apart (codes of 8 bits less a zero point), `bias` and `m` i32 [O]; the result is i8 or i16. Padding counts as x = zp_x, so it adds nothing. The accumulator with its bias fits 32 bits, as does acc << pre. \
          With `bits` below 8 each weight is a code of so many bits, times r[o, i / block] (i8, positive) where `r` is given; i runs over \
          the channel's weights. That changes no result: it is how the weights may be stored.",
    inputs: &["x", "w", "bias", "m", "r?"],
    attrs: &[STRIDES, PADS, DILATIONS, req("group", Kind::Int, "divides both channel counts"), PRE, SHIFT, LO, HI, BITS, BLOCK],
    infer: |c| {
        c.codes(0)?;
        c.shape::<4>(0)?;
        let g = Geometry::with_layout(c, true)?;
        weights::exactly(c, &g.w.shape())?;
        c.exactly(2, DType::I32, &[g.y.c])?;
        c.exactly(3, DType::I32, &[g.y.c])?;
        weights::infer(c, g.y.c, g.w.each())?;
        Rescale::of(c)?;
        c.out_any_codes(g.y.shape())
    },
    eval,
};

fn eval(c: &Ctx<'_>, t: &[&Tensor]) -> Result<Vec<Tensor>> {
    let Geometry { x, y, w, win, per_group: [ci, co] } = Geometry::with_layout(c, true)?;
    let r = Rescale::of(c)?;
    let (xs, ws) = (centred(c, 0, t[0])?, t[1].to_i64_vec()?);
    let (bias, m) = (t[2].to_i64_vec()?, multipliers(t[3])?);
    weights::check(c, t[1], t.get(weights::R).copied(), w.each())?;
    let mut out = Vec::with_capacity(y.elems());
    for (n, p) in (0..y.n).flat_map(|n| (0..y.pixels()).map(move |p| (n, p))) {
        let taps: Vec<_> = win.inside(p).into_iter().map(|(k, i)| (x.at(n, i, 0), w.at(0, k, 0))).collect();
        for o in 0..y.c {
            let (xc, wo) = (o / co * ci, o * w.each());
            let dot = |&(a, b): &(usize, usize)| -> i64 {
                let (xv, wv) = (&xs[a + xc..a + xc + ci], &ws[b + wo..b + wo + ci]);
                xv.iter().zip(wv).map(|(x, w)| x * w).sum()
            };
            let acc = accumulator(bias[o] + taps.iter().map(dot).sum::<i64>())?;
            out.push(r.apply(acc, m[o])?);
        }
    }
    c.tensor(y.shape(), &out)
}
