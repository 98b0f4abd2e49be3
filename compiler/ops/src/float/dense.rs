//! Fully connected layer.

use super::{ACT_MAX, ACT_MIN, bound};
use crate::def::{OpDef, shape_error};
use mcompc_ir::{DType, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Dense",
    doc: "y[n, o] = sum over k of x[n, k] * w[o, k], plus b[o]. `x` is [N, K], `w` is [O, K], `b` is [O].",
    inputs: &["x", "w", "b?"],
    attrs: &[ACT_MIN, ACT_MAX],
    infer: |c| {
        c.floats()?;
        let ([n, k], [o, kw]) = (c.shape(0)?, c.shape(1)?);
        if k != kw {
            return shape_error(format!("{k} inputs and weights for {kw}"));
        }
        if c.ins.len() == 3 {
            c.exactly(2, DType::F32, &[o])?;
        }
        c.act()?;
        c.out(DType::F32, [n, o], None)
    },
    eval: |c, t| {
        let ([n, k], [o, _]) = (c.shape(0)?, c.shape(1)?);
        let (lo, hi) = c.act()?;
        let (x, w) = (t[0].as_f32()?, t[1].as_f32()?);
        let bias = t.get(2).map(|b| b.as_f32()).transpose()?;
        let mut y = Vec::with_capacity(n * o);
        for i in 0..n {
            for j in 0..o {
                let dot: f64 = (0..k).map(|l| f64::from(x[i * k + l]) * f64::from(w[j * k + l])).sum();
                let acc = dot + bias.as_ref().map_or(0.0, |b| f64::from(b[j]));
                y.push(acc.clamp(bound(lo), bound(hi)) as f32);
            }
        }
        Ok(vec![Tensor::from_f32([n, o], &y)?])
    },
};
