//! Bodies that are laid out more than once: the iterations of a Loop or a Scan, and both branches of an If whose condition is computed.

use crate::attrs::NodeAttrs;
use crate::body::{Body, bad_graph, graph_of};
use crate::node::{Bound, node_label, shown};
use crate::proto::{AttributeProto, NodeProto, attr_type};
use crate::scope::Scope;
use mcompc_ir::{Code, DType, Error, Result, Tensor};
use std::collections::BTreeSet;

/// Iterations, which are laid out one behind the other.
const ITERATIONS: i64 = 1 << 8;

fn refused(what: &str, hint: &str) -> Error {
    Error::new(Code::UnsupportedOp, format!("{what} is not supported")).hint(hint)
}

fn too_many(op: &str) -> Error {
    refused(&format!("{op} of more than {ITERATIONS} iterations"), "iterations are laid out one behind the other")
}

impl Scope<'_, '_> {
    /// Imports a node that stands for a part of another.
    pub(crate) fn part(&mut self, label: &str, op: &str, input: Vec<String>, output: &str, attribute: Vec<AttributeProto>) -> Result<()> {
        let node = NodeProto {
            input,
            output: vec![output.to_string()],
            name: Some(label.to_string()),
            op_type: Some(op.to_string()),
            attribute,
            ..NodeProto::default()
        };
        self.spend(1)?;
        self.node(&node, &BTreeSet::from([output]))
    }

    /// A constant of integers under a name of its own.
    pub(crate) fn whole(&mut self, label: &str, shape: &[usize], v: &[i64]) -> Result<String> {
        let name = self.b.own_name(label);
        self.b.reader.materialise(8 * v.len() as u64)?;
        self.b.names.insert(name.clone(), Bound::Const(Tensor::from_i64(shape, v)?));
        Ok(name)
    }

    /// An If whose condition is computed: both branches, and of each result the one that the condition chooses.
    pub(crate) fn both(&mut self, n: &NodeProto) -> Result<bool> {
        let condition = n.input.first().cloned().unwrap_or_default();
        if self.b.kind(&condition) != Some(DType::Bool) {
            return Ok(false);
        }
        let label = node_label(n);
        if self.b.shape_of(&condition).is_none_or(|s| s.iter().any(|&d| d != 1)) {
            return Err(bad_graph(format!("`{condition}` of several elements as the condition of an If")));
        }
        // Of whatever rank it is, the result has that of the branches.
        let truth = self.b.own_name(&format!("{label}/condition"));
        self.part(label, "Squeeze", vec![condition], &truth, Vec::new())?;
        let mut results = Vec::new();
        for name in ["then_branch", "else_branch"] {
            let g = graph_of(n, name).ok_or_else(|| bad_graph(format!("If without {name}")))?;
            results.push(self.body(&Body::of(g), label, &[], self.opset)?);
        }
        let [yes, no] = &results[..] else { return Ok(false) };
        if yes.len() != n.output.len() || no.len() != n.output.len() {
            return Err(bad_graph(format!("an If of {} outputs whose branches have {} and {}", n.output.len(), yes.len(), no.len())));
        }
        for (out, (a, b)) in n.output.iter().zip(yes.iter().zip(no)).filter(|(o, _)| !o.is_empty()) {
            if self.refused.lost(a) || self.refused.lost(b) {
                self.refused.lose_name(out);
                continue;
            }
            let shapes = (self.b.shape_of(a), self.b.shape_of(b));
            if shapes.0.is_none() || shapes.0 != shapes.1 {
                return Err(refused(
                    "an If of a computed condition whose branches give unlike shapes",
                    "every size is fixed at compile time: export the branch that is meant",
                ));
            }
            self.part(label, "Where", vec![truth.clone(), a.clone(), b.clone()], out, Vec::new())?;
        }
        Ok(true)
    }

    /// What iterations collect, one behind the other along `axis`, as the tensor `out`.
    pub(crate) fn collected(&mut self, label: &str, rows: &[String], axis: i64, out: &str) -> Result<()> {
        if rows.iter().any(|r| self.refused.lost(r)) {
            self.refused.lose_name(out);
            return Ok(());
        }
        let integer =
            |name: &str, v| AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INT), i: Some(v), ..Default::default() };
        let list =
            |name: &str, v| AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INTS), ints: vec![v], ..Default::default() };
        let mut wide = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            let name = self.b.own_name(&format!("{}/{i}", shown(out)));
            if self.opset >= 13 {
                let at = self.whole("axes", &[1], &[axis])?;
                self.part(label, "Unsqueeze", vec![row.clone(), at], &name, Vec::new())?;
            } else {
                self.part(label, "Unsqueeze", vec![row.clone()], &name, vec![list("axes", axis)])?;
            }
            wide.push(name);
        }
        self.part(label, "Concat", wide, out, vec![integer("axis", axis)])
    }

    pub(crate) fn repeat(&mut self, n: &NodeProto) -> Result<bool> {
        let g = graph_of(n, "body").ok_or_else(|| bad_graph("Loop without a body".into()))?;
        let given = |i: usize| n.input.get(i).is_some_and(|x| !x.is_empty());
        let (count, first) = (self.integer(n, 0), self.integer(n, 1));
        if given(0) && count.is_none() || given(1) && first.is_none() || !given(0) && !given(1) {
            return Ok(false);
        }
        let carried: Vec<&String> = n.input.iter().skip(2).collect();
        let (states, body) = (carried.len(), Body::of(g));
        if g.input.len() != states + 2 || body.outputs.len() < states + 1 || n.output.len() > body.outputs.len() - 1 {
            return Err(bad_graph("Loop whose body has other inputs or outputs than it needs".into()));
        }
        let mut values: Vec<String> = carried.into_iter().cloned().collect();
        let mut rows: Vec<Vec<String>> = vec![Vec::new(); body.outputs.len() - 1 - states];
        let (mut i, mut go_on) = (0, first != Some(0));
        while go_on && count.is_none_or(|c| i < c) {
            if i == ITERATIONS {
                return Err(too_many("Loop"));
            }
            let prefix = format!("{}/{i}", node_label(n));
            let (number, condition) = (self.b.own_name(&format!("{prefix}/iteration")), self.b.own_name(&format!("{prefix}/condition")));
            self.b.names.insert(number.clone(), Bound::Const(Tensor::from_i64(Vec::new(), &[i])?));
            self.b.names.insert(condition.clone(), Bound::Const(Tensor::new(DType::Bool, Vec::new(), vec![1].into())?));
            let names = [number, condition].into_iter().chain(values);
            let given: Vec<(&str, String)> = g.input.iter().map(|v| v.name.as_deref().unwrap_or("")).zip(names).collect();
            let outputs = self.body(&body, &prefix, &given, self.opset)?;
            let next = self.b.known(&outputs[0]).filter(|t| t.elems() == 1);
            let Some(next) = next else {
                return Err(refused(
                    "Loop whose condition is computed at run time",
                    "the number of iterations must be known while compiling",
                ));
            };
            go_on = next.to_i64_vec()?[0] != 0;
            values = outputs[1..=states].to_vec();
            rows.iter_mut().zip(&outputs[states + 1..]).for_each(|(all, o)| all.push(o.clone()));
            i += 1;
        }
        if i == 0 && n.output.iter().skip(states).any(|o| !o.is_empty()) {
            return Err(refused("Loop without iterations that collects values", "tensors without elements cannot be computed with"));
        }
        n.output.iter().zip(&values).try_for_each(|(o, from)| self.stand(o, from))?;
        for (out, rows) in n.output.iter().skip(states).zip(&rows).filter(|(o, _)| !o.is_empty()) {
            self.collected(node_label(n), rows, 0, out)?;
        }
        Ok(true)
    }

    /// Scan 9, 11, 16, ..: a body for every element of the scanned tensors along an axis.
    pub(crate) fn scan(&mut self, n: &NodeProto) -> Result<bool> {
        if self.opset < 9 {
            return Ok(false);
        }
        let g = graph_of(n, "body").ok_or_else(|| bad_graph("Scan without a body".into()))?;
        let own: Vec<AttributeProto> = n.attribute.iter().filter(|a| a.name.as_deref() != Some("body")).cloned().collect();
        let plain = NodeProto { attribute: own, ..n.clone() };
        let attrs = NodeAttrs::new(&plain)?;
        let scanned = usize::try_from(attrs.int_or("num_scan_inputs", 0)?).unwrap_or(0);
        let body = Body::of(g);
        let Some(states) = n.input.len().checked_sub(scanned).filter(|s| scanned > 0 && body.outputs.len() >= *s) else {
            return Err(bad_graph("Scan whose body has other inputs or outputs than it needs".into()));
        };
        let collects = body.outputs.len() - states;
        if g.input.len() != n.input.len() || n.output.len() > body.outputs.len() {
            return Err(bad_graph("Scan whose body has other inputs or outputs than it needs".into()));
        }
        let numbers = |name: &str, n: usize| -> Result<Vec<i64>> {
            match attrs.ints(name)? {
                None | Some([]) => Ok(vec![0; n]),
                Some(v) if v.len() == n => Ok(v.to_vec()),
                Some(v) => Err(bad_graph(format!("{name} of {} numbers for {n}", v.len()))),
            }
        };
        let (axes, ways) = (numbers("scan_input_axes", scanned)?, numbers("scan_input_directions", scanned)?);
        let (out_axes, out_ways) = (numbers("scan_output_axes", collects)?, numbers("scan_output_directions", collects)?);
        attrs.finish("Scan", self.opset)?;
        let mut steps = None;
        for (name, axis) in n.input[states..].iter().zip(&axes) {
            let shape = self.b.shape_of(name).ok_or_else(|| bad_graph(format!("tensor `{name}` is not defined")))?;
            let at = if *axis < 0 { axis + shape.len() as i64 } else { *axis };
            let have = usize::try_from(at).ok().and_then(|a| shape.get(a).copied());
            if have.is_none() || steps.is_some_and(|s| Some(s) != have) {
                return Err(bad_graph(format!("`{name}` of shape {shape:?} is scanned along axis {axis}")));
            }
            steps = have;
        }
        let steps = steps.unwrap_or(0) as i64;
        if steps > ITERATIONS {
            return Err(too_many("Scan"));
        }
        let label = node_label(n);
        let mut values = n.input[..states].to_vec();
        let mut rows: Vec<Vec<String>> = vec![Vec::new(); collects];
        for i in 0..steps {
            let prefix = format!("{label}/{i}");
            let mut parts = Vec::new();
            for (k, name) in n.input[states..].iter().enumerate() {
                let at = if ways[k] == 1 { steps - 1 - i } else { i };
                let (index, part) = (self.whole("at", &[], &[at])?, self.b.own_name(&format!("{prefix}/{k}/part")));
                let axis =
                    AttributeProto { name: Some("axis".into()), r#type: Some(attr_type::INT), i: Some(axes[k]), ..Default::default() };
                self.part(&prefix, "Gather", vec![name.clone(), index], &part, vec![axis])?;
                parts.push(part);
            }
            let names = values.into_iter().chain(parts);
            let given: Vec<(&str, String)> = g.input.iter().map(|v| v.name.as_deref().unwrap_or("")).zip(names).collect();
            let outputs = self.body(&body, &prefix, &given, self.opset)?;
            values = outputs[..states].to_vec();
            rows.iter_mut().zip(&outputs[states..]).for_each(|(all, o)| all.push(o.clone()));
        }
        n.output.iter().zip(&values).try_for_each(|(o, from)| self.stand(o, from))?;
        for (k, out) in n.output.iter().skip(states).enumerate().filter(|(_, o)| !o.is_empty()) {
            if out_ways[k] == 1 {
                rows[k].reverse();
            }
            self.collected(label, &rows[k], out_axes[k], out)?;
        }
        Ok(true)
    }
}
