//! Integer product.

use super::rescale::{HI, LO, M, PRE, SHIFT, multiplier};
use super::{Rescale, bounded, centred};
use crate::broadcast;
use crate::def::OpDef;
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "q.mul",
    doc: "R((qa - zp_a) * (qb - zp_b), m). Shapes broadcast as numpy's do. The result is i8 or i16.",
    inputs: &["a", "b"],
    attrs: &[M, PRE, SHIFT, LO, HI],
    infer: |c| {
        c.codes(0)?;
        c.codes(1)?;
        multiplier(c)?;
        let ((l, h), (k, j)) = (c.reach(0)?, c.reach(1)?);
        let ends = [l * k, l * j, h * k, h * j];
        bounded((ends.into_iter().fold(0, i64::min), ends.into_iter().fold(0, i64::max)), Rescale::of(c)?.pre)?;
        c.out_codes(broadcast::shape(&c.ins[0].shape, &c.ins[1].shape)?)
    },
    eval: |c, t| {
        let (r, m) = (Rescale::of(c)?, multiplier(c)?);
        let (a, b) = (centred(c, 0, t[0])?, centred(c, 1, t[1])?);
        let (to, pairs) = broadcast::pairs(t)?;
        let y = pairs.map(|(i, j)| r.apply(a[i] * b[j], m)).collect::<Result<Vec<i64>>>()?;
        c.tensor(to, &y)
    },
};
