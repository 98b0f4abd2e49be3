//! Graph input.

use crate::def::OpDef;
use mcompc_ir::{Code, Error};

pub(crate) const OP: OpDef = OpDef {
    name: "input",
    doc: "A graph input; its type is given. Only it, and values that move or choose its codes, may be u8.",
    inputs: &[],
    attrs: &[],
    infer: |c| Ok(c.node.outs.clone()),
    eval: |_, _| Err(Error::new(Code::Internal, "an input has no value of its own")),
};
