//! Softmax.

use crate::def::{Kind, OpDef, req};
use mcompc_ir::Tensor;

pub(crate) const OP: OpDef = OpDef {
    name: "Softmax",
    doc: "exp(x - m) / sum of exp(x - m) along one axis, with m the largest x there. (Older opsets' flattening is spelt out by Reshape.)",
    inputs: &["x"],
    attrs: &[req("axis", Kind::Int, "non-negative")],
    infer: |c| {
        c.axis(c.ins[0].shape.len())?;
        c.like_first()
    },
    eval: |c, t| {
        let s = &t[0].shape;
        let axis = c.axis(s.len())?;
        let (n, inner): (usize, usize) = (s[axis], s[axis + 1..].iter().product());
        let x = t[0].as_f32()?;
        let mut y = vec![0f32; x.len()];
        for first in (0..x.len()).filter(|i| i / inner % n == 0) {
            let at = |k: usize| first + k * inner;
            let m = (0..n).map(|k| f64::from(x[at(k)])).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = (0..n).map(|k| libm::exp(f64::from(x[at(k)]) - m)).sum();
            for k in 0..n {
                y[at(k)] = (libm::exp(f64::from(x[at(k)]) - m) / sum) as f32;
            }
        }
        Ok(vec![Tensor::from_f32(s.clone(), &y)?])
    },
};
