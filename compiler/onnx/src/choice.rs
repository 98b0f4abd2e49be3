//! Integer inputs of the graph that choose rows of something: they stay integers, others are numbers.

use crate::node::Builder;
use crate::proto::{FunctionProto, GraphProto, NodeProto};
use mcompc_ir::Tensor;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that are looked at for one input, those of functions at each of their calls.
const NODES: usize = 1 << 20;
/// Functions and bodies within each other.
const DEPTH: usize = 16;

/// Where an input goes.
struct Search<'m, 'b, 'a> {
    b: &'b Builder<'a>,
    functions: &'m [FunctionProto],
    /// Whether it chooses.
    chooses: bool,
    /// Rows of the smallest constant table that it chooses from.
    least: Option<usize>,
    left: usize,
}

/// Whether an input says which rows of something are taken: it is the index of a Gather or an embedding or makes one-hot vectors, perhaps
/// under another shape; and the rows of the smallest constant table that it chooses from, if there is one.
pub(crate) fn choice(b: &Builder<'_>, g: &GraphProto, functions: &[FunctionProto], name: &str) -> Option<Option<usize>> {
    let mut s = Search { b, functions, chooses: false, least: None, left: NODES };
    s.nodes(&g.node, &mut BTreeSet::from([name]), &BTreeMap::new(), 0);
    s.chooses.then_some(s.least)
}

impl<'m> Search<'m, '_, '_> {
    /// Follows the names `same` through nodes. `outer` has the names in the graph of what a function calls otherwise; only these are known
    /// within one.
    fn nodes(&mut self, nodes: &'m [NodeProto], same: &mut BTreeSet<&'m str>, outer: &BTreeMap<&'m str, &'m str>, depth: usize) {
        for n in nodes {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            let name = |i: usize| n.input.get(i).map_or("", String::as_str);
            let mut reads = [0, 1, 8].map(|i| same.contains(name(i)));
            // An input left out is none that another left out is the same as.
            reads.iter_mut().zip([0, 1, 8]).for_each(|(r, i)| *r &= !name(i).is_empty());
            let known = |i: usize| -> Option<Tensor> {
                let name = if depth == 0 { name(i) } else { outer.get(name(i))? };
                self.b.known(name)
            };
            let range = |i: usize| {
                let counts = |t: &Tensor| t.to_i64_vec().is_ok_and(|v| v.into_iter().eq(0..t.elems() as i64));
                known(i).is_some_and(|t| t.elems() > 1 && t.shape.last() == Some(&t.elems()) && counts(&t))
            };
            for g in n.attribute.iter().flat_map(|a| a.g.iter().map(AsRef::as_ref).chain(&a.graphs)) {
                self.nodes(&g.node, &mut same.clone(), outer, depth);
            }
            if let Some(f) = self.functions.iter().find(|f| crate::scope::calls(n, f)) {
                self.call(n, f, same, outer, depth);
                continue;
            }
            let rows = |table: usize, axis: usize| known(table).and_then(|t| t.shape.get(axis).copied());
            let mut found: Vec<Option<usize>> = Vec::new();
            match (n.domain.as_deref().unwrap_or(""), n.op_type.as_deref().unwrap_or("")) {
                ("com.microsoft", "EmbedLayerNormalization") => {
                    found.extend(reads.iter().zip([2, 4, 3]).filter(|(r, _)| **r).map(|(_, table)| rows(table, 0)));
                }
                (_, "Gather") if reads[1] => {
                    let axis = n.attribute.iter().find(|a| a.name.as_deref() == Some("axis")).and_then(|a| a.i).unwrap_or(0);
                    found.push(usize::try_from(axis).ok().and_then(|axis| rows(0, axis)));
                }
                (_, "OneHot") if reads[0] => found.push(None),
                (_, "Equal") if reads[0] && range(1) || reads[1] && range(0) => found.push(None),
                (_, "Cast" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Expand") if reads[0] => {
                    same.extend(n.output.iter().map(String::as_str));
                }
                _ => {}
            }
            self.chooses |= !found.is_empty();
            self.least = found.into_iter().flatten().chain(self.least).min();
        }
    }

    /// Follows them into a function, and what it gives back.
    fn call(
        &mut self,
        n: &'m NodeProto,
        f: &'m FunctionProto,
        same: &mut BTreeSet<&'m str>,
        outer: &BTreeMap<&'m str, &'m str>,
        depth: usize,
    ) {
        let given = || f.input.iter().map(String::as_str).zip(n.input.iter().map(String::as_str)).filter(|(_, to)| !to.is_empty());
        let mut inner: BTreeSet<&str> = given().filter(|(_, to)| same.contains(to)).map(|(name, _)| name).collect();
        if inner.is_empty() || depth == DEPTH {
            return;
        }
        let names = given().filter_map(|(name, to)| Some((name, if depth == 0 { to } else { outer.get(to).copied()? }))).collect();
        self.nodes(&f.node, &mut inner, &names, depth + 1);
        let results = f.output.iter().zip(&n.output).filter(|(name, _)| inner.contains(name.as_str()));
        same.extend(results.map(|(_, to)| to.as_str()));
    }
}
