//! Values that keep more bits than others because of what they are: energies on their way to a logarithm.
//!
//! A spectrum spans many octaves, and a logarithm tells the quiet ones as well as the loud: codes of one step, as fine as sixteen bits have, say
//! nothing of most of them. So what a logarithm reads, through magnitudes and layers, has 32 bits, and what those are computed of has sixteen.

use mcompc_ir::{Codes, Graph, NodeId, Result, ValueId};
use mcompc_ops::{is_map, is_move};
use std::collections::{BTreeMap, BTreeSet};

/// Functions that an energy may pass on its way: bounds of its range.
const BOUNDS: &[&str] = &["Clip", "Relu", "Abs"];

/// Why a value has such codes.
pub(super) fn why(codes: Codes) -> Option<&'static str> {
    match codes.bits {
        17.. => Some("the logarithm behind tells its quiet parts as well as its loud ones"),
        16 => Some("energies are computed of it"),
        _ => None,
    }
}

/// Values with the codes that they get: [`Codes::WIDE`] or [`Codes::I16`].
///
/// # Errors
/// A cycle.
pub(super) fn of(g: &Graph) -> Result<BTreeMap<ValueId, Codes>> {
    let mut found = Energies { g, seen: BTreeMap::new(), wide: BTreeSet::new(), sixteen: BTreeSet::new() };
    let order = g.topo()?;
    // Of a quantized model the file says all codes.
    if order.iter().any(|&n| g.node(n).op == "Quantize") {
        return Ok(BTreeMap::new());
    }
    for n in order.into_iter().filter(|&n| is_log(g, n)) {
        found.follow(g.inputs_of(n)[0]);
    }
    let (wide, sixteen) = (found.wide, found.sixteen);
    let wide = among(g, wide.into_iter().filter(|&v| taken(g, v)).collect());
    let codes = |(all, codes): (BTreeSet<ValueId>, Codes)| all.into_iter().map(move |v| (v, codes));
    Ok(codes((sixteen, Codes::I16)).chain(codes((wide, Codes::WIDE))).collect())
}

/// Whether the first thing that the node does to its operand, but for bounds, is to take its logarithm.
fn is_log(g: &Graph, n: NodeId) -> bool {
    let node = g.node(n);
    if node.op != "Chain" {
        return node.op == "Log";
    }
    let steps = node.attrs.str("steps").unwrap_or_default();
    let mut functions = steps.split_whitespace().map(|w| w.split('(').next().unwrap_or(w)).filter(|w| w.starts_with(char::is_uppercase));
    functions.find(|f| !BOUNDS.contains(f)) == Some("Log")
}

struct Energies<'a> {
    g: &'a Graph,
    seen: BTreeMap<ValueId, bool>,
    wide: BTreeSet<ValueId>,
    sixteen: BTreeSet<ValueId>,
}

impl Energies<'_> {
    /// Whether a value is computed by layers and magnitudes, which are then found.
    fn follow(&mut self, v: ValueId) -> bool {
        if let Some(&known) = self.seen.get(&v) {
            return known;
        }
        let (op, ins) = (self.g.node(v.node).op.as_str(), self.g.inputs_of(v.node));
        let energy = match op {
            op if is_move(op) || BOUNDS.contains(&op) => self.follow(ins[0]),
            "Dense" | "Hypot" => {
                for &x in ins.iter().filter(|&&x| self.g.const_of(x).is_none()) {
                    if !self.follow(x) {
                        self.finer(x);
                    }
                }
                true
            }
            // A convolution makes values of 32 bits, and reads none.
            "Conv" => {
                self.finer(ins[0]);
                true
            }
            _ => false,
        };
        if energy {
            self.wide.insert(v);
        }
        self.seen.insert(v, energy);
        energy
    }

    fn finer(&mut self, v: ValueId) {
        self.sixteen.insert(v);
        if is_move(&self.g.node(v.node).op) {
            self.finer(self.g.inputs_of(v.node)[0]);
        }
    }
}

/// The values whose classes are wide altogether: what codes are moved from or to, and both parts of a magnitude, have the same.
fn among(g: &Graph, mut wide: BTreeSet<ValueId>) -> BTreeSet<ValueId> {
    let computed = |v: &ValueId| g.const_of(*v).is_none();
    let tied = |v: ValueId| -> Vec<ValueId> {
        let mut list = Vec::new();
        if is_move(&g.node(v.node).op) {
            list.push(g.inputs_of(v.node)[0]);
        }
        for (n, _) in g.users(v) {
            match g.node(n).op.as_str() {
                "Hypot" => list.extend(g.inputs_of(n)),
                op if is_move(op) => list.push(g.out(n)),
                _ => {}
            }
        }
        list.into_iter().filter(computed).collect()
    };
    loop {
        let out: Vec<ValueId> = wide.iter().copied().filter(|&v| tied(v).iter().any(|t| !wide.contains(t))).collect();
        if out.is_empty() {
            return wide;
        }
        out.iter().for_each(|v| {
            wide.remove(v);
        });
    }
}

/// Whether a value may have 32 bits: all that read it take them, and it is no output.
fn taken(g: &Graph, v: ValueId) -> bool {
    let takes = |n: NodeId| {
        let op = g.node(n).op.as_str();
        matches!(op, "Dense" | "Hypot") || is_map(op) || is_move(op) && taken(g, g.out(n))
    };
    !g.is_output(v) && g.users(v).into_iter().all(|(n, _)| takes(n))
}
