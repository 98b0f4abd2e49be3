//! Sequences of tensors: lists of names while importing, of which the graph holds nothing. Lengths and places must be known.

use crate::attrs::NodeAttrs;
use crate::body::bad_graph;
use crate::limits::Limits;
use crate::node::{Bound, node_label, shown};
use crate::proto::{AttributeProto, NodeProto, attr_type};
use crate::scope::Scope;
use mcompc_ir::{Code, Error, Result, Tensor};

fn integer(name: &str, v: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INT), i: Some(v), ..Default::default() }
}

impl Scope<'_, '_> {
    /// Imports a node that makes, changes or reads a sequence; false for any other.
    pub(crate) fn sequence(&mut self, n: &NodeProto) -> Result<bool> {
        let op = n.op_type.as_deref().unwrap_or("");
        let name = |i: usize| n.input.get(i).cloned().unwrap_or_default();
        let known = self.b.sequences.get(&name(0)).cloned();
        let out = n.output.first().cloned().unwrap_or_default();
        let attrs = NodeAttrs::new(n)?;
        let made = match (op, known) {
            ("SequenceEmpty", _) => {
                attrs.int("dtype")?;
                Vec::new()
            }
            ("SequenceConstruct", _) => n.input.clone(),
            ("SplitToSequence", _) => self.split(n, &attrs)?,
            ("SequenceInsert", Some(mut all)) => {
                let at = self.place(n, 2, all.len() + 1, all.len())?;
                all.insert(at, name(1));
                all
            }
            ("SequenceErase", Some(mut all)) => {
                let at = self.place(n, 1, all.len(), all.len().saturating_sub(1))?;
                if at < all.len() {
                    all.remove(at);
                }
                all
            }
            ("Identity", Some(all)) => all,
            ("SequenceAt", Some(all)) => {
                let at = self.place(n, 1, all.len(), usize::MAX)?;
                let Some(of) = all.get(at) else { return Err(bad_graph(format!("element {at} of a sequence of {}", all.len()))) };
                attrs.finish(op, self.opset)?;
                self.stand(&out, of)?;
                return Ok(true);
            }
            ("SequenceLength", Some(all)) => {
                attrs.finish(op, self.opset)?;
                self.b.names.insert(out, Bound::Const(Tensor::from_i64(Vec::new(), &[all.len() as i64])?));
                return Ok(true);
            }
            ("ConcatFromSequence", Some(all)) => {
                let axis = attrs.int("axis")?.ok_or_else(|| bad_graph("ConcatFromSequence without an axis".into()))?;
                let fresh = attrs.flag("new_axis", false)?;
                attrs.finish(op, self.opset)?;
                if all.is_empty() {
                    return Err(Error::new(Code::UnsupportedOp, "an empty sequence as a tensor is not supported")
                        .hint("tensors without elements cannot be computed with"));
                }
                if fresh {
                    self.collected(node_label(n), &all, axis, &out)?;
                } else {
                    self.part(node_label(n), "Concat", all, &out, vec![integer("axis", axis)])?;
                }
                return Ok(true);
            }
            _ => return Ok(false),
        };
        attrs.finish(op, self.opset)?;
        self.b.sequences.insert(out, made);
        Ok(true)
    }

    /// The place that input `i` names, below `end`; negative ones count from the last of `end - 1` or so many elements. `default` without it.
    fn place(&self, n: &NodeProto, i: usize, end: usize, default: usize) -> Result<usize> {
        if n.input.get(i).is_none_or(String::is_empty) && default != usize::MAX {
            return Ok(default);
        }
        let op = n.op_type.as_deref().unwrap_or("");
        let Some(at) = self.integer(n, i) else {
            return Err(Error::new(Code::UnsupportedOp, format!("{op} at a place that is computed at run time is not supported"))
                .hint("sequences are taken apart while compiling: every place must be known"));
        };
        // An insertion counts from behind the last element, as others do.
        let length = if op == "SequenceInsert" { end as i64 - 1 } else { end as i64 };
        let at = if at < 0 { at + length } else { at };
        usize::try_from(at).ok().filter(|&at| at < end).ok_or_else(|| bad_graph(format!("{op} at {at} of a sequence of {length}")))
    }

    /// SplitToSequence 11, 24: parts of a size, of given sizes, or single elements, with or without their dimension.
    fn split(&mut self, n: &NodeProto, attrs: &NodeAttrs<'_>) -> Result<Vec<String>> {
        let (x, label) = (n.input.first().cloned().unwrap_or_default(), node_label(n));
        let out = n.output.first().map_or("", |o| shown(o)).to_string();
        let axis = attrs.int_or("axis", 0)?;
        let kept = attrs.flag("keepdims", true)?;
        let shape = self.b.shape_of(&x).ok_or_else(|| bad_graph(format!("tensor `{x}` is not defined")))?;
        let at = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let Some(&size) = usize::try_from(at).ok().and_then(|a| shape.get(a)) else {
            return Err(bad_graph(format!("axis {axis} of a tensor of shape {shape:?}")));
        };
        // Before anything is laid out for each.
        Limits::check("nodes", size as u64, self.b.limits().nodes as u64, "nodes")?;
        let size = size as i64;
        let given = n.input.get(1).filter(|x| !x.is_empty());
        let sizes: Vec<i64> = match given {
            None => vec![1; size as usize],
            Some(name) => {
                let Some(t) = self.b.known(name) else {
                    return Err(Error::new(
                        Code::UnsupportedAttr,
                        "SplitToSequence of sizes that are computed at run time is not supported",
                    )
                    .hint("sizes are fixed at compile time"));
                };
                let v = t.to_i64_vec()?;
                match v[..] {
                    [one] if t.shape.is_empty() && one > 0 => (0..size).step_by(one as usize).map(|from| one.min(size - from)).collect(),
                    _ => v,
                }
            }
        };
        if sizes.iter().any(|&s| s < 1) || sizes.iter().try_fold(0i64, |a, &s| a.checked_add(s)) != Some(size) {
            return Err(bad_graph(format!("parts of {sizes:?} of {size} elements")));
        }
        let mut names = Vec::new();
        let mut from = 0;
        for (i, s) in sizes.iter().enumerate() {
            let part = self.b.own_name(&format!("{out}/{i}"));
            if kept || given.is_some() {
                let at: Vec<i64> = (from..from + s).collect();
                let index = self.whole("at", &[at.len()], &at)?;
                self.part(label, "Gather", vec![x.clone(), index], &part, vec![integer("axis", axis)])?;
            } else {
                let index = self.whole("at", &[], &[from])?;
                self.part(label, "Gather", vec![x.clone(), index], &part, vec![integer("axis", axis)])?;
            }
            from += s;
            names.push(part);
        }
        Ok(names)
    }
}
