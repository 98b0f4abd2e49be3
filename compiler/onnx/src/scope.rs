//! The import of nodes, one after the other; and in the place of a node that a body stands for, of the body's: the branch of an If whose
//! condition is known, the iterations of a Loop whose number is (`repeat.rs`), and functions of the model, under names of their own.

use crate::body::{Body, bad_graph, graph_of, reads, rename, with_attributes};
use crate::limits::Limits;
use crate::node::{Bound, Builder, Ctx, node_label};
use crate::ops::{check_opset, import_node};
use crate::order::order;
use crate::proto::{FunctionProto, NodeProto, OperatorSetIdProto};
use crate::refusals::Refusals;
use mcompc_ir::{Code, Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Bodies within bodies.
const DEPTH: usize = 16;
/// Where nodes are imported to: the graph itself, or in the place of a node that a body stands for.
pub(crate) struct Scope<'s, 'a> {
    pub(crate) b: &'s mut Builder<'a>,
    pub(crate) refused: &'s mut Refusals,
    pub(crate) functions: &'s [FunctionProto],
    pub(crate) opset: i64,
    pub(crate) depth: usize,
    /// What the names of bodies begin with.
    pub(crate) prefixes: BTreeSet<String>,
    /// Nodes that bodies made.
    pub(crate) spent: usize,
}

impl Scope<'_, '_> {
    /// Counts nodes of a body against the limit.
    pub(crate) fn spend(&mut self, nodes: usize) -> Result<()> {
        self.spent += nodes;
        Limits::check("nodes", self.spent as u64, self.b.limits().nodes as u64, "nodes")
    }

    /// Imports nodes, of whose results `outputs` are wanted, producers first.
    pub(crate) fn nodes(&mut self, nodes: &[NodeProto], outputs: &BTreeSet<&str>) -> Result<()> {
        let read: BTreeSet<&str> = nodes.iter().flat_map(reads).chain(outputs.iter().copied()).collect();
        let given = |x: &str| self.b.has(x) || self.refused.lost(x);
        for i in order(nodes, given)? {
            self.node(&nodes[i], &read).map_err(|e| e.at(node_label(&nodes[i])))?;
        }
        Ok(())
    }

    pub(crate) fn node(&mut self, node: &NodeProto, read: &BTreeSet<&str>) -> Result<()> {
        let label = node_label(node);
        if self.refused.reads(node, self.function(node).is_some()) {
            return Ok(());
        }
        match self.inlined(node) {
            Ok(false) => {}
            Ok(true) => return Ok(()),
            Err(e) => return self.refused.add(node, e.at(label)),
        }
        match check_node_outputs(node, read) {
            Ok(true) => {}
            // What computes nothing must still be something known.
            Ok(false) => return crate::ops::refused(node).map_or(Ok(()), |e| self.refused.add(node, e.at(label))),
            // Of an operator that is refused anyway its other outputs are no matter.
            Err(e) if e.code == Code::UnsupportedOp => return self.refused.add(node, crate::ops::refused(node).unwrap_or(e).at(label)),
            Err(e) => return Err(e),
        }
        let finite = crate::masks::replaced(node, self.b)?;
        let node = finite.as_ref().unwrap_or(node);
        let mut import = || import_node(&mut Ctx::new(node, label, self.opset, self.b)?);
        import().or_else(|e| self.refused.add(node, e.at(label)))
    }
}

impl Scope<'_, '_> {
    /// Imports a body whose inputs are bound to names outside; gives the names of its results outside.
    pub(crate) fn body(&mut self, body: &Body<'_>, prefix: &str, given: &[(&str, String)], opset: i64) -> Result<Vec<String>> {
        if self.depth == DEPTH {
            return Err(Error::new(Code::Limit, format!("more than {DEPTH} bodies within each other"))
                .hint("flatten the model, for instance with onnx.inliner"));
        }
        // Node names need not be unique, and what the body calls its own must be.
        let number = (1..).find(|i| !self.prefixes.contains(&numbered(prefix, *i))).unwrap_or(1);
        let prefix = numbered(prefix, number);
        self.prefixes.insert(prefix.clone());
        let own = |n: &str| (n.to_string(), self.b.own_name(&format!("{prefix}/{n}")));
        let mut map: BTreeMap<String, String> = body.own().map(own).collect();
        for (inner, outer) in given {
            if map.insert((*inner).to_string(), outer.clone()).is_some() {
                return Err(bad_graph(format!("`{inner}` is defined twice")));
            }
        }
        for t in body.graph.into_iter().flat_map(|g| &g.initializer) {
            let name = t.name.as_deref().unwrap_or("");
            let tensor = self.b.reader.read(t)?;
            if let (Some(to), Some(code)) = (map.get(name), t.data_type.filter(|&t| crate::foreign::of(t).is_some())) {
                self.b.foreign.insert(to.clone(), code);
            }
            if let Some(to) = map.get(name) {
                self.b.names.insert(to.clone(), Bound::Const(tensor));
            }
        }
        let mut nodes = body.nodes.to_vec();
        for n in &mut nodes {
            // Before it has names of tensors around it, which begin with those of the bodies around.
            n.name = Some(format!("{prefix}/{}", node_label(n)));
            rename(n, &map);
        }
        // An empty body costs something, too.
        self.spend(nodes.len() + 1)?;
        let outputs: Vec<String> = body.outputs.iter().map(|o| map.get(*o).cloned().unwrap_or_else(|| (*o).to_string())).collect();
        let opset = std::mem::replace(&mut self.opset, opset);
        self.depth += 1;
        let done = self.nodes(&nodes, &outputs.iter().map(String::as_str).collect());
        self.depth -= 1;
        self.opset = opset;
        done.map(|()| outputs)
    }

    /// Makes `name` stand for what `of` does.
    pub(crate) fn stand(&mut self, name: &str, of: &str) -> Result<()> {
        if name.is_empty() {
            return Ok(());
        }
        if self.refused.lost(of) {
            self.refused.lose_name(name);
            return Ok(());
        }
        if let Some(d) = self.b.dynamic.get(of).cloned() {
            self.b.dynamic.insert(name.to_string(), d);
            return Ok(());
        }
        if let Some(all) = self.b.sequences.get(of).cloned() {
            self.b.sequences.insert(name.to_string(), all);
            return Ok(());
        }
        if let Some(h) = self.b.one_hot.get(of).cloned() {
            self.b.one_hot.insert(name.to_string(), h);
            return Ok(());
        }
        let bound = self.b.names.get(of).cloned().ok_or_else(|| bad_graph(format!("tensor `{of}` is not defined")))?;
        self.b.names.insert(name.to_string(), bound);
        if let Some(&k) = self.b.foreign.get(of) {
            self.b.foreign.insert(name.to_string(), k);
        }
        if let Some(&k) = self.b.kinds.get(of) {
            self.b.kinds.insert(name.to_string(), k);
        }
        if let Some(q) = self.b.codes.get(of).cloned() {
            self.b.codes.insert(name.to_string(), q);
        }
        Ok(())
    }

    /// Imports a node that a body stands for; false for any other.
    pub(crate) fn inlined(&mut self, n: &NodeProto) -> Result<bool> {
        let op = n.op_type.as_deref().unwrap_or("");
        let own = matches!(n.domain.as_deref().unwrap_or(""), "" | "ai.onnx");
        match op {
            _ if self.function(n).is_some() => self.call(n).map(|()| true),
            "If" if own => self.branch(n),
            "Loop" if own => self.repeat(n),
            "Scan" if own => self.scan(n),
            _ if own => self.sequence(n),
            _ => Ok(false),
        }
    }

    /// The only element of a constant input, as an integer.
    pub(crate) fn integer(&self, n: &NodeProto, i: usize) -> Option<i64> {
        let t = self.b.known(n.input.get(i)?)?;
        (t.elems() == 1).then(|| t.to_i64_vec().ok()?.first().copied())?
    }

    fn branch(&mut self, n: &NodeProto) -> Result<bool> {
        let Some(condition) = self.integer(n, 0) else { return self.both(n) };
        let name = if condition != 0 { "then_branch" } else { "else_branch" };
        let g = graph_of(n, name).ok_or_else(|| bad_graph(format!("If without {name}")))?;
        let outputs = self.body(&Body::of(g), node_label(n), &[], self.opset)?;
        if outputs.len() != n.output.len() {
            return Err(bad_graph(format!("an If of {} outputs whose branch has {}", n.output.len(), outputs.len())));
        }
        n.output.iter().zip(&outputs).try_for_each(|(o, from)| self.stand(o, from))?;
        Ok(true)
    }

    /// The function of the model that a node calls.
    pub(crate) fn function(&self, n: &NodeProto) -> Option<&FunctionProto> {
        self.functions.iter().find(|f| calls(n, f))
    }

    fn call(&mut self, n: &NodeProto) -> Result<()> {
        let Some(f) = self.function(n).cloned() else { return Ok(()) };
        if n.input.len() > f.input.len() || n.output.len() > f.output.len() {
            return Err(bad_graph(format!(
                "a call of {} with {} inputs and {} outputs",
                f.name.as_deref().unwrap_or(""),
                n.input.len(),
                n.output.len()
            )));
        }
        let mut nodes = f.node.clone();
        nodes.iter_mut().try_for_each(|inner| with_attributes(inner, n, &f))?;
        let own = |o: &&OperatorSetIdProto| matches!(o.domain.as_deref().unwrap_or(""), "" | "ai.onnx");
        let opset = f.opset_import.iter().find(own).and_then(|o| o.version).unwrap_or(self.opset);
        check_opset(opset)?;
        let given: Vec<(&str, String)> =
            f.input.iter().enumerate().map(|(i, name)| (name.as_str(), n.input.get(i).cloned().unwrap_or_default())).collect();
        let body = Body { nodes: &nodes, graph: None, outputs: f.output.iter().map(String::as_str).collect() };
        let outputs = self.body(&body, node_label(n), &given, opset)?;
        n.output.iter().zip(&outputs).try_for_each(|(o, from)| self.stand(o, from))
    }
}

/// Whether a node calls a function of the model.
pub(crate) fn calls(n: &NodeProto, f: &FunctionProto) -> bool {
    fn text(s: &Option<String>) -> &str {
        s.as_deref().unwrap_or("")
    }
    let domain = |s| if text(s) == "ai.onnx" { "" } else { text(s) };
    text(&f.name) == text(&n.op_type) && domain(&f.domain) == domain(&n.domain) && text(&f.overload) == text(&n.overload)
}

fn numbered(name: &str, i: usize) -> String {
    if i == 1 { name.to_string() } else { format!("{name}#{i}") }
}

/// Whether an output that the operator computes is there. Most compute one; further ones (indices, masks, training statistics) may be
/// declared but not read, and any may be left out by an empty name.
fn check_node_outputs(n: &NodeProto, read: &BTreeSet<&str>) -> Result<bool> {
    let Some(first) = n.output.first() else { return Err(bad_graph("the node has no output".into())) };
    if crate::ops::computes_all_outputs(n) {
        return Ok(n.output.iter().any(|o| !o.is_empty()));
    }
    match n.output.iter().skip(1).find(|o| !o.is_empty() && read.contains(o.as_str())) {
        None => Ok(!first.is_empty()),
        Some(o) => Err(Error::new(
            Code::UnsupportedOp,
            format!("output `{o}` of {} is not supported, only the first one is", n.op_type.as_deref().unwrap_or("")),
        )
        .hint("export the model for inference, without indices, masks and statistics")),
    }
}
