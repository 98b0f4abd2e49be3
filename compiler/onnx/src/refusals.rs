//! What a model holds that is not supported, gathered so that the user sees all of it at once.

use crate::proto::NodeProto;
use mcompc_ir::{Code, Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds named in one error.
const SHOWN: usize = 32;

/// Refusals that are kept: the work on them is bounded whatever the file holds.
const KEPT: usize = 1000;

/// Refusals so far. Nodes that read what a refused node would have computed cannot be judged and are passed over.
#[derive(Default)]
pub(crate) struct Refusals {
    errors: Vec<Error>,
    /// Refusals by operator; an input of the graph counts as one.
    counts: BTreeMap<String, usize>,
    unknown: BTreeSet<String>,
}

impl Refusals {
    /// Whether the node reads the result of a refused one; its own results then count as refused, too. `known` is whether a function of the
    /// model stands for it.
    pub(crate) fn reads(&mut self, node: &NodeProto, known: bool) -> bool {
        let reads = crate::body::reads(node).into_iter().any(|x| self.unknown.contains(x));
        if reads {
            // An unsupported operator is one whatever it reads.
            if let Some(e) = crate::ops::refused(node).filter(|_| !known) {
                self.keep(node.op_type.as_deref().unwrap_or(""), e);
            }
            self.lose(node);
        }
        reads
    }
    /// Whether nothing is known of a tensor.
    pub(crate) fn lost(&self, name: &str) -> bool {
        self.unknown.contains(name)
    }
    /// Takes a refusal of what the compiler does not support; any other error ends the import.
    pub(crate) fn add(&mut self, node: &NodeProto, e: Error) -> Result<()> {
        if !matches!(e.code, Code::UnsupportedOp | Code::UnsupportedAttr | Code::UnsupportedType | Code::UnsupportedOpset) {
            return if self.errors.is_empty() { Err(e) } else { self.finish_ref() };
        }
        self.keep(node.op_type.as_deref().unwrap_or(""), e);
        self.lose(node);
        Ok(())
    }
    /// Nothing is known of `name`.
    pub(crate) fn lose_name(&mut self, name: &str) {
        self.unknown.insert(name.into());
    }
    fn keep(&mut self, op: &str, e: Error) {
        *self.counts.entry(op.into()).or_default() += 1;
        if self.errors.len() < KEPT {
            self.errors.push(e);
        }
    }
    fn lose(&mut self, node: &NodeProto) {
        self.unknown.extend(node.output.iter().filter(|o| !o.is_empty()).cloned());
    }
    /// One error for all of them.
    pub(crate) fn finish(self) -> Result<()> {
        self.finish_ref()
    }
    fn finish_ref(&self) -> Result<()> {
        let Some(first) = self.errors.first() else { return Ok(()) };
        let all = self.counts.values().sum();
        if all == 1 {
            return Err(first.clone());
        }
        // The same words and hint are said once, with the number of nodes.
        let mut kinds: Vec<(&Error, usize)> = Vec::new();
        for e in &self.errors {
            match kinds.iter_mut().find(|(k, _)| (&k.message, &k.hint) == (&e.message, &e.hint)) {
                Some((_, n)) => *n += 1,
                None => kinds.push((e, 1)),
            }
        }
        let nodes = |n: usize| if n == 1 { "1 node".to_string() } else { format!("{n} nodes") };
        let mut ops: Vec<String> = self.counts.iter().take(SHOWN).map(|(op, n)| format!("{op} {n}")).collect();
        if self.counts.len() > SHOWN {
            ops.push("..".into());
        }
        let mut e = Error::new(first.code, format!("{} are not supported ({}): {}", nodes(all), ops.join(", "), first.message));
        for (k, n) in kinds.iter().skip(1).take(SHOWN) {
            let hint = k.hint.as_ref().filter(|h| Some(*h) != first.hint.as_ref()).map(|h| format!("; {h}")).unwrap_or_default();
            e.message += &format!("\n  {} as `{}`: {}{hint}", nodes(*n), k.node.as_deref().unwrap_or(""), k.message);
        }
        if kinds.len() > SHOWN + 1 {
            e.message += &format!("\n  and {} kinds more", kinds.len() - SHOWN - 1);
        }
        e.node.clone_from(&first.node);
        if let Some(h) = &first.hint {
            e = e.hint(h.clone());
        }
        Err(e)
    }
}
