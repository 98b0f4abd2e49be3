//! A part of a model: from tensors that are given to tensors that are wanted. What lies behind, or in front, is left to the caller.

use crate::body::reads;
use crate::proto::{GraphProto, ValueInfoProto};
use mcompc_ir::{Code, Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Which part of a model is meant; empty lists mean the model's own inputs and outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Tensors that are given, in the order of the inputs.
    pub inputs: Vec<String>,
    /// Tensors that are wanted, in the order of the outputs.
    pub outputs: Vec<String>,
}

impl Cut {
    /// Whether the whole model is meant.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.outputs.is_empty()
    }
}

/// Names in an error.
const NAMED: usize = 12;

fn no_tensor(flag: &str, name: &str, there: impl Iterator<Item = String>) -> Error {
    let mut all: Vec<String> = there.collect();
    // The nearest first: those that share the longest beginning.
    let shared = |s: &str| s.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    all.sort_by_key(|s| std::cmp::Reverse(shared(s)));
    let more = if all.len() > NAMED { ", .." } else { "" };
    all.truncate(NAMED);
    Error::new(Code::Usage, format!("--{flag}: the model has no tensor `{name}`")).hint(format!("there are: {}{more}", all.join(", ")))
}

/// The graph between them: its nodes are those that the outputs need.
///
/// # Errors
/// `Usage` for names that the model does not have, and outputs that need more than is given; `E106` for an inner input of unknown shape.
pub(crate) fn cut(g: &GraphProto, cut: &Cut) -> Result<GraphProto> {
    let mut out = g.clone();
    let named = |v: &ValueInfoProto| v.name.clone().unwrap_or_default();
    let producer: BTreeMap<&str, usize> =
        g.node.iter().enumerate().flat_map(|(i, n)| n.output.iter().map(move |o| (o.as_str(), i))).filter(|(o, _)| !o.is_empty()).collect();
    let constants: BTreeSet<&str> = g.initializer.iter().filter_map(|t| t.name.as_deref()).collect();
    let inputs: BTreeSet<String> = g.input.iter().map(named).filter(|n| !constants.contains(n.as_str())).collect();
    if !cut.outputs.is_empty() {
        out.output.clear();
        for name in &cut.outputs {
            if !producer.contains_key(name.as_str()) && !inputs.contains(name) {
                return Err(no_tensor("outputs", name, producer.keys().map(|k| (*k).to_string())));
            }
            let declared = g.output.iter().find(|v| v.name.as_ref() == Some(name)).cloned();
            // Types of inner tensors are inferred.
            out.output.push(declared.unwrap_or(ValueInfoProto { name: Some(name.clone()), ..Default::default() }));
        }
    }
    let given: BTreeSet<&str> =
        if cut.inputs.is_empty() { inputs.iter().map(String::as_str).collect() } else { cut.inputs.iter().map(String::as_str).collect() };
    for name in &cut.inputs {
        if !producer.contains_key(name.as_str()) && !inputs.contains(name) {
            return Err(no_tensor("inputs", name, inputs.iter().cloned().chain(producer.keys().map(|k| (*k).to_string()))));
        }
    }
    let (mut needed, mut read) = (BTreeSet::new(), BTreeSet::new());
    let mut open: Vec<String> = out.output.iter().map(named).collect();
    while let Some(name) = open.pop() {
        if !read.insert(name.clone()) || given.contains(name.as_str()) || constants.contains(name.as_str()) {
            continue;
        }
        match producer.get(name.as_str()) {
            Some(&i) if needed.insert(i) => open.extend(reads(&g.node[i]).into_iter().map(str::to_string)),
            Some(_) => {}
            None if inputs.contains(&name) => {
                return Err(Error::new(Code::Usage, format!("--inputs leaves out `{name}`, which the outputs need"))
                    .hint("name it, too, or name a tensor behind it"));
            }
            // A body's own name, or a defect that the import finds.
            None => {}
        }
    }
    out.node = needed.into_iter().map(|i| g.node[i].clone()).collect();
    let declared = |name: &str| g.input.iter().chain(&g.value_info).find(|v| v.name.as_deref() == Some(name)).cloned();
    let wanted: Vec<String> = if cut.inputs.is_empty() {
        g.input.iter().map(named).filter(|n| read.contains(n) || constants.contains(n.as_str())).collect()
    } else {
        cut.inputs.clone()
    };
    out.input = wanted
        .iter()
        .map(|name| {
            declared(name).ok_or_else(|| {
                Error::new(Code::UnboundDim, format!("--inputs: the model does not say of which type and shape `{name}` is"))
                    .at(name)
                    .hint("onnx.shape_inference.infer_shapes adds that to the file")
            })
        })
        .collect::<Result<_>>()?;
    Ok(out)
}
