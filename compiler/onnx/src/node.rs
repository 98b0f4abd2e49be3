//! One node under import: its inputs, its attributes and the means to emit operators of the IR.

use crate::attrs::NodeAttrs;
use crate::dtype::is_float;
use crate::dynamic::Dynamic;
use crate::integers::takes;
use crate::limits::Limits;
use crate::one_hot::OneHot;
use crate::proto::NodeProto;
use crate::tensor::{TensorReader, check_finite};
use mcompc_ir::{Attrs, Code, DType, Error, Graph, NodeId, Quant, Result, Tensor, Value, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// `E205` for a tensor without elements: no later stage needs to think of them.
fn not_empty(shape: &[usize]) -> Result<()> {
    if !shape.contains(&0) {
        return Ok(());
    }
    Err(Error::new(Code::BadShape, format!("a tensor of shape {shape:?} has no elements"))
        .hint("the file is damaged, or a dimension was bound to a size that does not fit"))
}

/// Elements of constants that are evaluated while importing; larger ones are left to the passes.
const EVALUATED: usize = 1 << 16;

/// What an ONNX tensor name stands for. Constants become `const` nodes only when an operator reads them as data.
#[derive(Clone)]
pub(crate) enum Bound {
    Const(Tensor),
    Node(ValueId),
}

/// The graph under construction.
pub(crate) struct Builder<'a> {
    pub(crate) graph: Graph,
    pub(crate) reader: TensorReader<'a>,
    pub(crate) names: BTreeMap<String, Bound>,
    /// Tensors that are codes in the file; the graph holds the reals that they stand for.
    pub(crate) codes: BTreeMap<String, Quant>,
    /// Tensors that depend on a scale that is computed at run time.
    pub(crate) dynamic: BTreeMap<String, Dynamic>,
    /// Types of computed tensors that are no floats in the file; the graph holds their numbers.
    pub(crate) kinds: BTreeMap<String, DType>,
    /// Codes of the standard of tensors whose type another one holds.
    pub(crate) foreign: BTreeMap<String, i32>,
    /// The tensors of sequences, by name.
    pub(crate) sequences: BTreeMap<String, Vec<String>>,
    /// Rows of the smallest table that an index, an input of the graph, chooses from.
    pub(crate) rows: BTreeMap<String, usize>,
    /// One-hot vectors of an integer input, which the graph does not hold.
    pub(crate) one_hot: BTreeMap<String, OneHot>,
    /// Whether minus infinity in some constant is a number here (`masks.rs`).
    pub(crate) forbids: bool,
    used_nodes: BTreeSet<String>,
    /// The number that a name is given next.
    numbers: BTreeMap<String, usize>,
    /// Names that the importer made.
    made: usize,
}

/// What stands in names that the importer makes, between what is shown and what tells them apart: no name of a file holds them (`scan.rs`).
pub(crate) const MARKS: [char; 2] = ['\u{1}', '\u{2}'];

/// A text for the user: what tells made names apart is left out.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut number = false;
    for ch in text.chars() {
        number = ch == MARKS[1] || number && ch.is_ascii_digit();
        if !number && ch != MARKS[0] {
            out.push(ch);
        }
    }
    out
}

/// What is shown of a name.
pub(crate) fn shown(name: &str) -> &str {
    name.split(MARKS).find(|part| !part.is_empty()).unwrap_or("")
}

impl<'a> Builder<'a> {
    pub(crate) fn new(name: &str, reader: TensorReader<'a>) -> Self {
        Self {
            graph: Graph::new(name),
            reader,
            names: BTreeMap::new(),
            codes: BTreeMap::new(),
            dynamic: BTreeMap::new(),
            kinds: BTreeMap::new(),
            foreign: BTreeMap::new(),
            sequences: BTreeMap::new(),
            rows: BTreeMap::new(),
            one_hot: BTreeMap::new(),
            forbids: false,
            used_nodes: BTreeSet::new(),
            numbers: BTreeMap::new(),
            made: 0,
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.reader.limits
    }

    /// A name that no other tensor has or will have, shown as `label`.
    pub(crate) fn own_name(&mut self, label: &str) -> String {
        self.made += 1;
        format!("{}{}{}", shown(label), MARKS[1], self.made)
    }

    /// `name`, or with a number behind it when a node of the graph has it already (ONNX does not ask for unique node names).
    fn fresh(&mut self, name: &str) -> String {
        let mut unique = name.to_string();
        let mut n = self.numbers.get(name).copied().unwrap_or(2);
        while !self.used_nodes.insert(unique.clone()) {
            unique = format!("{name}#{n}");
            n += 1;
        }
        if unique != name {
            self.numbers.insert(name.to_string(), n);
        }
        unique
    }

    /// Adds a graph input under its ONNX name.
    pub(crate) fn add_input(&mut self, value: Value) {
        self.used_nodes.insert(value.name.clone());
        let name = value.name.clone();
        let id = self.graph.add_input(value);
        self.names.insert(name, Bound::Node(id));
    }

    /// Whether `name` is defined, in whatever form it is remembered.
    pub(crate) fn has(&self, name: &str) -> bool {
        let other = self.one_hot.contains_key(name) || self.dynamic.contains_key(name) || self.sequences.contains_key(name);
        other || self.names.contains_key(name)
    }

    /// The constant behind `name`, if it is one.
    pub(crate) fn known(&self, name: &str) -> Option<Tensor> {
        match self.names.get(name)? {
            Bound::Const(t) => Some(t.clone()),
            Bound::Node(v) => self.graph.const_of(*v).cloned(),
        }
    }

    /// The type that `name` has in the file, if it is defined; 16-bit floats have 32 bits here.
    pub(crate) fn kind(&self, name: &str) -> Option<DType> {
        match self.names.get(name)? {
            Bound::Const(t) => Some(t.dtype),
            Bound::Node(v) => Some(self.kinds.get(name).copied().unwrap_or(self.graph.value(*v).dtype)),
        }
    }

    /// The shape behind `name`, if it is defined.
    pub(crate) fn shape_of(&self, name: &str) -> Option<Vec<usize>> {
        Some(match self.names.get(name)? {
            Bound::Const(t) => t.shape.clone(),
            Bound::Node(v) => self.graph.value(*v).shape.clone(),
        })
    }

    /// The value behind `name`, a constant being added to the graph; `E105` when it is not finite.
    pub(crate) fn value_of(&mut self, name: &str) -> Result<ValueId> {
        match self.names.get(name) {
            Some(Bound::Node(v)) => Ok(*v),
            Some(Bound::Const(t)) => {
                let t = t.clone();
                let v = self.add_const(name, t)?;
                self.names.insert(name.to_string(), Bound::Node(v));
                Ok(v)
            }
            None => Err(Error::new(Code::BadGraph, format!("tensor `{name}` is not defined")).at(name).hint("export the model again")),
        }
    }

    /// Adds a constant, doubles as floats; `E105` when it is not finite.
    pub(crate) fn add_const(&mut self, name: &str, t: Tensor) -> Result<ValueId> {
        let name = shown(name);
        let t = if t.dtype == DType::F64 {
            self.reader.materialise(4 * t.elems() as u64)?;
            let v: Vec<f32> = t.as_f64()?.iter().map(|&x| x as f32).collect();
            Tensor::from_f32(t.shape.clone(), &v)?
        } else {
            t
        };
        check_finite(&t).map_err(|e| e.at(name))?;
        not_empty(&t.shape).map_err(|e| e.at(name))?;
        let unique = self.fresh(name);
        Ok(self.graph.add_const(unique, t))
    }

    /// Adds an operator with inferred outputs of which the first is called `out`; `E003` when one is too large. One of few constants is
    /// evaluated at once: a later node may ask for its value, as sizes or bounds.
    pub(crate) fn add_op(&mut self, name: &str, op: &str, attrs: Attrs, inputs: &[ValueId], out: &str) -> Result<ValueId> {
        let unique = self.fresh(shown(name));
        let id = mcompc_ops::add_op(&mut self.graph, &unique, op, attrs, inputs, shown(out), None)
            .map_err(|e| e.hint("the shapes or attributes do not fit the operator; was the model made for another input size?"))?;
        for o in &self.graph.node(id).outs {
            self.limits().elements_of(&o.shape)?;
        }
        match self.evaluated(id)? {
            Some(v) => Ok(v),
            None => Ok(self.graph.out(id)),
        }
    }

    /// The constant that a node of few elements is whose inputs are constants; the node goes.
    fn evaluated(&mut self, id: NodeId) -> Result<Option<ValueId>> {
        let g = &self.graph;
        let ins = g.inputs_of(id);
        let tensors: Vec<&Tensor> = ins.iter().filter_map(|&v| g.const_of(v)).collect();
        let [out] = &g.node(id).outs[..] else { return Ok(None) };
        if ins.is_empty() || tensors.len() != ins.len() || tensors.iter().any(|t| t.elems() > EVALUATED) || out.elems() > EVALUATED {
            return Ok(None);
        }
        let values: Vec<&Value> = ins.iter().map(|&v| g.value(v)).collect();
        let Some(t) = mcompc_ops::eval(g.node(id), &values, &tensors)?.pop() else { return Ok(None) };
        let (node, out) = (g.node(id).name.clone(), out.name.clone());
        self.reader.materialise(t.bytes().len() as u64)?;
        self.graph.remove_node(id);
        self.used_nodes.remove(&node);
        let unique = self.fresh(&out);
        Ok(Some(self.graph.add_const(unique, t)))
    }
}

/// Operators that an index may pass through.
const INDEX_MOVES: &[&str] = &["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Expand"];

/// The node that an operator's import function works on.
pub(crate) struct Ctx<'n, 'b, 'a> {
    pub(crate) node: &'n NodeProto,
    pub(crate) name: &'n str,
    pub(crate) op: &'n str,
    pub(crate) opset: i64,
    pub(crate) attrs: NodeAttrs<'n>,
    pub(crate) b: &'b mut Builder<'a>,
    /// Type of the results, where they are no floats and the operator itself says so.
    pub(crate) kind: Option<DType>,
    parts: usize,
    /// What it emitted so far under names of its parts.
    made: Vec<ValueId>,
}

impl<'n, 'b, 'a> Ctx<'n, 'b, 'a> {
    pub(crate) fn new(node: &'n NodeProto, name: &'n str, opset: i64, b: &'b mut Builder<'a>) -> Result<Self> {
        Ok(Self {
            node,
            name,
            op: node.op_type.as_deref().unwrap_or(""),
            opset,
            attrs: NodeAttrs::new(node)?,
            b,
            kind: None,
            parts: 0,
            made: Vec::new(),
        })
    }

    /// Name of input `i`; `None` when it is left out (an empty name stands for that, too).
    pub(crate) fn input_name(&self, i: usize) -> Option<&'n str> {
        self.node.input.get(i).map(String::as_str).filter(|s| !s.is_empty())
    }
    fn required(&self, i: usize) -> Result<&'n str> {
        self.input_name(i).ok_or_else(|| {
            Error::new(Code::MissingAttr, format!("input {i} of {} is missing", self.op)).hint("the ONNX standard requires it")
        })
    }
    /// Input `i` as float data; of operators that take any type, as the numbers that it holds.
    pub(crate) fn input(&mut self, i: usize) -> Result<ValueId> {
        let name = self.required(i)?;
        if takes(self.op) {
            return self.number(i).map(|(v, _)| v);
        }
        self.not_one_hot(i, name)?;
        let v = self.b.value_of(name)?;
        match self.b.kind(name).unwrap_or(DType::F32) {
            DType::F32 => Ok(v),
            d => Err(Error::new(Code::UnsupportedType, format!("input {i} (`{name}`) of {} is {d}, expected f32", self.op))
                .hint("the compiler takes 32-bit float models and makes the integers itself")),
        }
    }
    fn not_one_hot(&self, i: usize, name: &str) -> Result<()> {
        if !self.b.one_hot.contains_key(name) {
            return Ok(());
        }
        let e = Error::new(Code::UnsupportedOp, format!("input {i} (`{name}`) of {} is a one-hot vector of an index", self.op));
        Err(e.hint("one-hot vectors of an integer input are multiplied by a constant table, as embeddings are, and nothing else"))
    }
    /// Input `i` of any type as the numbers that it holds, with its type.
    pub(crate) fn number(&mut self, i: usize) -> Result<(ValueId, DType)> {
        let name = self.required(i)?;
        self.not_one_hot(i, name)?;
        if let Some(t) = self.b.known(name).filter(|t| !is_float(t.dtype)) {
            let v = self.shared(&format!("{}/numbers", shown(name)), || {
                let v: Vec<f32> = t.to_i64_vec()?.iter().map(|&x| x as f32).collect();
                Tensor::from_f32(t.shape.clone(), &v)
            })?;
            return Ok((v, t.dtype));
        }
        let v = self.b.value_of(name)?;
        match self.b.graph.value(v).dtype {
            DType::F32 => Ok((v, self.b.kind(name).unwrap_or(DType::F32))),
            d => {
                let e = Error::new(Code::UnsupportedType, format!("input {i} (`{name}`) of {} is an index ({d}) and no number", self.op));
                Err(e.hint(
                    "an integer input that chooses rows of a table does nothing else; give what is computed from it as an input of its own",
                ))
            }
        }
    }
    /// Input `i` as one constant number of any type, if given.
    pub(crate) fn constant_number(&self, i: usize) -> Result<Option<f64>> {
        let Some(t) = self.constant(i)? else { return Ok(None) };
        if t.elems() != 1 {
            return Err(Error::new(Code::BadShape, format!("input {i} of {} has shape {:?}, expected one number", self.op, t.shape))
                .hint("the ONNX standard asks for one"));
        }
        Ok(Some(match t.dtype {
            DType::F32 => t.as_f32()?[0].into(),
            DType::F64 => t.as_f64()?[0],
            _ => t.to_i64_vec()?[0] as f64,
        }))
    }
    /// A constant number.
    pub(crate) fn scalar(&mut self, v: f32) -> Result<ValueId> {
        self.shared(&format!("{}/{v:?}", self.name), || Tensor::from_f32(Vec::new(), &[v]))
    }
    /// Makes the node's first output stand for `v`, under its name where the node made it.
    pub(crate) fn result(&mut self, v: ValueId) {
        if self.made.contains(&v) && self.b.graph.const_of(v).is_none() { self.name_result(v) } else { self.bind(Bound::Node(v)) }
    }
    /// Input `i` to be moved: float data, computed numbers, or a constant of any type.
    pub(crate) fn data(&mut self, i: usize) -> Result<ValueId> {
        let name = self.required(i)?;
        let computed = |n: &String| self.b.kinds.contains_key(n);
        if self.node.input.iter().any(computed) {
            return self.number(i).map(|(v, _)| v);
        }
        self.not_one_hot(i, name)?;
        // Indices under another shape are indices.
        let v = self.b.value_of(name)?;
        if self.b.graph.value(v).dtype == DType::I32 && self.b.graph.const_of(v).is_none() && INDEX_MOVES.contains(&self.op) {
            return Ok(v);
        }
        if self.b.known(name).is_none_or(|t| matches!(t.dtype, DType::F32 | DType::F64)) {
            return self.input(i);
        }
        self.b.value_of(name)
    }
    /// Input `i` as float data, if given.
    pub(crate) fn optional(&mut self, i: usize) -> Result<Option<ValueId>> {
        self.input_name(i).map(|_| self.input(i)).transpose()
    }
    /// Input `i` as a constant, if given; `E203` when it is computed at run time.
    pub(crate) fn constant(&self, i: usize) -> Result<Option<Tensor>> {
        let Some(name) = self.input_name(i) else { return Ok(None) };
        self.b.known(name).map(Some).ok_or_else(|| {
            Error::new(Code::UnsupportedAttr, format!("input {i} (`{name}`) of {} is computed at run time, it must be a constant", self.op))
                .hint("fold what is constant into the model, for instance with onnxsim; sizes are fixed at compile time")
        })
    }
    /// Input `i` as a list of integers (a one-dimensional or scalar constant), if given.
    pub(crate) fn constant_ints(&self, i: usize) -> Result<Option<Vec<i64>>> {
        let Some(t) = self.constant(i)? else { return Ok(None) };
        if t.shape.len() > 1 || !matches!(t.dtype, DType::I64 | DType::I32) {
            return Err(Error::new(
                Code::BadTensor,
                format!("input {i} of {} is {}{:?}, expected a list of integers", self.op, t.dtype, t.shape),
            )
            .hint("the ONNX standard asks for a one-dimensional INT64 tensor"));
        }
        t.to_i64_vec().map(Some)
    }
    /// Input `i` as one constant float (infinities allowed, NaN is `E105`), if given.
    pub(crate) fn constant_scalar(&self, i: usize) -> Result<Option<f32>> {
        let Some(t) = self.constant(i)? else { return Ok(None) };
        if t.elems() != 1 {
            return Err(Error::new(Code::BadShape, format!("input {i} of {} has shape {:?}, expected a scalar", self.op, t.shape))
                .hint("the ONNX standard asks for a scalar"));
        }
        let v = match t.dtype {
            DType::F64 => t.as_f64()?[0] as f32,
            DType::F32 => t.as_f32()?[0],
            _ => t.to_i64_vec()?[0] as f32,
        };
        if v.is_nan() {
            return Err(Error::new(Code::NotFinite, format!("input {i} of {} is NaN", self.op)).hint("the file is damaged"));
        }
        Ok(Some(v))
    }

    /// Shape of a value of the graph.
    pub(crate) fn shape(&self, v: ValueId) -> Vec<usize> {
        self.b.graph.value(v).shape.clone()
    }
    /// Shape of `v`, whose rank must be `rank`; `what` is the hint.
    pub(crate) fn shape_of_rank(&self, v: ValueId, rank: usize, what: &str) -> Result<Vec<usize>> {
        let s = self.shape(v);
        if s.len() == rank {
            return Ok(s);
        }
        Err(Error::new(Code::BadShape, format!("{} on a tensor of shape {s:?}, expected {rank} dimensions", self.op)).hint(what))
    }
    /// `axis` with negative values counted from the end; `E205` outside `-rank..rank` (`rank` itself is allowed when `end` is set).
    pub(crate) fn axis(&self, axis: i64, rank: usize, end: bool) -> Result<usize> {
        let r = rank as i64;
        let a = if axis < 0 { axis.saturating_add(r) } else { axis };
        if (0..r + i64::from(end)).contains(&a) {
            return Ok(a as usize);
        }
        Err(Error::new(Code::BadShape, format!("axis {axis} of {} on a tensor of {rank} dimensions", self.op))
            .hint("the axis lies outside the tensor"))
    }

    /// Emits an inner operator of an ONNX node that needs several.
    pub(crate) fn part(&mut self, op: &str, attrs: Attrs, inputs: &[ValueId]) -> Result<ValueId> {
        self.parts += 1;
        let (name, out) = (format!("{}/{}", self.name, self.parts), format!("{}/{}", shown(self.out_name()), self.parts));
        let v = self.b.add_op(&name, op, attrs, inputs, &out)?;
        self.made.push(v);
        Ok(v)
    }
    /// Emits the operator whose result is the node's first output.
    pub(crate) fn emit(&mut self, op: &str, attrs: Attrs, inputs: &[ValueId]) -> Result<()> {
        let out = self.out_name().to_string();
        let v = self.b.add_op(self.name, op, attrs, inputs, &out)?;
        self.bind(Bound::Node(v));
        Ok(())
    }
    /// Emits an operator whose result is the node's output `i`, which may be left out.
    pub(crate) fn emit_output(&mut self, i: usize, op: &str, attrs: Attrs, inputs: &[ValueId]) -> Result<()> {
        let Some(out) = self.node.output.get(i).filter(|o| !o.is_empty()) else { return Ok(()) };
        let name = if self.node.output.len() == 1 { self.name.to_string() } else { format!("{}/{i}", self.name) };
        let v = self.b.add_op(&name, op, attrs, inputs, out)?;
        self.b.names.insert(out.clone(), Bound::Node(v));
        Ok(())
    }
    /// Adds a constant that the importer made (counted against the limit on folded bytes); `label` is appended to the node's name.
    pub(crate) fn make_const(&mut self, label: &str, t: Tensor) -> Result<ValueId> {
        self.b.reader.materialise(t.bytes().len() as u64)?;
        self.b.add_const(&format!("{}/{label}", self.name), t)
    }
    /// A constant under a name of its own that several parts of the node read; made where it is not there.
    pub(crate) fn shared(&mut self, name: &str, make: impl FnOnce() -> Result<Tensor>) -> Result<ValueId> {
        let key = format!("{name}/{}", self.out_names());
        if self.b.names.contains_key(&key) {
            return self.b.value_of(&key);
        }
        let t = make()?;
        self.b.reader.materialise(t.bytes().len() as u64)?;
        let v = self.b.add_const(name, t)?;
        self.b.names.insert(key, Bound::Node(v));
        Ok(v)
    }
    pub(crate) fn out_names(&self) -> String {
        // Tensor names are unique, and none ends in this.
        let mark = String::from(MARKS[0]);
        format!("{mark}{}{mark}", self.node.output.join(&mark))
    }
    /// Makes the node's first output stand for `what`.
    pub(crate) fn bind(&mut self, what: Bound) {
        self.b.names.insert(self.out_name().to_string(), what);
    }
    /// Gives the node's name and first output to an inner operator that turned out to be the last one.
    pub(crate) fn name_result(&mut self, v: ValueId) {
        let unique = self.b.fresh(shown(self.name));
        self.b.graph.node_mut(v.node).name = unique;
        self.b.graph.value_mut(v).name = shown(self.out_name()).to_string();
        self.bind(Bound::Node(v));
    }
    /// Makes the node's first output stand for its input 0 (an operator without effect).
    pub(crate) fn forward(&mut self) -> Result<()> {
        let name = self.required(0)?;
        let bound = match self.b.names.get(name) {
            Some(b) => b.clone(),
            None => Bound::Node(self.b.value_of(name)?),
        };
        self.bind(bound);
        Ok(())
    }
    pub(crate) fn out_name(&self) -> &'n str {
        self.node.output.first().map_or("", String::as_str)
    }
}

/// Name of a node for errors: its own, or its first output's.
pub(crate) fn node_label(n: &NodeProto) -> &str {
    match n.name.as_deref() {
        Some(name) if !name.is_empty() => name,
        _ => n.output.iter().find(|o| !o.is_empty()).map_or("(unnamed)", String::as_str),
    }
}
