//! Transpose.

use crate::def::{Kind, OpDef, attr_error, req};

pub(crate) const OP: OpDef = OpDef {
    name: "Transpose",
    doc: "Dimension i of the result is dimension perm[i] of `x`.",
    inputs: &["x"],
    attrs: &[req("perm", Kind::Ints, "a permutation of the dimensions")],
    infer: |c| {
        let (x, perm) = (c.ins[0], c.node.attrs.usizes("perm")?);
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..x.shape.len()) {
            return attr_error("perm", format_args!("{perm:?} does not permute {:?}", x.shape));
        }
        c.out(x.dtype, perm.iter().map(|&p| x.shape[p]).collect::<Vec<_>>(), x.quant.clone())
    },
    eval: |c, t| Ok(vec![t[0].transposed(&c.node.attrs.usizes("perm")?)?]),
};
