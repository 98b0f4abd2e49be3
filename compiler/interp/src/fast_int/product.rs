//! Products of two computed matrices in 32-bit sums: verification has shown that no input carries one out of them.

use mcompc_ir::{Code, Error, Graph, NodeId, Quant, Result, Tensor, Value};
use mcompc_ops::{Ctx, Product, Rescale};

/// A planned q.matmul.
pub(super) struct Matmul {
    p: Product,
    transposed: bool,
    zeros: [i32; 2],
    m: i64,
    r: Rescale,
}

impl Matmul {
    pub(super) fn new(g: &Graph, id: NodeId) -> Result<Self> {
        let (node, ins) = (g.node(id), g.inputs_of(id));
        let vals: Vec<&Value> = ins.iter().map(|&v| g.value(v)).collect();
        let zero = |i: usize| {
            let q = vals[i].quant.as_ref().map(Quant::zero_point);
            q.ok_or_else(|| Error::new(Code::Internal, format!("`{}` has no quantization", vals[i].name)))
        };
        let transposed = node.attrs.int_or("transposed", 0)? == 1;
        let of = if transposed { Product::of_transposed } else { Product::of };
        Ok(Self {
            p: of(&vals[0].shape, &vals[1].shape)?,
            transposed,
            zeros: [zero(0)?, zero(1)?],
            m: node.attrs.int("m")?,
            r: Rescale::of(&Ctx { node, ins: &vals })?,
        })
    }

    pub(super) fn run(&self, a: &Tensor, b: &Tensor) -> Result<Vec<i32>> {
        let centred = |t: &Tensor, zero: i32| -> Result<Vec<i32>> { Ok(t.to_i64_vec()?.into_iter().map(|q| q as i32 - zero).collect()) };
        let (a, b) = (centred(a, self.zeros[0])?, centred(b, self.zeros[1])?);
        let Product { m, k, n, .. } = self.p;
        let b = if self.transposed {
            b.chunks_exact(n * k).flat_map(|t| (0..k).flat_map(move |l| (0..n).map(move |j| t[j * k + l]))).collect()
        } else {
            b
        };
        let mut y = Vec::with_capacity(self.p.shape.iter().product());
        let mut sums = vec![0i32; n];
        for (i, j) in self.p.pairs() {
            for row in a[i * m * k..(i + 1) * m * k].chunks_exact(k) {
                sums.fill(0);
                for (x, column) in row.iter().zip(b[j * k * n..(j + 1) * k * n].chunks_exact(n)) {
                    sums.iter_mut().zip(column).for_each(|(s, w)| *s = s.wrapping_add(x * w));
                }
                for &s in &sums {
                    // A code of 16 bits at most.
                    y.push(self.r.apply(s.into(), self.m)? as i32);
                }
            }
        }
        Ok(y)
    }
}
