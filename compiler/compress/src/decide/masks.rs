//! Values that may saturate at the bottom, because all that becomes of them is the exponential of a difference that is 0 by then: what a softmax
//! reads, and so the masks that are added before it, whose -1e4 or -1e9 would else set the scale.

use super::Options;
use crate::Stats;
use crate::range::Range;
use mcompc_ir::{Codes, Graph, Result, ValueId};
use mcompc_ops::is_move;
use std::collections::BTreeMap;

/// Ranges that a bound makes no more than so many times narrower stay: they are no mask's.
const ABSURD: f64 = 4.0;

/// For values, and constants, the real at which they may saturate.
pub(super) struct Masks(BTreeMap<ValueId, f64>);

impl Masks {
    /// Read from behind: a value has a bound if each of its readers has one.
    pub(super) fn new(g: &Graph, stats: &Stats, opts: &Options) -> Result<Self> {
        // Results of sixteen bits have finer steps.
        let steps = if opts.acts.bits > Codes::I8.bits { Codes::I16.count() / 2 } else { Codes::I8.count() };
        let mut bounds = BTreeMap::new();
        let mut order = g.topo()?;
        order.reverse();
        for v in order.into_iter().map(|id| g.out(id)) {
            let users = g.users(v);
            if users.is_empty() || g.is_output(v) {
                continue;
            }
            let asked = users.iter().map(|&(n, port)| {
                let (node, out) = (g.node(n), g.out(n));
                match node.op.as_str() {
                    "Softmax" => softmax(g, stats, v, steps),
                    op if is_move(op) => bounds.get(&out).copied(),
                    // What is below the bound under the other's largest is below it under any.
                    "Add" => Some(bounds.get(&out)? - most(g, stats, g.inputs_of(n)[1 - port as usize])?),
                    // A constant that makes all of it of the smallest code of the other is as good as one that makes more: finfo.min times (1 - mask).
                    "Mul" if g.const_of(v).is_some() => {
                        let x = stats.values.get(&g.inputs_of(n)[1 - port as usize])?;
                        (x.min >= 0.0 && x.max > 0.0).then_some(bounds.get(&out)? * steps as f64 / f64::from(x.max))
                    }
                    _ => None,
                }
            });
            if let Some(bound) = asked.collect::<Option<Vec<f64>>>().and_then(|all| all.into_iter().reduce(f64::min)) {
                bounds.insert(v, bound);
            }
        }
        Ok(Self(bounds))
    }

    /// A range of which codes need no more than what is above the bound.
    pub(super) fn within(&self, v: ValueId, r: Range) -> Range {
        match self.0.get(&v) {
            Some(&bound) if r.width() > ABSURD * (r.hi - bound.min(0.0)) => Range::new(bound, r.hi),
            _ => r,
        }
    }

    /// The magnitude of a constant as far as it counts.
    pub(super) fn magnitude(&self, v: ValueId, most: f64) -> f64 {
        self.0.get(&v).map_or(most, |b| if *b < 0.0 { most.min(-b) } else { most })
    }
}

/// What is this far below a row's largest is 0 in any result, and so are all elements of a row together.
fn softmax(g: &Graph, stats: &Stats, v: ValueId, steps: usize) -> Option<f64> {
    let n = *g.value(v).shape.last()? as f64;
    let least = f64::from(stats.values.get(&v)?.row_top?);
    Some(least - libm::log(2.0 * n * steps as f64))
}

/// The largest element.
fn most(g: &Graph, stats: &Stats, v: ValueId) -> Option<f64> {
    match g.const_of(v) {
        Some(_) => super::reals_of(g, v).ok()?.into_iter().reduce(f64::max),
        None => stats.values.get(&v).map(|s| s.max.into()),
    }
}
