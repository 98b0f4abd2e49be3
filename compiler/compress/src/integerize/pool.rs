//! Means over windows, sums and means over axes: the rescaling rule with the division inside the multiplier.

use super::{Ctx, unclamped};
use crate::dyadic::dyadic;
use mcompc_ir::{Attrs, Code, Error, Graph, Node, NodeId, Result, ValueId};
use std::collections::BTreeSet;

/// Elements of a window at most: there is a multiplier for each number of them.
const WINDOW: usize = 1 << 22;

fn multipliers(area: usize) -> Result<Vec<i64>> {
    if area > WINDOW {
        let e = Error::new(Code::Limit, format!("windows of {area} elements, {WINDOW} are the most"));
        return Err(e.hint("pool in two steps (rows, then columns)"));
    }
    Ok(vec![0; area])
}

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
        let area = kernel[0].saturating_mul(kernel[1]);
        let mut m = multipliers(area)?;
        let counts = counts(self.g, id)?;
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
        self.emit(id, "q.avgpool", unclamped(attrs), &[x], q)
    }
}

/// The numbers of elements that windows of an average pool count.
fn counts(g: &Graph, id: NodeId) -> Result<BTreeSet<usize>> {
    let node = g.node(id);
    if node.attrs.int("count_include_pad")? == 1 {
        let (kernel, shape) = (node.attrs.usizes("kernel")?, &g.value(g.inputs_of(id)[0]).shape);
        // The divisor is the window's area however many elements are counted, which are the image's at most.
        return Ok((1..=kernel[0].min(shape[1]) * kernel[1].min(shape[2])).collect());
    }
    let sizes = sizes(g, id)?;
    Ok(sizes[0].iter().flat_map(|a| sizes[1].iter().map(move |b| a * b)).collect())
}

/// The numbers of rows, and of columns, inside the image that windows have; none of a window outside of it.
fn sizes(g: &Graph, id: NodeId) -> Result<[BTreeSet<usize>; 2]> {
    let node = g.node(id);
    let [kernel, strides, pads] = ["kernel", "strides", "pads"].map(|a| node.attrs.usizes(a));
    let (kernel, strides, pads) = (kernel?, strides?, pads?);
    let (shape, out) = (&g.value(g.inputs_of(id)[0]).shape, &g.value(g.out(id)).shape);
    let along = |d: usize| {
        let (k, s, p, n, o) = (kernel[d], strides[d], pads[d], shape[1 + d], out[1 + d]);
        (0..o).map(|i| (i * s + k).min(n + p).saturating_sub((i * s).max(p))).filter(|&n| n > 0).collect()
    };
    Ok([along(0), along(1)])
}

/// How many times the largest number of elements of a mean is its smallest: the multipliers differ by so much.
pub(super) fn spread(g: &Graph, id: NodeId) -> Result<usize> {
    let node = g.node(id);
    if node.op != "AveragePool" || node.attrs.int("count_include_pad")? == 1 {
        return Ok(1);
    }
    let [rows, columns] = sizes(g, id)?;
    let product = |a: Option<&usize>, b: Option<&usize>| a.copied().unwrap_or(1) * b.copied().unwrap_or(1);
    Ok(product(rows.last(), columns.last()).div_ceil(product(rows.first(), columns.first())))
}

impl Ctx<'_> {
    /// A sum or a mean over axes.
    pub(super) fn sum_over(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let (v, out) = (self.g.inputs_of(id)[0], self.g.out(id));
        let (x, q) = (self.plain(v)?, self.quant(out)?);
        let n = self.g.value(v).elems() / self.g.value(out).elems().max(1);
        let xq = self.codes(x)?;
        let by = if node.op == "ReduceMean" { n as f64 } else { 1.0 };
        let d = dyadic(&[xq.step() / (q.step() * by)], n as u64 * xq.span())?;
        let attrs = node.attrs.clone().with("m", i64::from(d.m[0])).with("pre", i64::from(d.pre)).with("shift", i64::from(d.shift));
        self.emit(id, "q.sum", unclamped(attrs), &[x], q)
    }
}
