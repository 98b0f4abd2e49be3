//! The order of nodes: a file may have them in any.

use crate::body::{bad_graph, reads};
use crate::node::node_label;
use crate::proto::NodeProto;
use mcompc_ir::{Code, Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Positions of the nodes, producers first; among the ready ones the first in the file.
///
/// `E104` for a tensor that is defined twice or never, and for a cycle (naming a node on it).
pub(crate) fn order(nodes: &[NodeProto], given: impl Fn(&str) -> bool) -> Result<Vec<usize>> {
    let mut producer: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, n) in nodes.iter().enumerate() {
        for o in n.output.iter().filter(|o| !o.is_empty()) {
            if given(o) || producer.insert(o, i).is_some() {
                return Err(bad_graph(format!("tensor `{o}` is defined twice")).at(node_label(n)));
            }
        }
    }
    let mut missing = vec![0usize; nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (i, n) in nodes.iter().enumerate() {
        for x in reads(n) {
            match producer.get(x) {
                Some(&p) => {
                    readers[p].push(i);
                    missing[i] += 1;
                }
                None if given(x) => {}
                None => return Err(bad_graph(format!("input `{x}` is defined nowhere")).at(node_label(n))),
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|&i| missing[i] == 0).collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(i) = ready.pop_first() {
        sorted.push(i);
        for &r in &readers[i] {
            missing[r] -= 1;
            if missing[r] == 0 {
                ready.insert(r);
            }
        }
    }
    match (0..nodes.len()).find(|&i| missing[i] > 0) {
        None => Ok(sorted),
        Some(stuck) => {
            let on = on_cycle(nodes, &producer, &missing, stuck);
            Err(Error::new(Code::BadGraph, "the graph has a cycle through this node")
                .at(node_label(&nodes[on]))
                .hint("an ONNX graph must be acyclic; export the model again"))
        }
    }
}

/// A node on a cycle, found by walking from a stuck node to stuck producers until one comes again.
fn on_cycle(nodes: &[NodeProto], producer: &BTreeMap<&str, usize>, missing: &[usize], mut at: usize) -> usize {
    let mut seen = BTreeSet::new();
    while seen.insert(at) {
        let next = reads(&nodes[at]).into_iter().filter_map(|x| producer.get(x).copied()).find(|&p| missing[p] > 0);
        at = next.unwrap_or(at);
    }
    at
}
