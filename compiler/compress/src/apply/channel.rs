//! y = k[c] * x + b[c] per channel of an axis, as a 1x1 depthwise convolution (its weights are the largest codes, so they are exact).

use super::Ctx;
use super::layer::{Layer, Weights};
use mcompc_ir::{Attrs, Result, ValueId};

impl Ctx<'_> {
    /// Adds the layer; its operand has any rank and `k.len()` channels on `axis`.
    pub(super) fn per_channel(&mut self, l: Layer<'_>, axis: usize, k: &[f64], b: &[f64]) -> Result<ValueId> {
        let (n, shape) = (k.len(), self.r.to.value(l.x).shape.clone());
        let rank = shape.len();
        if axis + 1 < rank {
            let perm: Vec<usize> = (0..rank).filter(|&d| d != axis).chain([axis]).collect();
            let names = [format!("{}.last", l.name), format!("{}.last", l.out_name)];
            let (out_name, x) = (l.out_name, self.transposed(l.x, &perm, &names[0])?);
            let y = self.per_channel(Layer { x, out_name: &names[1], ..l }, rank - 1, k, b)?;
            return self.transposed(y, &inverse(&perm), out_name);
        }
        let attrs = Attrs::new().with("strides", vec![1, 1]).with("pads", vec![0, 0, 0, 0]).with("dilations", vec![1, 1]);
        let attrs = attrs.with("group", n).with("layout", "NHWC");
        let w = Weights {
            shape: vec![n, 1, 1, 1],
            w: k.iter().map(|&v| v as f32).collect(),
            bias: b.to_vec(),
            group: n,
            means: None,
            unit: 1.0,
        };
        if rank == 4 {
            return self.layer(l, "Conv", attrs, w);
        }
        let rows = shape.iter().product::<usize>() / n;
        let names = [format!("{}.image", l.name), format!("{}.image", l.out_name)];
        let (out_name, x) = (l.out_name, self.reshape(l.x, &[1, 1, rows, n], &names[0])?);
        let y = self.layer(Layer { x, out_name: &names[1], ..l }, "Conv", attrs, w)?;
        self.reshape(y, &shape, out_name)
    }
}

/// The permutation that undoes another.
fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
    inverse
}
