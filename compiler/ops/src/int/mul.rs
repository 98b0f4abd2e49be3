//! Integer product.

use super::rescale::{HI, LO, M, PRE, SHIFT, multiplier};
use super::{Rescale, bounded, centred};
use crate::def::OpDef;
use mcompc_ir::{Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "q.mul",
    doc: "R((qa - zp_a) * (qb - zp_b), m). `b` has the shape of `a`, or is [N, 1, 1, C] to an `a` of [N, H, W, C] (a gate per channel). The \
          result is i8.",
    inputs: &["a", "b"],
    attrs: &[M, PRE, SHIFT, LO, HI],
    infer: |c| {
        c.codes(0)?;
        c.codes(1)?;
        multiplier(c)?;
        let ((l, h), (k, j)) = (c.reach(0)?, c.reach(1)?);
        let ends = [l * k, l * j, h * k, h * j];
        bounded((ends.into_iter().fold(0, i64::min), ends.into_iter().fold(0, i64::max)), Rescale::of(c)?.pre)?;
        let (a, b) = (&c.ins[0].shape, c.ins[1]);
        if a != &b.shape {
            let [n, _, _, ch] = c.shape(0)?;
            c.exactly(1, b.dtype, &[n, 1, 1, ch])?;
        }
        c.out_codes(a.clone())
    },
    eval: |c, t| {
        let (r, m) = (Rescale::of(c)?, multiplier(c)?);
        let (a, b) = (centred(c, 0, t[0])?, centred(c, 1, t[1])?);
        let at = crate::broadcast::offsets(&t[1].shape, &t[0].shape);
        let y = a.iter().zip(at).map(|(x, j)| r.apply(x * b[j], m)).collect::<Result<Vec<i8>>>()?;
        Ok(vec![Tensor::from_i8(t[0].shape.clone(), &y)?])
    },
};
