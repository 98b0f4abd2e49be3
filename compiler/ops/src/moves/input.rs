//! Graph input.

use crate::def::{AttrDef, Kind, OpDef, opt};
use mcompc_ir::{Code, Error};

const DECLARED: AttrDef = opt("declared", Kind::Str, "integer type of the numbers in data files, where the reals are such");

pub(crate) const OP: OpDef = OpDef {
    name: "input",
    doc: "A graph input; its type is given. Only it, and values that move or choose its codes, may be u8.",
    inputs: &[],
    attrs: &[DECLARED],
    infer: |c| Ok(c.node.outs.clone()),
    eval: |_, _| Err(Error::new(Code::Internal, "an input has no value of its own")),
};
