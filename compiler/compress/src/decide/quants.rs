//! One quantization for every value, derived once: from the class of the value (see `classes`), its calibrated range, and what the operator
//! that computes it can reach.

use super::classes::Classes;
use super::floor::Floors;
use super::masks::Masks;
use super::{Options, reals_of};
use crate::Stats;
use crate::range::{Range, RangeMethod, range};
use mcompc_data::Input;
use mcompc_ir::{Codes, Graph, Per, Quant, Result, ValueId};
use mcompc_ops::act;
use std::collections::BTreeMap;

/// Rounds in which coarser steps of an operand may ask for coarser steps of a result.
const ROUNDS: usize = 16;

/// Quantization, as plain codes of 8 or 16 bits, of every computed float value.
pub(super) fn assign(
    g: &Graph,
    stats: &Stats,
    inputs: &[Input],
    raw: &BTreeMap<ValueId, Quant>,
    opts: &Options,
) -> Result<BTreeMap<ValueId, Quant>> {
    let masks = Masks::new(g, stats, opts)?;
    let mut classes = Classes::new(g, stats, inputs, raw, opts, &masks)?;
    let floors = Floors::new(g, raw, &masks)?;
    let order = g.topo()?;
    let computed: Vec<ValueId> = order.iter().map(|&id| g.out(id)).filter(|&v| g.const_of(v).is_none()).collect();
    let quant = |classes: &Classes, v: ValueId| {
        classes
            .class(v)
            .map(|c| c.pinned.unwrap_or_else(|| if c.range.is_empty() { Quant { codes: c.codes, ..ZERO } } else { c.range.quant(c.codes) }))
    };
    // The steps of a result must not be so fine that the accumulator cannot hold what the operator may reach. A range of nothing but 0
    // becomes all that can be reached.
    for _ in 0..ROUNDS {
        let mut changed = false;
        for &v in &computed {
            let Some(c) = classes.class(v).filter(|c| c.pinned.is_none()) else { continue };
            let Some(floor) = floors.of(v.node, &|x| quant(&classes, x))? else { continue };
            let node = g.node(v.node);
            if c.range.is_empty() && matches!(node.op.as_str(), "Concat" | "Pad") {
                continue;
            }
            let (lo, hi) = act(node)?;
            let wanted = if c.range.is_empty() {
                floor.generous().within(lo, hi)
            } else {
                let step = c.range.step(c.codes);
                if step >= floor.step() { c.range } else { c.range.times(floor.step() / step) }
            };
            if wanted != c.range && wanted.hi.is_finite() && wanted.lo.is_finite() {
                classes.update(v, |c| c.range = wanted);
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    Ok(computed.into_iter().filter_map(|v| Some((v, quant(&classes, v)?))).collect())
}

/// Real 0 as the only value needs no resolution.
const ZERO: Quant = Quant { codes: Codes::I8, scale: Per::Tensor(1.0), zero: Per::Tensor(0.0) };

/// The calibrated range of a computed value; of sixteen bits all that was seen, which costs nothing there.
pub(super) fn value_range(g: &Graph, stats: &Stats, v: ValueId, codes: Codes, opts: &Options, masks: &Masks) -> Result<Range> {
    let node = g.node(v.node);
    if node.op == "Gather" {
        // Any row may be asked for, seen or not.
        return Ok(masks.within(v, const_range(g, g.inputs_of(v.node)[0])));
    }
    let (lo, hi) = act(node)?;
    let method = if codes.bits > Codes::I8.bits { RangeMethod::MinMax } else { opts.method };
    let Some(seen) = stats.values.get(&v) else { return Ok(Range::new(0.0, 0.0)) };
    let all = range(seen, RangeMethod::MinMax);
    let least = masks.within(v, all);
    let found = if least == all { range(seen, method) } else { least }.within(lo, hi);
    Ok(if stats.synthetic { clamped(found, lo, hi) } else { found })
}

/// How far made-up samples may fall short of the ends of a clamp that real ones are thought to reach.
const SHORT: f64 = 16.0;

/// What a clamped value takes on real samples, where made-up ones take `seen`: a clamp is there because it is reached. One that is far away only guards against
/// overflow.
fn clamped(seen: Range, lo: f64, hi: f64) -> Range {
    let far = SHORT * seen.width();
    if hi.is_finite() && lo.is_finite() && hi - lo <= far { Range::new(lo, hi) } else { seen }
}

/// The range of a constant's finite elements.
pub(super) fn const_range(g: &Graph, v: ValueId) -> Range {
    let finite = reals_of(g, v).unwrap_or_default().into_iter().filter(|x| x.is_finite());
    finite.fold(Range::new(0.0, 0.0), |r, x| r.union(Range::new(x, x)))
}
