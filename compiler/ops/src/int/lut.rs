//! Table look-up.

use crate::def::OpDef;
use mcompc_ir::{Codes, DType, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "q.lut",
    doc: "table[x - min], where min is the smallest value of x's type (-128 for i8, 0 for u8): any function of one value. `table` is i8 [256], \
          the result i8.",
    inputs: &["x", "table"],
    attrs: &[],
    infer: |c| {
        c.codes(0)?;
        c.exactly(1, DType::I8, &[Codes::I8.count()])?;
        c.out_codes(c.ins[0].shape.clone())
    },
    eval: |c, t| {
        let table = t[1].as_i8()?;
        let min = i64::from(c.codes(0)?.codes.min());
        let y: Vec<i8> = t[0].to_i64_vec()?.iter().map(|x| table[(x - min) as usize]).collect();
        Ok(vec![Tensor::from_i8(t[0].shape.clone(), &y)?])
    },
};
