//! y = k[c] * x + b[c] per channel of the last axis, as a 1x1 depthwise convolution (its weights are +-127, so they are exact).

use super::linear::{Layer, Weights};
use super::{Ctx, act, no_integer};
use mcompc_ir::{Attrs, Node, NodeId, Result, ValueId};

impl Ctx<'_> {
    /// Adds the layer; its operand has any rank and `k.len()` channels on the last axis.
    pub(super) fn per_channel(&mut self, l: Layer<'_>, k: &[f64], b: &[f64]) -> Result<ValueId> {
        let (n, shape) = (k.len(), self.out.value(l.x).shape.clone());
        let attrs = Attrs::new().with("strides", vec![1, 1]).with("pads", vec![0, 0, 0, 0]).with("dilations", vec![1, 1]).with("group", n);
        let w = Weights { shape: vec![n, 1, 1, 1], w: k.iter().map(|&v| v as f32).collect(), bias: b.to_vec(), group: n, means: None };
        if shape.len() == 4 {
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
        let rank = self.g.value(ins[0]).shape.len();
        if node.attrs.int("axis")? != rank as i64 - 1 {
            return no_integer("BatchNormalization over another axis than the last has no integer form here");
        }
        let p: Vec<Vec<f32>> = ins[1..].iter().map(|&v| self.constant(v)).collect::<Result<_>>()?;
        let eps = node.attrs.float("epsilon")?;
        let k: Vec<f64> = p[0].iter().zip(&p[3]).map(|(&s, &v)| f64::from(s) / (f64::from(v) + eps).sqrt()).collect();
        let b: Vec<f64> = k.iter().zip(&p[1]).zip(&p[2]).map(|((k, &b), &m)| f64::from(b) - f64::from(m) * k).collect();
        if !k.iter().chain(&b).all(|v| v.is_finite()) {
            return no_integer("BatchNormalization with a variance that is not positive");
        }
        let (x, q) = (self.plain(ins[0])?, self.quant(self.g.out(id))?);
        let layer = Layer { act: act(node)?, fused: node.fused.clone(), ..Layer::new(&node.name, &node.outs[0].name, x, q) };
        self.per_channel(layer, &k, &b)
    }
}
