//! Average pools: the rescaling rule with the division inside the multiplier.

use super::{Ctx, reach};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Code, Error, Node, NodeId, Result, ValueId};
use std::collections::BTreeSet;

impl Ctx<'_> {
    pub(super) fn average_pool(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        if node.attrs.str("layout")? != "NHWC" {
            return Err(Error::new(Code::Internal, "a pool that is not channels-last"));
        }
        let v = self.g.inputs_of(id)[0];
        let (x, q) = (self.plain(v)?, self.quant(self.g.out(id))?);
        let xq = self.codes(x)?;
        let [kernel, strides, pads] = ["kernel", "strides", "pads"].map(|a| node.attrs.usizes(a));
        let (kernel, strides, pads) = (kernel?, strides?, pads?);
        let (shape, out) = (&self.g.value(v).shape, &self.g.value(self.g.out(id)).shape);
        let area = kernel[0] * kernel[1];
        let counts: BTreeSet<usize> = if node.attrs.int("count_include_pad")? == 1 {
            // The divisor is the window's area however many elements are counted.
            (1..=area).collect()
        } else {
            let along = |d: usize| {
                let (k, s, p, n, o) = (kernel[d], strides[d], pads[d], shape[1 + d], out[1 + d]);
                (0..o).map(move |i| (i * s + k).min(n + p).saturating_sub((i * s).max(p))).collect::<BTreeSet<usize>>()
            };
            let wide = along(1);
            along(0).into_iter().flat_map(|a| wide.iter().map(move |b| a * b)).filter(|&n| n > 0).collect()
        };
        let all = node.attrs.int("count_include_pad")? == 1;
        let factors: Vec<f64> = counts.iter().map(|&n| xq.scale / (q.scale * if all { area } else { n } as f64)).collect();
        let most = counts.last().copied().unwrap_or(1) as u64;
        let d = dyadic(&factors, most * reach(self.out.value(x).dtype, xq))?;
        // Window sizes that do not occur keep the multiplier 0.
        let mut m = vec![0i64; area];
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
            .with("shift", i64::from(d.shift))
            .with("lo", -128i64)
            .with("hi", 127i64);
        self.emit(id, "q.avgpool", attrs, &[x], q)
    }
}
