//! From figures to words: the first layers that lose much of their signal although their operands are good, why, and what helps.

use super::{Audit, Channel, Seen};
use mcompc_ir::{Graph, NodeId, ValueId};
use mcompc_ops::{is_join, is_move};
use std::collections::BTreeSet;

/// Squared error over variance from which a value counts as lost. No layer of the public models that int8 serves well comes near.
const LOST: f64 = 0.1;
/// As [`LOST`], of a channel of an output: the channel says less than its mean would.
const CHANNEL_LOST: f64 = 0.5;
/// A layer is where it is lost if it multiplies the figure of its worst operand by so much.
const JUMP: f64 = 2.0;
/// Elements below which a layer's variance is too uncertain to judge by.
const ENOUGH: f64 = 32.0;
/// A channel whose span is so many times the median of all is an outlier.
const OUTLIER: f64 = 8.0;
/// Layers in one list of warnings; the others are counted.
const NAMED: usize = 4;
/// Probabilities that move by less than this are not missed.
const PROBABILITY: f64 = 1.0 / 64.0;

pub(super) fn warnings(a: &Audit<'_>) -> Vec<String> {
    let Ok(order) = a.float.topo() else { return Vec::new() };
    let mut said = Vec::new();
    let mut more = 0;
    let sources: Vec<ValueId> = a.float.outputs.iter().flat_map(|o| sources(a.float, o.value)).collect();
    let lost = sources.iter().filter_map(|v| a.seen.get(v)).any(|s| s.whole().ratio().is_some_and(|r| r > LOST));
    for id in order {
        let Some(w) = layer(a, id, lost) else { continue };
        if said.len() < NAMED { said.push(w) } else { more += 1 }
    }
    if let Some(last) = said.last_mut().filter(|_| more > 0) {
        last.push_str(&format!(" (and {more} more layers lose as much)"));
    }
    said.extend(dead_channels(a));
    said
}

/// A value's figures; those of what it was made of where an operator only moved it.
fn seen<'a>(a: &'a Audit<'_>, mut v: ValueId) -> Option<(ValueId, &'a Seen)> {
    loop {
        if let Some(s) = a.seen.get(&v) {
            return Some((v, s));
        }
        if !is_move(&a.float.node(v.node).op) {
            return None;
        }
        v = *a.float.inputs_of(v.node).first()?;
    }
}

/// `suffers`: whether an output is lost. Narrow weights lose something everywhere, which networks forgive as long as it is not.
fn layer(a: &Audit<'_>, id: NodeId, suffers: bool) -> Option<String> {
    let g = a.float;
    let node = g.node(id);
    let s = a.seen.get(&g.out(id))?;
    let all = s.whole();
    let lost = all.ratio()?;
    if lost <= LOST || all.n < ENOUGH || is_move(&node.op) || is_join(&node.op) {
        return None;
    }
    let operands: Vec<(ValueId, &Seen)> = g.inputs_of(id).into_iter().filter_map(|v| seen(a, v)).collect();
    let worst = operands.iter().filter_map(|(_, x)| x.whole().ratio()).fold(0.0, f64::max);
    if worst > LOST || lost <= JUMP * worst || !a.narrow.is_empty() && !suffers {
        return None;
    }
    let (why, help) = cause(a, id, s, &operands);
    Some(format!(
        "`{}` ({}) is lost although what it reads is good, with a squared error of {:.0} % of its variance on {} calibration samples: {why}; \
         {help}",
        node.name,
        node.op,
        100.0 * lost,
        a.samples
    ))
}

fn cause(a: &Audit<'_>, id: NodeId, s: &Seen, operands: &[(ValueId, &Seen)]) -> (String, String) {
    let g = a.float;
    let node = g.node(id);
    let name = |v: &ValueId| g.value(*v).name.as_str();
    let variance = s.whole().variance().unwrap_or(f64::MIN_POSITIVE);
    let weighs = matches!(node.op.as_str(), "Conv" | "Dense" | "BatchNormalization");
    // Of the operands the one with the coarsest steps.
    let coarse = operands.iter().max_by(|x, y| x.1.quant.step().total_cmp(&y.1.quant.step()));
    for (v, x) in operands {
        if let Some(o) = Outlier::of(x) {
            return (
                format!(
                    "channel {} of its operand `{}` spans {:.4}, {:.0} times the median of its {} channels, and sets the one scale of all, \
                     {:.4} a step, by which {} channels are lost",
                    o.channel,
                    name(v),
                    o.span,
                    o.ratio,
                    x.channels.len(),
                    x.quant.step(),
                    o.lost
                ),
                "bring the channels to like size before they are quantized: divide the weights that make the channel by a number and \
                 multiply those that read it (cross-layer equalization), or clip it"
                    .into(),
            );
        }
    }
    if let Some(bits) = a.narrow.get(node.name.as_str()) {
        let help = format!("keep it at eight bits with --bits '{}=8', or make smaller groups with --group 32", node.name);
        return (format!("its weights have {bits} bits"), help);
    }
    if matches!(node.op.as_str(), "Add" | "Sub") && operands.iter().any(|(_, x)| x.whole().squares / x.whole().n > 16.0 * variance) {
        let most = operands.iter().map(|(_, x)| largest(x)).fold(0.0, f64::max);
        return (
            format!(
                "it cancels operands of up to {most:.4}, in steps of {:.4}, to a result of {:.4} to {:.4}",
                coarse.map_or(0.0, |x| x.1.quant.step()),
                s.whole().lo,
                s.whole().hi
            ),
            "compute the difference before what both sides have in common is added, or remove that from both".into(),
        );
    }
    if (node.op == "Softmax" || mcompc_ops::is_map(&node.op))
        && let Some((v, x)) = coarse
    {
        let all = x.whole();
        return (
            format!(
                "its operand `{}` spans {:.4} to {:.4} in steps of {:.4}, and the function changes within a few of them",
                name(v),
                all.lo,
                all.hi,
                x.quant.step()
            ),
            "clip the operand to where the function changes, or make it smaller by its layer's weights".into(),
        );
    }
    if weighs && let Some((v, x)) = coarse {
        let all = x.whole();
        return (
            format!(
                "its operand `{}` spans {:.4} to {:.4} in steps of {:.4}, and what it takes from that is of the size of a few steps (large \
                 values that cancel, or weights for values that hardly differ)",
                name(v),
                all.lo,
                all.hi,
                x.quant.step()
            ),
            "take out what all its values have in common before this layer (a mean, a bias), or look for the layer that makes them large"
                .into(),
        );
    }
    (
        format!("its result spans {:.4} to {:.4} in steps of {:.4}", s.whole().lo, s.whole().hi, s.quant.step()),
        "look for values that differ in size by a hundred and more around it".into(),
    )
}

fn largest(s: &Seen) -> f64 {
    let all = s.whole();
    f64::from(all.lo.abs().max(all.hi.abs()))
}

/// A channel that takes the codes of the others.
struct Outlier {
    channel: usize,
    span: f64,
    ratio: f64,
    lost: usize,
}

impl Outlier {
    fn of(s: &Seen) -> Option<Self> {
        let mut spans: Vec<f64> = s.channels.iter().map(Channel::span).filter(|&x| x > 0.0).collect();
        spans.sort_by(f64::total_cmp);
        let median = *spans.get((spans.len().max(1) - 1) / 2)?;
        let (channel, span) = s.channels.iter().map(Channel::span).enumerate().max_by(|x, y| x.1.total_cmp(&y.1))?;
        let lost = s.channels.iter().filter(|c| c.ratio().is_some_and(|r| r > LOST)).count();
        (spans.len() > 1 && lost > 0 && span > OUTLIER * median).then_some(Self { channel, span, ratio: span / median, lost })
    }
}

/// Computed values that an output holds codes of, in whatever order.
fn sources(g: &Graph, output: ValueId) -> Vec<ValueId> {
    let (mut seen, mut list, mut all) = (BTreeSet::from([output]), vec![output], Vec::new());
    while let Some(v) = list.pop() {
        if is_move(&g.node(v.node).op) || is_join(&g.node(v.node).op) {
            list.extend(g.inputs_of(v.node).into_iter().filter(|x| seen.insert(*x)));
        } else {
            all.push(v);
        }
    }
    all
}

/// Output channels that say nothing although the float model's do.
fn dead_channels(a: &Audit<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for o in &a.float.outputs {
        for v in sources(a.float, o.value) {
            let Some(s) = a.seen.get(&v).filter(|s| s.channels.len() > 1) else { continue };
            if s.whole().ratio().is_some_and(|r| r > LOST) {
                continue; // Said of the whole.
            }
            let probability = matches!(a.float.node(v.node).op.as_str(), "Softmax" | "Sigmoid" | "HardSigmoid");
            let lost = |c: &Channel| {
                let sure = c.codes.0 == c.codes.1 || c.n >= ENOUGH;
                sure && c.ratio().is_some_and(|r| r > CHANNEL_LOST) && !(probability && c.span() < PROBABILITY)
            };
            let list: Vec<usize> = (0..s.channels.len()).filter(|&i| lost(&s.channels[i])).collect();
            let Some(&first) = list.first() else { continue };
            let numbers: Vec<String> = list.iter().take(NAMED).map(usize::to_string).collect();
            let more = if list.len() > NAMED { format!(" and {} more", list.len() - NAMED) } else { String::new() };
            let (c, all, step) = (&s.channels[first], s.whole(), s.quant.step());
            // Rounding to steps loses a twelfth of their square.
            let rounded = c.variance().is_some_and(|v| step * step / 12.0 > v / 4.0);
            let why = if rounded {
                format!(
                    "the scale of all is {step:.4} a step for {:.4} to {:.4}; make the channels an output each, or bring them to like size in \
                     the last layer's weights and undo that on the caller's side",
                    all.lo, all.hi
                )
            } else {
                "the layers before have lost what it is made of: look for channels of very different size there".into()
            };
            said.push(format!(
                "output `{}` loses {} of the {} channels of `{}` ({}{more}): channel {first} goes from {:.4} to {:.4} in the float model; {why}",
                o.name,
                list.len(),
                s.channels.len(),
                a.float.node(v.node).name,
                numbers.join(", "),
                c.lo,
                c.hi
            ));
        }
    }
    said
}
