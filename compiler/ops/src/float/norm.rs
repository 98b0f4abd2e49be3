//! Normalization of rows: what LayerNorm, RMSNorm, GroupNorm, InstanceNorm and the L2 norm have in common.

use crate::def::{Ctx, Kind, OpDef, attr_error, req, shape_error};
use mcompc_ir::{Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "Norm",
    doc: "Rows are the n elements of the dimensions from `axis` on. With m the mean of a row (0 where `centre` is 0) and v the mean of its \
          (x - m)^2: y = (x - m) / sqrt(v + epsilon) * gain + offset. gain and offset repeat by numpy's rule in the shape of x. A row without \
          variance, under an epsilon of 0, is 0 before gain and offset. (A pass makes it of spelt-out LayerNorm, RMSNorm, GroupNorm, \
          InstanceNorm and L2 norm.)",
    inputs: &["x", "gain", "offset"],
    attrs: &[
        req("axis", Kind::Int, "first dimension of a row"),
        req("centre", Kind::Int, "0 or 1: whether the mean is subtracted"),
        req("epsilon", Kind::Float, "not negative"),
    ],
    infer: |c| {
        rows(c)?;
        let epsilon = c.node.attrs.float("epsilon")?;
        if !(0.0..f64::INFINITY).contains(&epsilon) {
            return attr_error("epsilon", format_args!("is {epsilon}"));
        }
        c.like_first()
    },
    eval: |c, t| {
        let (n, centre) = rows(c)?;
        let (x, gain, offset) = (t[0].as_f32()?, t[1].as_f32()?, t[2].as_f32()?);
        let epsilon = c.node.attrs.float("epsilon")?;
        let [g, o] = [1, 2].map(|i| crate::broadcast::offsets(&t[i].shape, &t[0].shape));
        let mut y = Vec::with_capacity(x.len());
        for (r, row) in x.chunks_exact(n).enumerate() {
            let m = if centre { row.iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64 } else { 0.0 };
            let v = row.iter().map(|&x| f64::from(x) - m).map(|d| d * d).sum::<f64>() / n as f64;
            let root = (v + epsilon).sqrt();
            for (i, &x) in row.iter().enumerate() {
                let z = if root > 0.0 { (f64::from(x) - m) / root } else { 0.0 };
                y.push((z * f64::from(gain[g[r * n + i]]) + f64::from(offset[o[r * n + i]])) as f32);
            }
        }
        Ok(vec![Tensor::from_f32(t[0].shape.clone(), &y)?])
    },
};

/// Elements of a row, and whether its mean is subtracted; the parameters' shapes are checked.
pub(crate) fn rows(c: &Ctx<'_>) -> Result<(usize, bool)> {
    let shape = &c.ins[0].shape;
    let axis = c.axis(shape.len())?;
    for v in &c.ins[1..] {
        if crate::broadcast(shape, &v.shape).ok().as_ref() != Some(shape) {
            return shape_error(format!("`{}` of shape {:?} does not repeat in {shape:?}", v.name, v.shape));
        }
    }
    Ok((shape[axis..].iter().product(), c.int_in("centre", 0, 1)? == 1))
}
