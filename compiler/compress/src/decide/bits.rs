//! How many bits the weights of each layer take, and why.

use crate::methods::take_nine;
use crate::scheme::{layer_names, weighted};
use mcompc_ir::{Code, Codes, Error, Graph, NodeId, Result, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// Widths of weights; the default is eight bits everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightBits {
    /// Bits of a layer that nothing below is said of, 2..=8.
    pub bits: u8,
    /// Weights of a channel in a row that share a multiplier, where a layer takes fewer than eight bits.
    pub block: Option<usize>,
    /// Whether first and last layers, too, take `bits` rather than eight.
    pub ends: bool,
    /// Bits of layers by name, where `*` stands for any characters; the last one that fits counts.
    pub by_name: Vec<(String, u8)>,
}

impl Default for WeightBits {
    fn default() -> Self {
        Self { bits: 8, block: None, ends: false, by_name: Vec::new() }
    }
}

/// Bits of the layers that `w` names, by their names in schemes.
///
/// # Errors
/// `Usage` for a pattern that fits no layer.
pub fn pinned(g: &Graph, w: &WeightBits) -> Result<BTreeMap<String, u8>> {
    choose(g, w)?;
    let of = |name: &str| w.by_name.iter().rev().find(|(pattern, _)| fits(pattern, name)).map(|(_, bits)| *bits);
    Ok(layer_names(g)?.into_iter().filter_map(|(id, unique)| Some((unique, of(&g.node(id).name)?))).collect())
}

/// What a layer takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub bits: u8,
    /// Where it is not simply what was asked for.
    pub why: Option<String>,
    /// Whether what it gives are the model's own numbers, no scores to be compared: of reals that nothing else rounds.
    pub shown: bool,
}

/// The choice for every convolution and dense layer.
///
/// A first layer has none before it on any way from the inputs, a last one none after it.
///
/// # Errors
/// `Usage` for a pattern that fits no layer.
pub(super) fn choose(g: &Graph, w: &WeightBits) -> Result<BTreeMap<NodeId, Choice>> {
    let order = g.topo()?;
    let sources = |n: NodeId| g.inputs_of(n).into_iter().map(|v| v.node);
    let mut follows = BTreeSet::new();
    let mut precedes = BTreeSet::new();
    for &n in &order {
        if sources(n).any(|s| weighted(g.node(s)) || follows.contains(&s)) {
            follows.insert(n);
        }
    }
    for &n in order.iter().rev() {
        if weighted(g.node(n)) || precedes.contains(&n) {
            precedes.extend(sources(n));
        }
    }
    let by_file = order.iter().any(|&n| g.node(n).op == "Quantize");
    let mut used = vec![false; w.by_name.len()];
    let mut choices = BTreeMap::new();
    for &n in order.iter().filter(|&&n| weighted(g.node(n))) {
        let fitting: Vec<usize> = (0..w.by_name.len()).filter(|&i| fits(&w.by_name[i].0, &g.node(n).name)).collect();
        fitting.iter().for_each(|&i| used[i] = true);
        let end = match (follows.contains(&n), precedes.contains(&n)) {
            (false, _) => Some("first layer"),
            (_, false) => Some("last layer"),
            _ => None,
        };
        let (bits, why) = match (fitting.last(), end) {
            (Some(&i), _) => (w.by_name[i].1, Some(format!("by name: {}", w.by_name[i].0))),
            (None, Some(end)) if !w.ends && w.bits < 8 => (8, Some(end.into())),
            (None, None) if w.bits < 8 => (w.bits, None),
            _ if by_file && take_nine(&mcompc_ops::reals(g, g.inputs_of(n)[1])?, channel(g, n)) => {
                (Codes::LESS_ZERO.bits, Some("the file's codes less their zero point".into()))
            }
            _ => (w.bits, None),
        };
        let shown = !by_file && !precedes.contains(&n) && !scores(g, g.out(n));
        choices.insert(n, Choice { bits, why, shown });
    }
    match used.iter().position(|u| !u) {
        Some(i) => Err(Error::new(Code::Usage, format!("no layer with weights is called `{}`", w.by_name[i].0))
            .hint("`mcompc plan` lists the layers; `*` stands for any characters")),
        None => Ok(choices),
    }
}

/// Whether a value, or what becomes of it, is compared with its neighbours alone: what a softmax or the place of the largest reads, or one vector that
/// is shorter than the inputs.
fn scores(g: &Graph, v: ValueId) -> bool {
    let inputs: usize = g.inputs.iter().map(|&n| g.value(g.out(n)).elems()).sum();
    let (mut seen, mut todo) = (BTreeSet::from([v]), vec![v]);
    while let Some(v) = todo.pop() {
        let short = g.value(v).shape.iter().filter(|&&d| d > 1).count() < 2 && g.value(v).elems() < inputs;
        if g.is_output(v) && short {
            return true;
        }
        for (n, _) in g.users(v) {
            if matches!(g.node(n).op.as_str(), "Softmax" | "ArgMax") {
                return true;
            }
            if seen.insert(g.out(n)) {
                todo.push(g.out(n));
            }
        }
    }
    false
}

/// Weights of an output channel.
fn channel(g: &Graph, n: NodeId) -> usize {
    g.value(g.inputs_of(n)[1]).shape.iter().skip(1).product::<usize>().max(1)
}

/// Whether `name` is `pattern`, in which each `*` stands for any characters.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    // Every part but the last takes the first place where it fits.
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        for (p, yes, no) in [
            ("conv1", "conv1", "conv10"),
            ("conv*", "conv10", "aconv"),
            ("*dw*2", "a.dw.12", "a.dw.2b"),
            ("a*a", "aba", "a"),
            ("a**b*c", "axxbyyc", "abx"),
        ] {
            assert!(fits(p, yes), "{p} {yes}");
            assert!(!fits(p, no), "{p} {no}");
        }
    }
}
