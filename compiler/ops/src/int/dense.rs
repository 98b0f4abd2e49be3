//! Integer fully connected layer.

use super::rescale::{HI, LO, PRE, SHIFT, multipliers};
use super::weights::{self, BITS, BLOCK, DROP};
use super::{Rescale, accumulator, centred};
use crate::def::{OpDef, shape_error};
use mcompc_ir::DType;

pub(crate) const OP: OpDef = OpDef {
    name: "q.dense",
    doc: "y[n, o] = R(bias[o] + sum over k of (x[n, k] - zp_x) * w[o, k], m[o]). `x` is i8, u8 or i16 [N, K], `w` i8 or i16 [O, K] as for q.conv, `bias` and `m` i32 [O]; \
          the result is i8, i16 or i32. `bits`, `block` and `r` as for q.conv. Of an i32 `x`, whose codes have 30 bits, with i8 weights, the sum \
          has more than 32: y[n, o] = R(bias[o] + floor((sum over k of x[n, k] * w[o, k]) / 2^drop), m[o]).",
    inputs: &["x", "w", "bias", "m", "r?"],
    attrs: &[PRE, SHIFT, LO, HI, BITS, BLOCK, DROP],
    infer: |c| {
        c.any_codes(0)?;
        weights::drop(c)?;
        let ([n, k], [o, kw]) = (c.shape(0)?, c.shape(1)?);
        if k != kw {
            return shape_error(format!("{k} inputs and weights for {kw}"));
        }
        weights::exactly(c, &[o, k])?;
        c.exactly(2, DType::I32, &[o])?;
        c.exactly(3, DType::I32, &[o])?;
        weights::infer(c, o, k)?;
        Rescale::of(c)?;
        c.out_any_codes([n, o])
    },
    eval: |c, t| {
        let ([n, k], [o, _]) = (c.shape(0)?, c.shape(1)?);
        let r = Rescale::of(c)?;
        let (x, w) = (centred(c, 0, t[0])?, t[1].to_i64_vec()?);
        let (bias, m, drop) = (t[2].to_i64_vec()?, multipliers(t[3])?, weights::drop(c)?);
        weights::check(c, t[1], t.get(weights::R).copied(), k)?;
        let mut y = Vec::with_capacity(n * o);
        for i in 0..n {
            for j in 0..o {
                let dot: i64 = x[i * k..(i + 1) * k].iter().zip(&w[j * k..(j + 1) * k]).map(|(x, w)| x * w).sum();
                y.push(r.apply(accumulator(bias[j] + (dot >> drop))?, m[j])?);
            }
        }
        c.tensor([n, o], &y)
    },
};
