//! Batch normalization at inference.

use crate::def::{Kind, OpDef, req};
use mcompc_ir::{DType, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "BatchNormalization",
    doc: "(x - mean) / sqrt(var + epsilon) * scale + b, per index of one axis; the four parameters have that axis's size.",
    inputs: &["x", "scale", "b", "mean", "var"],
    attrs: &[req("epsilon", Kind::Float, "added to the variance"), req("axis", Kind::Int, "the channel dimension")],
    infer: |c| {
        let channels = c.ins[0].shape.get(c.axis(c.ins[0].shape.len())?).copied().unwrap_or(0);
        for i in 1..5 {
            c.exactly(i, DType::F32, &[channels])?;
        }
        c.like_first()
    },
    eval: |c, t| {
        let s = &t[0].shape;
        let axis = c.axis(s.len())?;
        let inner: usize = s[axis + 1..].iter().product();
        let eps = c.node.attrs.float("epsilon")?;
        let p = (t[1].as_f32()?, t[2].as_f32()?, t[3].as_f32()?, t[4].as_f32()?);
        let norm = |(i, &x): (usize, &f32)| {
            let ch = i / inner % s[axis];
            let [scale, b, mean, var] = [p.0[ch], p.1[ch], p.2[ch], p.3[ch]].map(f64::from);
            ((f64::from(x) - mean) / (var + eps).sqrt() * scale + b) as f32
        };
        let y: Vec<f32> = t[0].as_f32()?.iter().enumerate().map(norm).collect();
        Ok(vec![Tensor::from_f32(s.clone(), &y)?])
    },
};
