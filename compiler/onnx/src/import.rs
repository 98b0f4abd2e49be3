//! From a decoded model to a graph: versions, names, order, types.

use crate::body::bad_graph;
use crate::choice::choice;
use crate::cut::Cut;
use crate::dtype::is_float;
use crate::limits::Limits;
use crate::node::{Bound, Builder, plain};
use crate::ops::check_opset;
use crate::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use crate::refusals::Refusals;
use crate::scan::scan_model;
use crate::scope::Scope;
use crate::source::{SideFiles, map_file};
use crate::tensor::TensorReader;
use bytes::Bytes;
use mcompc_ir::{Code, Codes, DType, Error, Graph, Output, Quant, Result, Tensor, Value};
use prost::Message;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// IR versions whose messages the reader knows in full.
const IR_VERSIONS: std::ops::RangeInclusive<i64> = 3..=14;

/// What the caller may say about a model.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Bounds on the file.
    pub limits: Limits,
    /// Sizes of symbolic dimensions (`--dim N=1`): the dimension's name, or `INPUT:AXIS` for one without a name. An integer input of this name is
    /// no input but this number: a sampling rate, a switch. One that is called as a dimension is stays an input.
    pub dims: Vec<(String, usize)>,
    /// Which part of the model is meant (`--inputs`, `--outputs`).
    pub cut: Cut,
}

/// Reads a model and turns it into a graph of f32 operators with static shapes, named by the file's stem.
///
/// The file is mapped and must not be changed while the compiler runs. Weights stay slices of it. External data come from the model's
/// own directory only. Errors carry code, node or tensor name, and a hint; nothing in the file is ignored but documentation, metadata
/// and the shapes noted for inner tensors and outputs, which are inferred anew.
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

/// The files beside a model that hold its external data, whether or not anything reads them.
///
/// # Errors
/// As [`import`] for a file that cannot be read or decoded.
pub fn external_files(path: &Path, limits: &Limits) -> Result<BTreeSet<PathBuf>> {
    let model = decode_model(map_file(path, limits)?, limits)?;
    let mut names = BTreeSet::new();
    model.graph.iter().for_each(|g| of_graph(g, &mut names));
    model.functions.iter().for_each(|f| of_nodes(&f.node, &mut names));
    Ok(names.into_iter().map(|n| path.with_file_name(n)).collect())
}

fn of_graph(g: &GraphProto, names: &mut BTreeSet<String>) {
    g.initializer.iter().for_each(|t| of_tensor(t, names));
    of_nodes(&g.node, names);
}

fn of_nodes(nodes: &[NodeProto], names: &mut BTreeSet<String>) {
    for a in nodes.iter().flat_map(|n| &n.attribute) {
        a.t.iter().map(AsRef::as_ref).chain(&a.tensors).for_each(|t| of_tensor(t, names));
        a.g.iter().map(AsRef::as_ref).chain(&a.graphs).for_each(|g| of_graph(g, names));
    }
}

fn of_tensor(t: &TensorProto, names: &mut BTreeSet<String>) {
    let locations = t.external_data.iter().filter(|e| e.key.as_deref() == Some("location"));
    names.extend(locations.filter_map(|e| e.value.clone()));
}

fn import_model(bytes: Bytes, path: Option<&Path>, opts: &ImportOptions) -> Result<Graph> {
    graph_of(bytes, path, opts).map_err(|mut e| {
        e.message = plain(&e.message);
        e.node = e.node.map(|n| plain(&n));
        e
    })
}

fn graph_of(bytes: Bytes, path: Option<&Path>, opts: &ImportOptions) -> Result<Graph> {
    let model = decode_model(bytes, &opts.limits)?;
    let opset = check_versions(&model)?;
    let graph = model.graph.as_ref().ok_or_else(|| bad_graph("the model has no graph".into()))?;
    check_graph_fields(graph)?;
    let part = if opts.cut.is_empty() { None } else { Some(crate::cut::cut(graph, &opts.cut)?) };
    let graph = part.as_ref().unwrap_or(graph);
    let reader = TensorReader { limits: &opts.limits, side: SideFiles::new(path, &opts.limits), folded: 0 };
    // Exporters write their own name into the graph; the file's name is the user's choice.
    let stem = path.and_then(|p| p.file_stem()?.to_str());
    let name = stem.or(graph.name.as_deref()).filter(|n| !n.is_empty()).unwrap_or("model");
    let mut b = Builder::new(name, reader);
    add_initializers(&mut b, graph)?;
    add_inputs(&mut b, graph, &model.functions, opts)?;
    let mut refused = Refusals::default();
    let outputs: BTreeSet<&str> = graph.output.iter().flat_map(|o| o.name.as_deref()).collect();
    let mut scope =
        Scope { b: &mut b, refused: &mut refused, functions: &model.functions, opset, depth: 0, prefixes: BTreeSet::new(), spent: 0 };
    scope.nodes(&graph.node, &outputs)?;
    refused.finish()?;
    add_outputs(&mut b, graph, opts)?;
    drop_unread(&mut b.graph);
    Ok(b.graph)
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
    let default: Vec<i64> = model
        .opset_import
        .iter()
        .filter(|o| matches!(o.domain.as_deref().unwrap_or(""), "" | "ai.onnx"))
        .map(|o| o.version.unwrap_or(0))
        .collect();
    match default[..] {
        [v] => check_opset(v).map(|()| v),
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

/// Remembers that a tensor's type is one that another holds.
fn note_foreign(b: &mut Builder<'_>, name: &str, code: Option<i32>) {
    if let Some(code) = code.filter(|&c| crate::foreign::of(c).is_some()) {
        b.foreign.insert(name.to_string(), code);
    }
}

fn add_initializers(b: &mut Builder<'_>, g: &GraphProto) -> Result<()> {
    for t in &g.initializer {
        let name = t.name.as_deref().unwrap_or("");
        if name.is_empty() {
            return Err(bad_graph("an initializer has no name".into()));
        }
        let tensor = b.reader.read(t)?;
        note_foreign(b, name, t.data_type);
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
    let dtype = crate::foreign::held(t.elem_type.unwrap_or(0)).map_err(|e| e.at(name))?;
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

/// A dimension of an input that is not bound.
struct Open<'a> {
    input: &'a str,
    symbol: String,
    size: Option<i64>,
}

/// `E106` for the dimensions that are not bound, with the flags that bind all of them.
fn unbound(open: &[Open<'_>]) -> Result<()> {
    let Some(first) = open.first() else { return Ok(()) };
    let say = |o: &Open<'_>| match o.size {
        Some(n) => format!("input `{}`: dimension `{}` is {n}, which is no size", o.input, o.symbol),
        None => format!("input `{}`: dimension `{}` is symbolic", o.input, o.symbol),
    };
    let symbols: BTreeSet<&str> = open.iter().map(|o| o.symbol.as_str()).collect();
    let flags: Vec<String> = symbols.iter().map(|s| format!("--dim {s}=1")).collect();
    let mut hint = format!("give {}, for instance {}", if flags.len() == 1 { "its size" } else { "their sizes" }, flags.join(" "));
    if first.size.is_some() {
        hint = format!("if it is a placeholder, {hint}; a tensor without elements cannot be computed with");
    }
    Err(Error::new(Code::UnboundDim, open.iter().map(say).collect::<Vec<_>>().join("; ")).at(first.input).hint(hint))
}

/// Graph inputs; an input with an initializer is a constant (IR version 3 lists every initializer as an input).
fn add_inputs(b: &mut Builder<'_>, g: &GraphProto, functions: &[FunctionProto], opts: &ImportOptions) -> Result<()> {
    let shapes = g.input.iter().filter_map(|v| v.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref());
    let symbols: BTreeSet<&str> = shapes.flat_map(|s| &s.dim).filter_map(|d| d.dim_param.as_deref()).collect();
    let (mut seen, mut used, mut open) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for v in &g.input {
        let name = v.name.as_deref().unwrap_or("");
        if name.is_empty() || !seen.insert(name) {
            return Err(bad_graph(format!("two inputs are called `{name}`, or one has no name")).at(name));
        }
        let (dtype, dims) = declared(v, opts, &mut used)?;
        note_foreign(b, name, v.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.elem_type));
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
        let Some(dims) = dims else {
            return Err(Error::new(Code::UnboundDim, format!("input `{name}` has no shape"))
                .at(name)
                .hint("declare its dimensions in the model (onnx.tools.update_model_dims)"));
        };
        let mut shape = Vec::new();
        for d in dims {
            match d {
                Dim::Size(n) => shape.push(n),
                Dim::Symbol(symbol, size) => open.push(Open { input: name, symbol, size }),
            }
        }
        if open.last().is_some_and(|o| o.input == name) {
            continue;
        }
        let elements = opts.limits.elements_of(&shape).map_err(|e| e.at(name))?;
        if elements == 0 {
            return Err(Error::new(Code::BadShape, format!("input of shape {shape:?} has no elements"))
                .at(name)
                .hint("bind dimensions to 1 or more"));
        }
        if let Some(&(_, n)) = opts.dims.iter().find(|(s, _)| s == name && !is_float(dtype) && !symbols.contains(name)) {
            used.insert(name.to_string());
            let bits = 8 * dtype.size() as u32 - u32::from(!matches!(dtype, DType::U8 | DType::U16));
            if dtype == DType::Bool && n > 1 || (n as u64).checked_shr(bits).is_some_and(|top| top != 0) {
                return Err(Error::new(Code::Usage, format!("--dim {name}={n}: the input is {dtype}")).hint("give a number of its type"));
            }
            let bytes = (n as u64).to_le_bytes();
            let all = bytes[..dtype.size()].repeat(elements);
            b.reader.materialise(all.len() as u64)?;
            b.names.insert(name.to_string(), Bound::Const(Tensor::new(dtype, shape, all.into())?));
            continue;
        }
        if matches!(dtype, DType::I8 | DType::U8)
            && let Some(q) = crate::ops::quantized::of_input(b, g, name, dtype)?
        {
            crate::ops::quantized::add_input(b, name, shape, &q)?;
            continue;
        }
        let choice = if matches!(dtype, DType::I32 | DType::I64) { choice(b, g, functions, name) } else { None };
        if let Some(rows) = choice {
            if let Some(rows) = rows {
                b.rows.insert(name.to_string(), rows);
            }
            b.add_input(Value::new(name, DType::I32, shape));
            continue;
        }
        if !is_float(dtype) {
            add_numbers(b, name, dtype, shape)?;
            continue;
        }
        // What a model computes in doubles is computed in floats, as what it computes in 16 bits.
        b.add_input(Value::new(name, DType::F32, shape));
    }
    unbound(&open)?;
    if let Some((s, _)) = opts.dims.iter().find(|(s, _)| !used.contains(s)) {
        let hint = match used.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => {
                "every size of the model's inputs is a number already; leave --dim out, or change the model (onnx.tools.update_model_dims)"
                    .into()
            }
            ref names => format!("the symbolic dimensions are {}", names.join(", ")),
        };
        return Err(Error::new(
            Code::Usage,
            format!("--dim {s}: no input has a symbolic dimension of this name, and no integer input is called so"),
        )
        .hint(hint));
    }
    Ok(())
}

/// Adds an input of integers or truths that are no indices. Those of 8 bits are codes that mean themselves.
fn add_numbers(b: &mut Builder<'_>, name: &str, dtype: DType, shape: Vec<usize>) -> Result<()> {
    match dtype {
        DType::Bool | DType::U8 => crate::ops::quantized::add_input(b, name, shape, &Quant::new(Codes::U8, 1.0, 0))?,
        DType::I8 => crate::ops::quantized::add_input(b, name, shape, &Quant::new(Codes::I8, 1.0, 0))?,
        _ => {
            b.add_input(Value::new(name, DType::F32, shape));
            if let Some(Bound::Node(v)) = b.names.get(name) {
                b.graph.node_mut(v.node).attrs.set("declared", dtype.name());
            }
        }
    }
    b.codes.remove(name);
    b.kinds.insert(name.to_string(), dtype);
    Ok(())
}

/// Graph outputs, checked against their declared type.
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
        // The type of an inner tensor is what is inferred.
        let known = v.r#type.is_some() || opts.cut.outputs.is_empty();
        if b.sequences.contains_key(name) {
            let e = Error::new(Code::UnsupportedType, "a sequence as an output is not supported").at(name);
            return Err(e.hint("give its tensors as outputs of their own"));
        }
        let (dtype, _) = if known { declared(v, opts, &mut BTreeSet::new())? } else { (DType::F32, None) };
        if b.one_hot.contains_key(name) {
            let e = Error::new(Code::UnsupportedOp, "a one-hot vector of an index as an output is not supported").at(name);
            return Err(e.hint("give the index, or what is computed from the vector"));
        }
        if b.dynamic.contains_key(name) {
            let e = Error::new(Code::UnsupportedOp, "what depends on a scale that is computed at run time is no output").at(name);
            return Err(e.hint("scales are chosen while compiling; give the reals as the output"));
        }
        let kind = b.kinds.get(name).copied();
        let mut value = b.value_of(name)?;
        if let Some(codes) =
            kind.and_then(|k| if k == DType::Bool { Some(Codes::I8) } else { Codes::of(k).filter(|c| c.bits == Codes::I8.bits) })
        {
            // What has 8 bits in the file is a code that means itself.
            value = crate::ops::quantized::itself(b, name, value, codes)?;
        }
        let got = b.graph.value(value);
        // Codes in the file are reals here, and so are doubles. The shape is inferred, whatever is noted.
        let dtype = if dtype == DType::F64 { DType::F32 } else { dtype };
        let codes = b.codes.get(name).map(|q| q.codes.dtype());
        if known && codes.or(kind).unwrap_or(got.dtype) != dtype {
            return Err(Error::new(
                Code::BadShape,
                format!("the graph computes {}{:?}, the output is declared as {dtype}", got.dtype, got.shape),
            )
            .at(name)
            .hint("correct the output's declaration (onnx.tools.update_model_dims)"));
        }
        b.graph.outputs.push(Output { name: name.into(), value });
    }
    Ok(())
}

/// Constants that were read while importing (shapes, bounds, scaled weights) and by no operator, and indices under other shapes.
fn drop_unread(g: &mut Graph) {
    for id in g.ids().into_iter().rev() {
        let v = g.out(id);
        let own = g.node(id).tensor.is_some() || g.value(v).dtype == DType::I32 && g.node(id).op != "input";
        if own && g.users(v).is_empty() && !g.is_output(v) {
            g.remove_node(id);
        }
    }
}
