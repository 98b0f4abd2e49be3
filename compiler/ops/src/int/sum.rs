//! Integer sum over axes.

use super::rescale::{HI, LO, M, PRE, SHIFT, multiplier};
use super::{Rescale, accumulator, bounded, centred};
use crate::def::OpDef;
use crate::reduce::{AXES, KEEPDIMS, Reduction};
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "q.sum",
    doc: "R(sum over the named axes of (x - zp_x), m): a sum, or a mean where the division is inside m. The axes stay as dimensions of 1 with \
          keepdims and go without. `x` is i8, u8 or i16 of any rank, the result i8 or i16.",
    inputs: &["x"],
    attrs: &[AXES, KEEPDIMS, M, PRE, SHIFT, LO, HI],
    infer: |c| {
        c.codes(0)?;
        multiplier(c)?;
        let r = Reduction::of(c)?;
        let ((lo, hi), n) = (c.reach(0)?, i64::try_from(r.count).unwrap_or(i64::MAX));
        bounded((lo.saturating_mul(n), hi.saturating_mul(n)), Rescale::of(c)?.pre)?;
        c.out_codes(r.shape)
    },
    eval: |c, t| {
        let (r, rule, m) = (Reduction::of(c)?, Rescale::of(c)?, multiplier(c)?);
        let sums = r.fold(&t[0].shape, centred(c, 0, t[0])?, 0i64, |a, x| a + x);
        let y = sums.into_iter().map(|s| rule.apply(accumulator(s)?, m)).collect::<Result<Vec<i64>>>()?;
        c.tensor(r.shape, &y)
    },
};
