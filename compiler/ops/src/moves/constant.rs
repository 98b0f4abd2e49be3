//! Constant.

use crate::def::OpDef;
use mcompc_ir::{Code, Error};

pub(crate) const OP: OpDef = OpDef {
    name: "const",
    doc: "A constant tensor: weights, bias, tables. Its type is that of its payload.",
    inputs: &[],
    attrs: &[],
    infer: |c| Ok(c.node.outs.clone()),
    eval: |c, _| match &c.node.tensor {
        Some(t) => Ok(vec![t.clone()]),
        None => Err(Error::new(Code::Internal, "a constant without payload")),
    },
};
