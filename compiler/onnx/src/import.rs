//! From a decoded model to a graph: versions, names, order, types.

use crate::limits::Limits;
use crate::node::{Bound, Builder, Ctx, node_label};
use crate::ops::{MAX_OPSET, MIN_OPSET, import_node};
use crate::proto::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use crate::refusals::Refusals;
use crate::scan::scan_model;
use crate::source::{SideFiles, map_file};
use crate::tensor::{TensorReader, dtype_of};
use bytes::Bytes;
use mcompc_ir::{Code, DType, Error, Graph, Output, Result, Value};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// IR versions whose messages the reader knows in full.
const IR_VERSIONS: std::ops::RangeInclusive<i64> = 3..=14;

/// What the caller may say about a model.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Bounds on the file.
    pub limits: Limits,
    /// Sizes of symbolic dimensions (`--dim N=1`): the dimension's name, or `INPUT:AXIS` for one without a name.
    pub dims: Vec<(String, usize)>,
}

/// Reads a model and turns it into a graph of f32 operators with static shapes, named by the file's stem.
///
/// The file is mapped and must not be changed while the compiler runs. Weights stay slices of it. External data come from the model's
/// own directory only. Errors carry code, node or tensor name, and a hint; nothing in the file is ignored but documentation, metadata
/// and the shapes noted for inner tensors, which are inferred anew.
pub fn import(path: &Path, opts: &ImportOptions) -> Result<Graph> {
    let bytes = map_file(path, &opts.limits)?;
    import_model(bytes, Some(path), opts)
}

/// As [`import`], for a model in memory, named by its graph's name; it cannot have external data.
pub fn import_bytes(bytes: Bytes, opts: &ImportOptions) -> Result<Graph> {
    import_model(bytes, None, opts)
}

/// Checks and decodes the messages of a model without looking at their meaning.
pub fn decode_model(bytes: Bytes, limits: &Limits) -> Result<ModelProto> {
    if bytes.is_empty() {
        return Err(Error::new(Code::Truncated, "the file is empty").hint("give an ONNX model"));
    }
    scan_model(&bytes, limits)?;
    ModelProto::decode(bytes).map_err(|e| {
        Error::new(Code::Truncated, format!("not an ONNX model: {e}")).hint("compare the file with the original or export it again")
    })
}

fn import_model(bytes: Bytes, path: Option<&Path>, opts: &ImportOptions) -> Result<Graph> {
    let model = decode_model(bytes, &opts.limits)?;
    let opset = check_versions(&model)?;
    let graph = model.graph.as_ref().ok_or_else(|| bad_graph("the model has no graph".into()))?;
    check_graph_fields(graph)?;
    let reader = TensorReader { limits: &opts.limits, side: SideFiles::new(path, &opts.limits), folded: 0 };
    // Exporters write their own name into the graph; the file's name is the user's choice.
    let stem = path.and_then(|p| p.file_stem()?.to_str());
    let name = stem.or(graph.name.as_deref()).filter(|n| !n.is_empty()).unwrap_or("model");
    let mut b = Builder::new(name, reader);
    add_initializers(&mut b, graph)?;
    add_inputs(&mut b, graph, opts)?;
    let read: BTreeSet<&str> =
        graph.node.iter().flat_map(|n| &n.input).chain(graph.output.iter().flat_map(|o| &o.name)).map(String::as_str).collect();
    let mut refused = Refusals::default();
    for i in order(&b, graph)? {
        let node = &graph.node[i];
        let label = node_label(node);
        if refused.reads(node) {
            continue;
        }
        let computes = match check_node_outputs(node, &read) {
            Ok(computes) => computes,
            Err(e) if e.code == Code::UnsupportedOp => {
                // Of an operator that is refused anyway its other outputs are no matter.
                refused.add(node, crate::ops::refused(node).unwrap_or(e).at(label))?;
                continue;
            }
            Err(e) => return Err(e.at(label)),
        };
        if !computes {
            // What computes nothing must still be something known.
            if let Some(e) = crate::ops::refused(node) {
                refused.add(node, e.at(label))?;
            }
            continue;
        }
        let mut import = || import_node(&mut Ctx::new(node, label, opset, &mut b)?);
        if let Err(e) = import() {
            refused.add(node, e.at(label))?;
        }
    }
    refused.finish()?;
    add_outputs(&mut b, graph, opts)?;
    drop_unread_constants(&mut b.graph);
    Ok(b.graph)
}

fn bad_graph(message: String) -> Error {
    Error::new(Code::BadGraph, message).general_hint("the file is damaged or its exporter at fault; onnx.checker tells more")
}

/// The operator set of the default domain; other domains may be listed as long as no node uses them.
fn check_versions(model: &ModelProto) -> Result<i64> {
    let ir = model.ir_version.unwrap_or(0);
    if !IR_VERSIONS.contains(&ir) {
        return Err(Error::new(Code::UnsupportedOpset, format!("IR version {ir}")).hint(format!(
            "versions {} to {} are known; convert the model with a current onnx package",
            IR_VERSIONS.start(),
            IR_VERSIONS.end()
        )));
    }
    for (list, what) in [(&model.training_info, "training information"), (&model.configuration, "multi-device configurations")] {
        if !list.is_empty() {
            return Err(Error::new(Code::UnsupportedOp, format!("the model holds {what}")).hint("export it for inference on one device"));
        }
    }
    if let Some(f) = model.functions.first() {
        let name = f.name.as_deref().unwrap_or("");
        return Err(Error::new(Code::UnsupportedOp, format!("the model defines the function {name}"))
            .at(name)
            .hint("inline its functions (onnx.inliner) before compiling"));
    }
    let default: Vec<i64> = model
        .opset_import
        .iter()
        .filter(|o| matches!(o.domain.as_deref().unwrap_or(""), "" | "ai.onnx"))
        .map(|o| o.version.unwrap_or(0))
        .collect();
    match default[..] {
        [v] if (MIN_OPSET..=MAX_OPSET).contains(&v) => Ok(v),
        [v] => Err(Error::new(Code::UnsupportedOpset, format!("operator set {v}"))
            .hint(format!("sets {MIN_OPSET} to {MAX_OPSET} are supported; onnx.version_converter converts"))),
        _ => Err(bad_graph(format!("the default operator set is imported {} times", default.len()))),
    }
}

fn check_graph_fields(g: &GraphProto) -> Result<()> {
    if let Some(s) = g.sparse_initializer.first() {
        let name = s.values.as_ref().and_then(|v| v.name.as_deref()).unwrap_or("");
        return Err(Error::new(Code::UnsupportedType, "sparse initializers are not supported").at(name).hint("store the weights densely"));
    }
    if !g.quantization_annotation.is_empty() {
        return Err(Error::new(Code::UnsupportedOp, "quantization annotations are not supported")
            .hint("give the float model, the compiler quantizes it itself"));
    }
    Ok(())
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

fn add_initializers(b: &mut Builder<'_>, g: &GraphProto) -> Result<()> {
    for t in &g.initializer {
        let name = t.name.as_deref().unwrap_or("");
        if name.is_empty() {
            return Err(bad_graph("an initializer has no name".into()));
        }
        let tensor = b.reader.read(t)?;
        if b.names.insert(name.to_string(), Bound::Const(tensor)).is_some() {
            return Err(bad_graph(format!("two initializers are called `{name}`")).at(name));
        }
    }
    Ok(())
}

/// Declared element type and dimensions (`None`: symbolic and not bound).
fn declared(v: &ValueInfoProto, opts: &ImportOptions, used: &mut BTreeSet<String>) -> Result<(DType, Option<Vec<Dim>>)> {
    let name = v.name.as_deref().unwrap_or("");
    let t = v.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let t = t.ok_or_else(|| {
        Error::new(Code::UnsupportedType, "not a dense tensor").at(name).hint("sequences, maps and sparse tensors are not supported")
    })?;
    let dtype = dtype_of(t.elem_type.unwrap_or(0)).map_err(|e| e.at(name))?;
    let Some(shape) = &t.shape else { return Ok((dtype, None)) };
    Limits::check("dimensions of a tensor", shape.dim.len() as u64, opts.limits.dims as u64, "dims").map_err(|e| e.at(name))?;
    let mut dims = Vec::new();
    for (axis, d) in shape.dim.iter().enumerate() {
        let symbol = d.dim_param.as_deref().filter(|s| !s.is_empty()).map_or_else(|| format!("{name}:{axis}"), str::to_string);
        dims.push(match d.dim_value {
            Some(n) if n >= 1 => Dim::Size(usize::try_from(n).map_err(|_| bad_graph(format!("dimension {n}")).at(name))?),
            // Exporters write 0 or -1 for "any size".
            Some(n) if n < -1 => return Err(bad_graph(format!("dimension {n}")).at(name)),
            n => match opts.dims.iter().find(|(s, _)| *s == symbol) {
                Some(&(_, n)) => {
                    used.insert(symbol);
                    Dim::Size(n)
                }
                None => Dim::Symbol(symbol, n),
            },
        });
    }
    Ok((dtype, Some(dims)))
}

enum Dim {
    Size(usize),
    /// Not bound; the number that stands for it, if there is one, which is not positive.
    Symbol(String, Option<i64>),
}

/// Whether an input says which rows of something are taken.
fn indexes(g: &GraphProto, name: &str) -> bool {
    g.node.iter().any(|n| n.op_type.as_deref() == Some("Gather") && n.input.get(1).is_some_and(|x| x == name))
}

/// Graph inputs; an input with an initializer is a constant (IR version 3 lists every initializer as an input).
fn add_inputs(b: &mut Builder<'_>, g: &GraphProto, opts: &ImportOptions) -> Result<()> {
    let (mut seen, mut used) = (BTreeSet::new(), BTreeSet::new());
    for v in &g.input {
        let name = v.name.as_deref().unwrap_or("");
        if name.is_empty() || !seen.insert(name) {
            return Err(bad_graph(format!("two inputs are called `{name}`, or one has no name")).at(name));
        }
        let (dtype, dims) = declared(v, opts, &mut used)?;
        if let Some(Bound::Const(t)) = b.names.get(name) {
            let fits = |d: &[Dim]| d.len() == t.shape.len() && d.iter().zip(&t.shape).all(|(d, &n)| !matches!(d, Dim::Size(s) if *s != n));
            if t.dtype != dtype || dims.as_ref().is_some_and(|d| !fits(d)) {
                return Err(Error::new(
                    Code::BadTensor,
                    format!("the input is declared otherwise than its initializer, {}{:?}", t.dtype, t.shape),
                )
                .at(name)
                .hint("the file is damaged or its exporter at fault"));
            }
            continue;
        }
        let unbound = |what: &str, flag: &str| {
            Error::new(Code::UnboundDim, format!("input `{name}`: {what}"))
                .at(name)
                .hint(format!("give its size, for instance --dim {flag}=1"))
        };
        let dims = dims.ok_or_else(|| {
            Error::new(Code::UnboundDim, format!("input `{name}` has no shape"))
                .at(name)
                .hint("declare its dimensions in the model (onnx.tools.update_model_dims)")
        })?;
        let shape = dims
            .into_iter()
            .map(|d| match d {
                Dim::Size(n) => Ok(n),
                Dim::Symbol(s, Some(n)) => {
                    let e = unbound(&format!("dimension `{s}` is {n}, which is no size"), &s);
                    let as_is = "if it is a placeholder";
                    Err(Error { hint: e.hint.map(|h| format!("{as_is}, {h}; a tensor without elements cannot be computed with")), ..e })
                }
                Dim::Symbol(s, None) => Err(unbound(&format!("dimension `{s}` is symbolic"), &s)),
            })
            .collect::<Result<Vec<_>>>()?;
        let elements = opts.limits.elements_of(&shape).map_err(|e| e.at(name))?;
        if elements == 0 {
            return Err(Error::new(Code::BadShape, format!("input of shape {shape:?} has no elements"))
                .at(name)
                .hint("bind dimensions to 1 or more"));
        }
        if matches!(dtype, DType::I8 | DType::U8)
            && let Some(q) = crate::ops::quantized::of_input(b, g, name, dtype)?
        {
            crate::ops::quantized::add_input(b, name, shape, &q)?;
            continue;
        }
        if matches!(dtype, DType::I32 | DType::I64) && indexes(g, name) {
            b.add_input(Value::new(name, DType::I32, shape));
            continue;
        }
        if dtype != DType::F32 {
            return Err(Error::new(Code::UnsupportedType, format!("input is {dtype}, expected f32"))
                .at(name)
                .hint("the compiler takes 32-bit float models and makes the integers itself; --input says what callers have"));
        }
        b.add_input(Value::new(name, dtype, shape));
    }
    if let Some((s, _)) = opts.dims.iter().find(|(s, _)| !used.contains(s)) {
        let hint = match used.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => {
                "every size of the model's inputs is a number already; leave --dim out, or change the model (onnx.tools.update_model_dims)"
                    .into()
            }
            ref names => format!("the symbolic dimensions are {}", names.join(", ")),
        };
        return Err(Error::new(Code::Usage, format!("--dim {s}: no input has a symbolic dimension of this name")).hint(hint));
    }
    Ok(())
}

/// Positions of the nodes, producers first; among the ready ones the first in the file.
///
/// `E104` for a tensor that is defined twice or never, and for a cycle (naming a node on it).
fn order(b: &Builder<'_>, g: &GraphProto) -> Result<Vec<usize>> {
    let mut producer: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, n) in g.node.iter().enumerate() {
        for o in n.output.iter().filter(|o| !o.is_empty()) {
            if b.names.contains_key(o) || producer.insert(o, i).is_some() {
                return Err(bad_graph(format!("tensor `{o}` is defined twice")).at(node_label(n)));
            }
        }
    }
    let mut missing = vec![0usize; g.node.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); g.node.len()];
    for (i, n) in g.node.iter().enumerate() {
        for x in n.input.iter().filter(|x| !x.is_empty()) {
            match producer.get(x.as_str()) {
                Some(&p) => {
                    readers[p].push(i);
                    missing[i] += 1;
                }
                None if b.names.contains_key(x) => {}
                None => return Err(bad_graph(format!("input `{x}` is defined nowhere")).at(node_label(n))),
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..g.node.len()).filter(|&i| missing[i] == 0).collect();
    let mut sorted = Vec::with_capacity(g.node.len());
    while let Some(i) = ready.pop_first() {
        sorted.push(i);
        for &r in &readers[i] {
            missing[r] -= 1;
            if missing[r] == 0 {
                ready.insert(r);
            }
        }
    }
    match (0..g.node.len()).find(|&i| missing[i] > 0) {
        None => Ok(sorted),
        Some(stuck) => {
            let on = on_cycle(g, &producer, &missing, stuck);
            Err(Error::new(Code::BadGraph, "the graph has a cycle through this node")
                .at(node_label(&g.node[on]))
                .hint("an ONNX graph must be acyclic; export the model again"))
        }
    }
}

/// A node on a cycle, found by walking from a stuck node to stuck producers until one comes again.
fn on_cycle(g: &GraphProto, producer: &BTreeMap<&str, usize>, missing: &[usize], mut at: usize) -> usize {
    let mut seen = BTreeSet::new();
    while seen.insert(at) {
        let next = g.node[at].input.iter().filter_map(|x| producer.get(x.as_str()).copied()).find(|&p| missing[p] > 0);
        at = next.unwrap_or(at);
    }
    at
}

/// Graph outputs, checked against their declared type and shape.
fn add_outputs(b: &mut Builder<'_>, g: &GraphProto, opts: &ImportOptions) -> Result<()> {
    if g.output.is_empty() {
        return Err(bad_graph("the graph has no output".into()));
    }
    let mut seen = BTreeSet::new();
    for v in &g.output {
        let name = v.name.as_deref().unwrap_or("");
        if name.is_empty() || !seen.insert(name) {
            return Err(bad_graph(format!("two outputs are called `{name}`, or one has no name")).at(name));
        }
        let (dtype, dims) = declared(v, opts, &mut BTreeSet::new())?;
        let value = b.value_of(name)?;
        let got = b.graph.value(value);
        let fits = |d: &[Dim]| d.len() == got.shape.len() && d.iter().zip(&got.shape).all(|(d, &n)| !matches!(d, Dim::Size(s) if *s != n));
        // Codes in the file are reals here.
        let codes = b.codes.get(name).map(|q| q.codes.dtype());
        if codes.unwrap_or(got.dtype) != dtype || dims.as_ref().is_some_and(|d| !fits(d)) {
            return Err(Error::new(
                Code::BadShape,
                format!("the graph computes {}{:?}, the output is declared otherwise", got.dtype, got.shape),
            )
            .at(name)
            .hint("correct the output's declaration (onnx.tools.update_model_dims)"));
        }
        b.graph.outputs.push(Output { name: name.into(), value });
    }
    Ok(())
}

/// Constants that were read while importing (shapes, bounds, scaled weights) and by no operator.
fn drop_unread_constants(g: &mut Graph) {
    for id in g.ids() {
        let v = g.out(id);
        if g.node(id).tensor.is_some() && g.users(v).is_empty() && !g.is_output(v) {
            g.remove_node(id);
        }
    }
}
