//! Reshape.

use crate::def::{Kind, OpDef, req, shape_error};

pub(crate) const OP: OpDef = OpDef {
    name: "Reshape",
    doc: "The same elements in the same order under another shape. Flatten, Squeeze and Unsqueeze become this.",
    inputs: &["x"],
    attrs: &[req("shape", Kind::Ints, "all dimensions, none inferred")],
    infer: |c| {
        let (x, shape) = (c.ins[0], c.node.attrs.usizes("shape")?);
        if shape.iter().try_fold(1usize, |a, &d| a.checked_mul(d)) != Some(x.elems()) {
            return shape_error(format!("{:?} does not reshape to {shape:?}", x.shape));
        }
        c.out(x.dtype, shape, x.quant.clone())
    },
    eval: |c, t| Ok(vec![t[0].reshaped(c.node.attrs.usizes("shape")?)?]),
};
