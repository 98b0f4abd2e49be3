//! One quantization for every value: values that share codes (a pool and its input, the parts of a concatenation) form a class, and a
//! class takes the union of its members' ranges.

use super::inputs::Raw;
use super::{Options, act};
use crate::Stats;
use crate::range::{Range, range};
use mcompc_data::Input;
use mcompc_ir::{DType, Graph, NodeId, Quant, Result, ValueId};
use std::collections::BTreeMap;

/// Output quantization of softmax: probabilities in steps of 1/256.
pub(super) const SOFTMAX: Quant = Quant { scale: 1.0 / 256.0, zero_point: -128 };

#[derive(Default)]
struct Classes {
    parent: BTreeMap<ValueId, ValueId>,
    pinned: BTreeMap<ValueId, Quant>,
}

impl Classes {
    fn root(&self, mut v: ValueId) -> ValueId {
        while let Some(&p) = self.parent.get(&v) {
            v = p;
        }
        v
    }
    fn pin(&mut self, v: ValueId, q: Quant) {
        self.pinned.insert(self.root(v), q);
    }
    /// Joins two classes unless each is pinned; a reader then rescales.
    fn join(&mut self, a: ValueId, b: ValueId) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b || self.pinned.contains_key(&a) && self.pinned.contains_key(&b) {
            return;
        }
        let (keep, gone) = if self.pinned.contains_key(&b) { (b, a) } else { (a, b) };
        self.parent.insert(gone, keep);
    }
}

/// Quantization, as plain i8 codes, of every computed float value and of constants that are concatenated.
pub(super) fn assign(
    g: &Graph,
    stats: &Stats,
    inputs: &[Input],
    raw: &BTreeMap<ValueId, Raw>,
    opts: &Options,
) -> Result<BTreeMap<ValueId, Quant>> {
    let mut classes = Classes::default();
    for (input, &id) in inputs.iter().zip(&g.inputs) {
        if input.spec.dtype == DType::I8 && !raw.contains_key(&g.out(id)) {
            classes.pin(g.out(id), Quant { scale: input.spec.scale[0], zero_point: input.spec.offset[0] as i32 });
        }
    }
    for (&v, r) in raw {
        if let Some(q) = r.exact() {
            let shift = if r.dtype == DType::U8 { 128 } else { 0 };
            classes.pin(v, Quant { scale: q.scale, zero_point: q.zero_point - shift });
        }
    }
    let order = g.topo()?;
    for &id in &order {
        let out = g.out(id);
        match g.node(id).op.as_str() {
            "Softmax" => classes.pin(out, SOFTMAX),
            "Reshape" | "Transpose" | "Pad" | "MaxPool" | "Concat" if !raw.contains_key(&out) => {
                g.inputs_of(id).into_iter().for_each(|v| classes.join(out, v));
            }
            _ => {}
        }
    }
    let mut members: BTreeMap<ValueId, Vec<ValueId>> = BTreeMap::new();
    for &id in &order {
        members.entry(classes.root(g.out(id))).or_default().push(g.out(id));
    }
    let mut quants = BTreeMap::new();
    for (root, values) in members {
        let q = match classes.pinned.get(&root) {
            Some(&q) => q,
            None => {
                let mut r = Range::new(0.0, 0.0);
                for &v in &values {
                    r = r.union(value_range(g, stats, v, opts)?);
                }
                for &v in &values {
                    if r.is_empty() {
                        r = reachable(g, stats, v.node)?;
                    }
                }
                // Real 0 as the only value needs no resolution.
                if r.is_empty() { Quant { scale: 1.0, zero_point: 0 } } else { r.quant() }
            }
        };
        quants.extend(values.into_iter().map(|v| (v, q)));
    }
    Ok(quants)
}

fn value_range(g: &Graph, stats: &Stats, v: ValueId, opts: &Options) -> Result<Range> {
    if g.const_of(v).is_some() {
        let used = g.users(v).iter().any(|(n, _)| g.node(*n).op == "Concat");
        return Ok(if used { const_range(g, v) } else { Range::new(0.0, 0.0) });
    }
    let (lo, hi) = act(g.node(v.node))?;
    Ok(stats.values.get(&v).map_or(Range::new(0.0, 0.0), |s| range(s, opts.method)).within(lo, hi))
}

fn const_range(g: &Graph, v: ValueId) -> Range {
    let data = g.const_of(v).and_then(|t| t.as_f32().ok().map(|d| d.into_owned())).unwrap_or_default();
    let finite = data.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
    finite.fold(Range::new(0.0, 0.0), |r, x| r.union(Range::new(x, x)))
}

/// A generous range for a value that was zero on every sample: what its producer could compute from the inputs seen. A scale far finer
/// than the operands' would ask for more bits than the accumulator has.
fn reachable(g: &Graph, stats: &Stats, id: NodeId) -> Result<Range> {
    let top = |v: ValueId| match g.const_of(v) {
        Some(_) => const_range(g, v),
        None => stats.values.get(&v).map_or(Range::new(0.0, 0.0), |s| Range::new(s.min.into(), s.max.into())),
    };
    let ins = g.inputs_of(id);
    let size = |i: usize| ins.get(i).map_or(0.0, |&v| top(v).hi.max(-top(v).lo));
    let fan = ins.get(1).map_or(1, |&v| g.value(v).elems() / g.value(v).shape.first().copied().unwrap_or(1).max(1)) as f64;
    let bound = match g.node(id).op.as_str() {
        "Conv" | "Dense" => size(0) * size(1) * fan + size(2),
        "Mul" => size(0) * size(1),
        "input" | "const" => 0.0,
        _ => size(0) + size(1),
    };
    Ok(Range::new(0.0, bound))
}
