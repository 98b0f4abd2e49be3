//! One quantization for every value, derived once: from the class of the value (see `classes`), its calibrated range, and what the operator
//! that computes it can reach.

use super::classes::Classes;
use super::floor::Floors;
use super::masks::Masks;
use super::{Options, reals_of};
use crate::Stats;
use crate::range::{Range, RangeMethod, range};
use mcompc_data::Input;
use mcompc_ir::{Codes, Graph, NodeId, Per, Quant, Result, ValueId};
use mcompc_ops::{act, is_move};
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
        classes.class(v).map(|c| {
            c.pinned.unwrap_or_else(|| if c.range.is_empty() { Quant { codes: c.codes, ..ZERO } } else { c.range.quant(c.codes, c.least) })
        })
    };
    // The steps of a result must not be so fine that the accumulator cannot hold what the operator may reach. A range of nothing but 0
    // becomes all that can be reached.
    for _ in 0..ROUNDS {
        let mut changed = false;
        for &v in &computed {
            let Some(c) = classes.class(v).filter(|c| c.pinned.is_none()) else { continue };
            let Some(floor) = floors.of(v.node, c.codes == Codes::WIDE, &|x| quant(&classes, x))? else { continue };
            let node = g.node(v.node);
            if c.range.is_empty() && matches!(node.op.as_str(), "Concat" | "Pad") {
                continue;
            }
            let (lo, hi) = act(node)?;
            if c.codes == Codes::WIDE && !c.range.is_empty() {
                if c.least < floor.step() {
                    classes.update(v, |c| c.least = floor.step());
                    changed = true;
                }
                continue;
            }
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
    let range = if least == all { range(seen, method) } else { least }.within(lo, hi);
    Ok(saturated(g, v, codes).map_or(range, |b| range.within(-b, b)))
}

/// The real beyond which all that read a value, codes moved or not, give what they give of infinity, to half a step: gates of recurrent layers are
/// computed of values far larger, whose ends would set the step.
pub(crate) fn saturated(g: &Graph, v: ValueId, codes: Codes) -> Option<f64> {
    let users = g.users(v);
    if users.is_empty() || g.is_output(v) {
        return None;
    }
    // In half steps of a result with as many codes.
    let tail = libm::log(2.0 * codes.count() as f64);
    let bound = |n: NodeId| match g.node(n).op.as_str() {
        "Sigmoid" => Some(tail),
        "Tanh" => Some(tail / 2.0),
        op if is_move(op) => saturated(g, g.out(n), codes),
        _ => None,
    };
    users.into_iter().map(|(n, _)| bound(n)).try_fold(0f64, |most, b| Some(most.max(b?)))
}

/// The range of a constant's finite elements.
pub(super) fn const_range(g: &Graph, v: ValueId) -> Range {
    let finite = reals_of(g, v).unwrap_or_default().into_iter().filter(|x| x.is_finite());
    finite.fold(Range::new(0.0, 0.0), |r, x| r.union(Range::new(x, x)))
}
