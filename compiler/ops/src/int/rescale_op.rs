//! Change of quantization.

use super::rescale::{HI, LO, M, PRE, SHIFT, multiplier};
use super::{Rescale, bounded, centred};
use crate::def::OpDef;
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "q.rescale",
    doc: "R(x - zp_x, m): the same reals under another quantization. `x` is i8, u8 or i16, the result i8 or i16.",
    inputs: &["x"],
    attrs: &[M, PRE, SHIFT, LO, HI],
    infer: |c| {
        c.codes(0)?;
        multiplier(c)?;
        bounded(c.reach(0)?, Rescale::of(c)?.pre)?;
        c.out_codes(c.ins[0].shape.clone())
    },
    eval: |c, t| {
        let (r, m) = (Rescale::of(c)?, multiplier(c)?);
        let y = centred(c, 0, t[0])?.into_iter().map(|x| r.apply(x, m)).collect::<Result<Vec<i64>>>()?;
        c.tensor(t[0].shape.clone(), &y)
    },
};
