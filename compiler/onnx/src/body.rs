//! Bodies of nodes that stand for a node: the branches of an If, the body of a Loop, functions of the model.

use crate::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto, attr_type};
use mcompc_ir::{Code, Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// A body of nodes: what it calls its inputs, and which of its names are results.
pub(crate) struct Body<'a> {
    pub(crate) nodes: &'a [NodeProto],
    pub(crate) graph: Option<&'a GraphProto>,
    pub(crate) outputs: Vec<&'a str>,
}

impl<'a> Body<'a> {
    pub(crate) fn of(g: &'a GraphProto) -> Self {
        let outputs = g.output.iter().map(|o| o.name.as_deref().unwrap_or("")).collect();
        Self { nodes: &g.node, graph: Some(g), outputs }
    }
    /// Names that the body itself gives.
    pub(crate) fn own(&self) -> impl Iterator<Item = &'a str> {
        let constants = self.graph.into_iter().flat_map(|g| &g.initializer).filter_map(|t| t.name.as_deref());
        self.nodes.iter().flat_map(|n| &n.output).map(String::as_str).chain(constants).filter(|n| !n.is_empty())
    }
}

/// Renames what `map` holds in a node, and in the bodies that it has where they do not give the name anew.
pub(crate) fn rename(n: &mut NodeProto, map: &BTreeMap<String, String>) {
    let new = |x: &mut String| {
        if let Some(to) = map.get(x.as_str()) {
            x.clone_from(to);
        }
    };
    n.input.iter_mut().for_each(new);
    n.output.iter_mut().for_each(new);
    for a in &mut n.attribute {
        a.g.iter_mut().map(AsMut::as_mut).chain(&mut a.graphs).for_each(|g| rename_graph(g, map));
    }
}

fn rename_graph(g: &mut GraphProto, map: &BTreeMap<String, String>) {
    let given: BTreeSet<String> = {
        let inputs = g.input.iter().filter_map(|v| v.name.clone());
        inputs.chain(Body::of(g).own().map(str::to_string)).collect()
    };
    let map: BTreeMap<String, String> = map.iter().filter(|(k, _)| !given.contains(*k)).map(|(k, v)| (k.clone(), v.clone())).collect();
    if map.is_empty() {
        return;
    }
    g.node.iter_mut().for_each(|n| rename(n, &map));
    for o in &mut g.output {
        if let Some(to) = o.name.as_ref().and_then(|n| map.get(n)) {
            o.name = Some(to.clone());
        }
    }
}

/// What a node reads: its inputs, and what its bodies take from around them.
pub(crate) fn reads(n: &NodeProto) -> Vec<&str> {
    let mut out: Vec<&str> = n.input.iter().map(String::as_str).filter(|x| !x.is_empty()).collect();
    for g in n.attribute.iter().flat_map(|a| a.g.iter().map(AsRef::as_ref).chain(&a.graphs)) {
        let body = Body::of(g);
        let given: BTreeSet<&str> = body.own().chain(g.input.iter().filter_map(|v| v.name.as_deref())).collect();
        let inner = body.nodes.iter().flat_map(reads).chain(body.outputs.iter().copied());
        out.extend(inner.filter(|x| !x.is_empty() && !given.contains(x)));
    }
    out
}

/// `E104` for what the standard does not allow.
pub(crate) fn bad_graph(what: String) -> Error {
    Error::new(Code::BadGraph, what).general_hint("the file is damaged or its exporter at fault; onnx.checker tells more")
}

/// The body that a node has under a name.
pub(crate) fn graph_of<'a>(n: &'a NodeProto, name: &str) -> Option<&'a GraphProto> {
    let a = n.attribute.iter().find(|a| a.name.as_deref() == Some(name) && a.r#type == Some(attr_type::GRAPH))?;
    a.g.as_deref()
}

/// Puts the attributes of a call in place of the references that a node of the function's body has; its bodies included.
pub(crate) fn with_attributes(inner: &mut NodeProto, call: &NodeProto, f: &FunctionProto) -> Result<()> {
    let mut list = Vec::new();
    for a in std::mem::take(&mut inner.attribute) {
        let Some(reference) = a.ref_attr_name.clone().filter(|r| !r.is_empty()) else {
            let mut a = a;
            for g in a.g.iter_mut().map(AsMut::as_mut).chain(&mut a.graphs) {
                g.node.iter_mut().try_for_each(|n| with_attributes(n, call, f))?;
            }
            list.push(a);
            continue;
        };
        let named = |x: &&AttributeProto| x.name.as_deref() == Some(&reference);
        // One that the call does not have and that has no default is not there.
        if let Some(v) = call.attribute.iter().find(named).or_else(|| f.attribute_proto.iter().find(named)) {
            list.push(AttributeProto { name: a.name, ref_attr_name: None, ..v.clone() });
        } else if !f.attribute.contains(&reference) {
            return Err(bad_graph(format!("attribute `{reference}` of the function is not declared")));
        }
    }
    inner.attribute = list;
    Ok(())
}
