//! Matrix product.

use crate::broadcast;
use crate::def::{Ctx, OpDef, shape_error};
use mcompc_ir::{DType, Result, Tensor};

pub(crate) const OP: OpDef = OpDef {
    name: "MatMul",
    doc: "numpy.matmul: the last two dimensions are matrices, those before them broadcast; a one-dimensional `a` is a row, a one-dimensional \
          `b` a column, and the dimension so added is dropped from the result.",
    inputs: &["a", "b"],
    attrs: &[],
    infer: |c| {
        c.floats()?;
        let p = Product::of(c)?;
        c.out(DType::F32, p.shape, None)
    },
    eval,
};

struct Product {
    /// Leading dimensions of the two inputs and of the result.
    lead: [Vec<usize>; 3],
    m: usize,
    k: usize,
    n: usize,
    shape: Vec<usize>,
}

impl Product {
    fn of(c: &Ctx<'_>) -> Result<Self> {
        let (a, b) = (&c.ins[0].shape, &c.ins[1].shape);
        if a.is_empty() || b.is_empty() {
            return shape_error("a scalar is not a matrix");
        }
        let (mut a2, mut b2) = (a.clone(), b.clone());
        if a.len() == 1 {
            a2.insert(0, 1);
        }
        if b.len() == 1 {
            b2.push(1);
        }
        let (la, ma) = a2.split_at(a2.len() - 2);
        let (lb, mb) = b2.split_at(b2.len() - 2);
        let (m, k, kb, n) = (ma[0], ma[1], mb[0], mb[1]);
        if k != kb {
            return shape_error(format!("matrices {a:?} and {b:?} do not multiply"));
        }
        let lead = broadcast::shape(la, lb)?;
        let mut shape = lead.clone();
        shape.extend((a.len() > 1).then_some(m));
        shape.extend((b.len() > 1).then_some(n));
        Ok(Self { lead: [la.to_vec(), lb.to_vec(), lead], m, k, n, shape })
    }
}

fn eval(c: &Ctx<'_>, t: &[&Tensor]) -> Result<Vec<Tensor>> {
    let Product { lead: [la, lb, lead], m, k, n, shape } = Product::of(c)?;
    let (a, b) = (t[0].as_f32()?, t[1].as_f32()?);
    let mut y = Vec::with_capacity(shape.iter().product());
    for (oa, ob) in broadcast::offsets(&la, &lead).into_iter().zip(broadcast::offsets(&lb, &lead)) {
        for i in 0..m {
            for j in 0..n {
                let dot: f64 = (0..k).map(|l| f64::from(a[(oa * m + i) * k + l]) * f64::from(b[(ob * k + l) * n + j])).sum();
                y.push(dot as f32);
            }
        }
    }
    Ok(vec![Tensor::from_f32(shape, &y)?])
}
