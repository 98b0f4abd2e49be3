//! The graph: petgraph nodes carry operators, edges carry which port feeds which.

use crate::{Attrs, Code, Error, Result, State, Tensor, Value};
use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, IntoEdgeReferences};
use std::collections::{BTreeSet, VecDeque};

/// Stable handle of a node; survives the removal of others.
pub type NodeId = NodeIndex<u32>;

/// One output port of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId {
    /// The producer.
    pub node: NodeId,
    /// Its output port.
    pub port: u32,
}

/// An operator instance. Graph inputs are `input` nodes, constants `const` nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// ONNX name (or one derived from it), for errors and reports.
    pub name: String,
    /// Operator name, a key of the operator table.
    pub op: String,
    /// Attributes as data.
    pub attrs: Attrs,
    /// One typed value per output port.
    pub outs: Vec<Value>,
    /// Payload of a `const` node.
    pub tensor: Option<Tensor>,
    /// Names of ONNX nodes that were merged into this one, in the order of execution.
    pub fused: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Edge {
    out_port: u32,
    in_port: u32,
}

/// A named result of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// ONNX output name.
    pub name: String,
    /// The value returned.
    pub value: ValueId,
}

/// A tensor program in SSA form.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Model name.
    pub name: String,
    g: StableDiGraph<Node, Edge>,
    /// `input` nodes in ONNX order.
    pub inputs: Vec<NodeId>,
    /// Results in ONNX order.
    pub outputs: Vec<Output>,
    /// Inputs that carry an output over to the next run.
    pub states: Vec<State>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
    /// Adds a graph input.
    pub fn add_input(&mut self, value: Value) -> ValueId {
        let id = self.add_node(value.name.clone(), "input", Attrs::new(), &[], vec![value]);
        self.inputs.push(id);
        ValueId { node: id, port: 0 }
    }
    /// Adds a constant.
    pub fn add_const(&mut self, name: impl Into<String>, t: Tensor) -> ValueId {
        let name = name.into();
        let v = Value::new(name.clone(), t.dtype, t.shape.clone());
        let id = self.add_node(name, "const", Attrs::new(), &[], vec![v]);
        self.g[id].tensor = Some(t);
        ValueId { node: id, port: 0 }
    }
    /// Adds an operator; port `i` reads `inputs[i]`.
    pub fn add_node(&mut self, name: impl Into<String>, op: &str, attrs: Attrs, inputs: &[ValueId], outs: Vec<Value>) -> NodeId {
        let node = Node { name: name.into(), op: op.into(), attrs, outs, tensor: None, fused: Vec::new() };
        let id = self.g.add_node(node);
        for (i, v) in inputs.iter().enumerate() {
            self.g.add_edge(v.node, id, Edge { out_port: v.port, in_port: i as u32 });
        }
        id
    }
    /// The node; the id must be of this graph and not removed.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.g[id]
    }
    /// The node, to change; the id must be of this graph and not removed.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.g[id]
    }
    /// Whether the node still exists.
    pub fn contains(&self, id: NodeId) -> bool {
        self.g.contains_node(id)
    }
    /// The value of a port.
    pub fn value(&self, v: ValueId) -> &Value {
        &self.g[v.node].outs[v.port as usize]
    }
    /// The value of a port, to change.
    pub fn value_mut(&mut self, v: ValueId) -> &mut Value {
        &mut self.g[v.node].outs[v.port as usize]
    }
    /// The first output of a node.
    pub fn out(&self, id: NodeId) -> ValueId {
        ValueId { node: id, port: 0 }
    }
    /// What a node reads, by input port.
    pub fn inputs_of(&self, id: NodeId) -> Vec<ValueId> {
        let mut v: Vec<(u32, ValueId)> = self
            .g
            .edges_directed(id, Direction::Incoming)
            .map(|e| (e.weight().in_port, ValueId { node: e.source(), port: e.weight().out_port }))
            .collect();
        v.sort_unstable();
        v.into_iter().map(|(_, x)| x).collect()
    }
    /// Every edge as (value read, reader, reader's input port), ordered; what the verifier looks at, since the others assume it.
    pub fn edges(&self) -> Vec<(ValueId, NodeId, u32)> {
        let mut e: Vec<_> = (&self.g)
            .edge_references()
            .map(|e| (ValueId { node: e.source(), port: e.weight().out_port }, e.target(), e.weight().in_port))
            .collect();
        e.sort_unstable_by_key(|&(v, n, p)| (n, p, v));
        e
    }
    /// Who reads a value: (reader, its input port), ordered. Graph outputs are not included.
    pub fn users(&self, v: ValueId) -> Vec<(NodeId, u32)> {
        let mut u: Vec<(NodeId, u32)> = self
            .g
            .edges_directed(v.node, Direction::Outgoing)
            .filter(|e| e.weight().out_port == v.port)
            .map(|e| (e.target(), e.weight().in_port))
            .collect();
        u.sort_unstable();
        u
    }
    /// Whether the value is a result of the graph.
    pub fn is_output(&self, v: ValueId) -> bool {
        self.outputs.iter().any(|o| o.value == v)
    }
    /// The only reader of a value that is not itself a graph output.
    pub fn sole_user(&self, v: ValueId) -> Option<NodeId> {
        match self.users(v).as_slice() {
            [(n, _)] if !self.is_output(v) => Some(*n),
            _ => None,
        }
    }
    /// Makes input port `in_port` of `id` read `v` (adding the port if it is the next one).
    pub fn set_input(&mut self, id: NodeId, in_port: u32, v: ValueId) {
        let old = self.g.edges_directed(id, Direction::Incoming).find(|e| e.weight().in_port == in_port).map(|e| e.id());
        if let Some(e) = old {
            self.g.remove_edge(e);
        }
        self.g.add_edge(v.node, id, Edge { out_port: v.port, in_port });
    }
    /// Replaces all inputs of a node.
    pub fn set_inputs(&mut self, id: NodeId, inputs: &[ValueId]) {
        let old: Vec<_> = self.g.edges_directed(id, Direction::Incoming).map(|e| e.id()).collect();
        for e in old {
            self.g.remove_edge(e);
        }
        for (i, &v) in inputs.iter().enumerate() {
            self.set_input(id, i as u32, v);
        }
    }
    /// Makes every reader of `from`, and the graph's outputs, read `to`.
    pub fn replace_uses(&mut self, from: ValueId, to: ValueId) {
        for (n, p) in self.users(from) {
            self.set_input(n, p, to);
        }
        for o in &mut self.outputs {
            if o.value == from {
                o.value = to;
            }
        }
    }
    /// Removes a node and its edges. The caller has redirected its readers.
    pub fn remove_node(&mut self, id: NodeId) {
        self.g.remove_node(id);
        if let Some(at) = self.inputs.iter().position(|&i| i == id) {
            self.inputs.remove(at);
            self.states.retain(|s| s.input != at);
            self.states.iter_mut().filter(|s| s.input > at).for_each(|s| s.input -= 1);
        }
    }
    /// Payload of the constant that produces `v`, if it is one.
    pub fn const_of(&self, v: ValueId) -> Option<&Tensor> {
        self.g.node_weight(v.node).and_then(|n| n.tensor.as_ref())
    }
    /// All node ids in order of creation.
    pub fn ids(&self) -> Vec<NodeId> {
        self.g.node_indices().collect()
    }
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.g.node_count()
    }
    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Nodes so that producers come first; among the ready ones the oldest. An error names a node on a cycle.
    pub fn topo(&self) -> Result<Vec<NodeId>> {
        let mut missing = vec![0usize; self.g.node_indices().map(|n| n.index() + 1).max().unwrap_or(0)];
        for e in (&self.g).edge_references() {
            missing[e.target().index()] += 1;
        }
        let mut ready: BTreeSet<NodeId> = self.g.node_indices().filter(|n| missing[n.index()] == 0).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(n) = ready.pop_first() {
            order.push(n);
            for e in self.g.edges_directed(n, Direction::Outgoing) {
                let m = &mut missing[e.target().index()];
                *m -= 1;
                if *m == 0 {
                    ready.insert(e.target());
                }
            }
        }
        if order.len() != self.len() {
            let on = self.g.node_indices().find(|n| missing[n.index()] > 0);
            let e = Error::new(Code::BadGraph, "the graph has a cycle").hint("an ONNX graph must be acyclic; re-export the model");
            return Err(on.map_or(e.clone(), |n| e.at(self.g[n].name.clone())));
        }
        Ok(order)
    }
    /// Removes every node from which no output can be reached; inputs stay. Returns how many went.
    pub fn remove_dead(&mut self) -> usize {
        let mut live: BTreeSet<NodeId> = self.inputs.iter().copied().collect();
        let mut todo: VecDeque<NodeId> = self.outputs.iter().map(|o| o.value.node).collect();
        while let Some(n) = todo.pop_front() {
            if live.insert(n) || self.inputs.contains(&n) {
                todo.extend(self.g.neighbors_directed(n, Direction::Incoming).filter(|m| !live.contains(m)));
            }
        }
        let dead: Vec<NodeId> = self.g.node_indices().filter(|n| !live.contains(n)).collect();
        for &d in &dead {
            self.g.remove_node(d);
        }
        dead.len()
    }
}
