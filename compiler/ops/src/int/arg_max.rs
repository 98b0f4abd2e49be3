//! Place of the largest code along an axis.

use crate::def::OpDef;
use crate::float::arg_max::{ARG, Along};
use mcompc_ir::Tensor;

pub(crate) const OP: OpDef = OpDef {
    name: "q.argmax",
    doc: "Index, counted from 0, of the largest code along one axis, or of the smallest, plus the zero point of the result. `x` is i8, u8 or i16; the \
          result has scale 1: i8 with zero point 0 for up to 128 elements, -128 for up to 256, i16 with zero point 0 beyond.",
    inputs: &["x"],
    attrs: ARG,
    infer: |c| {
        c.codes(0)?;
        let a = Along::of(c)?;
        let q = a.quant();
        c.out(q.codes.dtype(), a.shape, Some(q))
    },
    eval: |c, t| {
        let a = Along::of(c)?;
        let (x, q) = (t[0].to_i64_vec()?, a.quant());
        let y: Vec<i64> = a.places(&x).into_iter().map(|i| i as i64 + i64::from(q.zero_point())).collect();
        Ok(vec![Tensor::from_ints(q.codes.dtype(), a.shape, &y)?])
    },
};
