//! A graph that becomes another one node by node, at another level; what the ways from level to level share.

use crate::level::{Level, verify_at};
use mcompc_ir::{Code, Error, Graph, NodeId, Result, Value, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// The graph that is read, the one that is made, and which values of one stand for which of the other.
#[derive(Debug)]
pub struct Rewrite<'a> {
    /// What is read.
    pub from: &'a Graph,
    /// What is made.
    pub to: Graph,
    map: BTreeMap<ValueId, ValueId>,
    origin: BTreeMap<ValueId, ValueId>,
    /// Names given to values that `from` does not have.
    names: BTreeSet<String>,
}

impl<'a> Rewrite<'a> {
    /// Nothing made yet.
    pub fn new(from: &'a Graph) -> Self {
        Self { from, to: Graph::new(from.name.clone()), map: BTreeMap::new(), origin: BTreeMap::new(), names: BTreeSet::new() }
    }

    /// Adds graph input `id` as `value`.
    pub fn input(&mut self, id: NodeId, value: Value) {
        let new = self.to.add_input(value);
        self.stand(new, self.from.out(id));
    }

    /// From here on `new` stands for `old`; the first value that a new one stands for is its origin.
    pub fn stand(&mut self, new: ValueId, old: ValueId) {
        self.map.insert(old, new);
        self.origin.entry(new).or_insert(old);
    }

    /// As [`Self::stand`], of a value that has been made for an older one: the last one is its origin.
    pub fn stand_last(&mut self, new: ValueId, old: ValueId) {
        self.map.insert(old, new);
        self.origin.insert(new, old);
    }

    /// The new value of a computed one.
    ///
    /// # Errors
    /// `NoInteger` for a constant, and for what has not been made.
    pub fn computed(&self, old: ValueId) -> Result<ValueId> {
        let missing = || Error::new(Code::NoInteger, format!("`{}` is not a computed value", self.from.value(old).name));
        self.map.get(&old).copied().ok_or_else(missing)
    }

    /// Marks the node of `new` as made of all that node `id` was made of.
    pub fn fused(&mut self, new: ValueId, id: NodeId) {
        self.to.node_mut(new.node).fused = self.from.node(id).fused.clone();
    }

    /// A name that no other added value has.
    pub fn fresh(&mut self, name: &str) -> String {
        let numbered = |i: usize| if i == 0 { name.to_string() } else { format!("{name}.{i}") };
        let free = (0..).map(numbered).find(|n| !self.names.contains(n)).unwrap_or_default();
        self.names.insert(free.clone());
        free
    }

    /// The graph without what nobody reads, verified at `level`, and for its values what they stand for.
    ///
    /// # Errors
    /// Those of [`verify_at`].
    pub fn finish(self, level: Level) -> Result<(Graph, BTreeMap<ValueId, ValueId>)> {
        let Self { from, mut to, mut origin, .. } = self;
        to.states = from.states.clone();
        to.remove_dead();
        origin.retain(|v, _| to.contains(v.node));
        verify_at(&to, level)?;
        Ok((to, origin))
    }
}
