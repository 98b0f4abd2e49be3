//! Change of quantization.

use super::rescale::{HI, LO, M, PRE, SHIFT, multiplier};
use super::{Rescale, bounded, centred};
use crate::def::OpDef;
use mcompc_ir::Result;

pub(crate) const OP: OpDef = OpDef {
    name: "q.rescale",
    doc: "R(x - zp_x, m): the same reals under another quantization. `x` is i8, u8, i16 or i32, the result i8, i16 or i32.",
    inputs: &["x"],
    attrs: &[M, PRE, SHIFT, LO, HI],
    infer: |c| {
        c.any_codes(0)?;
        multiplier(c)?;
        bounded(c.reach(0)?, Rescale::of(c)?.pre)?;
        c.out_any_codes(c.ins[0].shape.clone())
    },
    eval: |c, t| {
        let (r, m) = (Rescale::of(c)?, multiplier(c)?);
        let y = centred(c, 0, t[0])?.into_iter().map(|x| r.apply(x, m)).collect::<Result<Vec<i64>>>()?;
        c.tensor(t[0].shape.clone(), &y)
    },
};
