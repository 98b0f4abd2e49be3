//! Means over windows, sums and means over axes: the rescaling rule with the division inside the multiplier.

use super::{Ctx, unclamped};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Result, ValueId};

impl Ctx<'_> {
    pub(super) fn average_pool(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        if node.attrs.str("layout")? != "NHWC" {
            return Err(Error::new(Code::Internal, "a pool that is not channels-last"));
        }
        let v = self.r.from.inputs_of(id)[0];
        let q = self.result(id)?;
        let x = self.operand(v, q.codes)?;
        let xq = self.codes(x)?;
        let [kernel, strides, pads] = ["kernel", "strides", "pads"].map(|a| node.attrs.usizes(a));
        let (kernel, strides, pads) = (kernel?, strides?, pads?);
        let area = kernel[0].saturating_mul(kernel[1]);
        let mut m = vec![0i64; area];
        let counts = mcompc_ops::counts(self.r.from, id)?;
        let all = node.attrs.int("count_include_pad")? == 1;
        let factors: Vec<f64> = counts.iter().map(|&n| xq.step() / (q.step() * if all { area } else { n } as f64)).collect();
        let most = counts.last().copied().unwrap_or(1) as u64;
        let d = dyadic(&factors, most * xq.span())?;
        // Window sizes that do not occur keep the multiplier 0.
        for (n, v) in counts.iter().zip(&d.m) {
            m[n - 1] = i64::from(*v);
        }
        let ints = |v: &[usize]| v.iter().map(|&x| x as i64).collect::<Vec<_>>();
        let attrs = Attrs::new()
            .with("kernel", ints(&kernel))
            .with("strides", ints(&strides))
            .with("pads", ints(&pads))
            .with("m", m)
            .with("pre", i64::from(d.pre))
            .with("shift", i64::from(d.shift));
        self.emit(id, "q.avgpool", unclamped(attrs, &q), &[x], q)
    }

    /// A sum or a mean over axes.
    pub(super) fn sum_over(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let (v, out) = (self.r.from.inputs_of(id)[0], self.r.from.out(id));
        let q = self.result(id)?;
        let x = self.operand(v, q.codes)?;
        let n = self.r.from.value(v).elems() / self.r.from.value(out).elems().max(1);
        let xq = self.codes(x)?;
        let by = if node.op == "ReduceMean" { n as f64 } else { 1.0 };
        let d = dyadic(&[xq.step() / (q.step() * by)], n as u64 * xq.span())?;
        let attrs = node.attrs.clone().with("m", i64::from(d.m[0])).with("pre", i64::from(d.pre)).with("shift", i64::from(d.shift));
        self.emit(id, "q.sum", unclamped(attrs, &q), &[x], q)
    }
}
