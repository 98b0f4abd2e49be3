//! Matrix product.

use crate::Product;
use crate::def::{Ctx, OpDef};
use mcompc_ir::{DType, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "MatMul",
    doc: "numpy.matmul: the last two dimensions are matrices, those before them broadcast; a one-dimensional `a` is a row, a one-dimensional \
          `b` a column, and the dimension so added is dropped from the result.",
    inputs: &["a", "b"],
    attrs: &[],
    infer: |c| {
        c.floats()?;
        let p = Product::of(&c.ins[0].shape, &c.ins[1].shape)?;
        c.out(DType::F32, p.shape, None)
    },
    eval,
};

fn eval(_: &Ctx<'_>, t: &[&Tensor]) -> Result<Vec<Tensor>> {
    let p = Product::of(&t[0].shape, &t[1].shape)?;
    let (m, k, n) = (p.m, p.k, p.n);
    let (a, b) = (t[0].as_f32()?, t[1].as_f32()?);
    let mut y = Vec::with_capacity(p.shape.iter().product());
    for (oa, ob) in p.pairs() {
        for i in 0..m {
            for j in 0..n {
                let dot: f64 = (0..k).map(|l| f64::from(a[(oa * m + i) * k + l]) * f64::from(b[(ob * k + l) * n + j])).sum();
                y.push(dot as f32);
            }
        }
    }
    Ok(vec![Tensor::from_f32(p.shape, &y)?])
}
