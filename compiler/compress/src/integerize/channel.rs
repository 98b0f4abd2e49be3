//! y = k[c] * x + b[c] per channel of an axis, as a 1x1 depthwise convolution (its weights are +-127, so they are exact).

use super::linear::{Layer, Weights};
use super::{Ctx, act, no_integer, reals_of};
use mcompc_ir::{Attrs, Graph, Node, NodeId, Result, ValueId};

impl Ctx<'_> {
    /// Adds the layer; its operand has any rank and `k.len()` channels on `axis`.
    pub(super) fn per_channel(&mut self, l: Layer<'_>, axis: usize, k: &[f64], b: &[f64]) -> Result<ValueId> {
        let (n, shape) = (k.len(), self.out.value(l.x).shape.clone());
        let rank = shape.len();
        if axis + 1 < rank {
            let perm: Vec<usize> = (0..rank).filter(|&d| d != axis).chain([axis]).collect();
            let names = [format!("{}.last", l.name), format!("{}.last", l.out_name)];
            let (out_name, x) = (l.out_name, self.transposed(l.x, &perm, &names[0])?);
            let y = self.per_channel(Layer { x, out_name: &names[1], ..l }, rank - 1, k, b)?;
            return self.transposed(y, &inverse(&perm), out_name);
        }
        let attrs = Attrs::new().with("strides", vec![1, 1]).with("pads", vec![0, 0, 0, 0]).with("dilations", vec![1, 1]).with("group", n);
        let w = Weights { shape: vec![n, 1, 1, 1], w: k.iter().map(|&v| v as f32).collect(), bias: b.to_vec(), group: n, means: None };
        if rank == 4 {
            return self.layer(l, "q.conv", attrs, w);
        }
        let rows = shape.iter().product::<usize>() / n;
        let names = [format!("{}.image", l.name), format!("{}.image", l.out_name)];
        let (out_name, x) = (l.out_name, self.reshape(l.x, &[1, 1, rows, n], &names[0])?);
        let y = self.layer(Layer { x, out_name: &names[1], ..l }, "q.conv", attrs, w)?;
        self.reshape(y, &shape, out_name)
    }

    pub(super) fn batch_norm(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.g.inputs_of(id);
        ins[1..].iter().try_for_each(|&v| self.constant(v).map(|_| ()))?;
        let Some((k, b)) = folded(self.g, id)? else {
            return no_integer("BatchNormalization with a variance that is not positive");
        };
        let axis = node.attrs.int("axis")? as usize;
        let (x, q) = (self.plain(ins[0])?, self.quant(self.g.out(id))?);
        let layer = Layer { act: act(node)?, fused: node.fused.clone(), ..Layer::new(&node.name, &node.outs[0].name, x, q) };
        self.per_channel(layer, axis, &k, &b)
    }
}

/// Factor and term of every channel of a BatchNormalization; `None` where they are not finite.
pub(super) fn folded(g: &Graph, id: NodeId) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
    let node = g.node(id);
    let p: Vec<Vec<f64>> = g.inputs_of(id)[1..].iter().map(|&v| reals_of(g, v)).collect::<Result<_>>()?;
    let eps = node.attrs.float("epsilon")?;
    let [scale, bias, mean, variance] = &p[..] else { return Ok(None) };
    let k: Vec<f64> = scale.iter().zip(variance).map(|(&s, &v)| s / (v + eps).sqrt()).collect();
    let b: Vec<f64> = k.iter().zip(bias).zip(mean).map(|((k, &b), &m)| b - m * k).collect();
    Ok(k.iter().chain(&b).all(|v| v.is_finite()).then_some((k, b)))
}

/// The permutation that undoes another.
pub(super) fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; perm.len()];
    perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
    inverse
}
