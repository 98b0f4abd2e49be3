//! A canonical float graph becomes integers only: every operator of it one integer operator (rarely two), names kept.

mod add;
mod arith;
mod bits;
mod channel;
mod classes;
mod floor;
mod inputs;
mod linear;
mod moves;
mod mul;
mod pool;
mod quants;
mod softmax;
mod supported;
mod unary;
mod warnings;

pub use bits::WeightBits;
pub use supported::{problems, supported};

use crate::range::RangeMethod;
use crate::{Stats, datafree};
use mcompc_data::{Input, InputSpec};
use mcompc_ir::{Attrs, Code, Codes, DType, Error, Graph, Node, NodeId, Output, Quant, Result, Tensor, ValueId};
use std::collections::{BTreeMap, BTreeSet};

/// Choices; the default is what `-O int8` means.
#[derive(Clone, Debug)]
pub struct Options {
    /// How ranges are taken from calibration data (made-up statistics are always taken whole).
    pub method: RangeMethod,
    /// Whether the mean error of rounded weights is taken out of the bias.
    pub bias_correction: bool,
    /// Bits of the weights.
    pub weights: WeightBits,
}

impl Default for Options {
    fn default() -> Self {
        Self { method: RangeMethod::Mse, bias_correction: true, weights: WeightBits::default() }
    }
}

/// What became of a layer with weights, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerNote {
    /// ONNX name.
    pub node: String,
    /// Integer operator.
    pub op: String,
    /// Proven bound of every partial sum; at most 2^31 - 1.
    pub acc_bound: u64,
    /// Left shift before the multiplication.
    pub pre: u32,
    /// Right shift after it.
    pub shift: u32,
    /// Bits of a weight.
    pub bits: u8,
    /// Why it has so many, where that is not simply what was asked for.
    pub why: Option<String>,
    /// Weights of a channel in a row that share a multiplier.
    pub block: Option<usize>,
}

/// The result of [`integerize`].
#[derive(Clone, Debug)]
pub struct Integerized {
    /// Integer operators only; passes `mcompc_ops::verify`.
    pub graph: Graph,
    /// Layers with weights, in the order of execution.
    pub layers: Vec<LayerNote>,
    /// Value of `graph` -> the float value that it stands for.
    pub origin: BTreeMap<ValueId, ValueId>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Makes a canonical float graph (channels last, constant weights) integer. `stats` are of this very graph; `specs` give the raw form of
/// its inputs and with it their type: u8 and i8 are taken as they are, everything else becomes i8 by the calibrated range.
///
/// # Errors
/// `NoInteger` with the node's name for an operator or a form of it that has no integer counterpart, `Overflow` where an accumulator
/// cannot be proven to stay within 32 bits, `NotFinite` for weights that are NaN or infinite, `Usage` for specs that fit no input.
pub fn integerize(g: &Graph, stats: &Stats, specs: &[InputSpec], opts: &Options) -> Result<Integerized> {
    let mut opts = opts.clone();
    let mut warnings = Vec::new();
    if stats.synthetic {
        opts.method = datafree::METHOD;
        opts.bias_correction = false;
        warnings.push("no calibration data: ranges come from made-up inputs, the loss of accuracy is not bounded; give --calib".into());
    }
    let mut ctx = Ctx::new(g, stats, specs, opts)?;
    warnings.extend(warnings::of(&ctx)?);
    ctx.inputs()?;
    for id in g.topo()? {
        ctx.step(id)?;
    }
    for i in 0..g.outputs.len() {
        ctx.output(i)?;
    }
    let Ctx { mut out, layers, mut origin, .. } = ctx;
    out.remove_dead();
    origin.retain(|v, _| out.contains(v.node));
    mcompc_ops::verify(&out)?;
    Ok(Integerized { graph: out, layers, origin, warnings })
}

/// The state of one conversion. `g` is the float graph, `out` the integer one.
struct Ctx<'a> {
    g: &'a Graph,
    stats: &'a Stats,
    specs: Vec<Input>,
    opts: Options,
    /// Whether only the structure counts: weights are not rounded.
    dry: bool,
    /// Bits of the weights of convolutions and dense layers.
    bits: BTreeMap<NodeId, bits::Choice>,
    /// Float values that carry raw input codes of a form that only some operators read.
    raw: BTreeMap<ValueId, Quant>,
    /// Quantization of every float value as plain i8 codes.
    quants: BTreeMap<ValueId, Quant>,
    out: Graph,
    map: BTreeMap<ValueId, ValueId>,
    /// Constants, raw and rescaled values under a quantization (bits of the scale, zero point), made on demand.
    plain: BTreeMap<(ValueId, u64, i32), ValueId>,
    /// Names given to values that the float graph does not have.
    names: BTreeSet<String>,
    layers: Vec<LayerNote>,
    origin: BTreeMap<ValueId, ValueId>,
}

fn no_integer<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::new(Code::NoInteger, what))
}

impl<'a> Ctx<'a> {
    fn new(g: &'a Graph, stats: &'a Stats, specs: &[InputSpec], opts: Options) -> Result<Self> {
        let specs = Input::of_graph(g, specs)?;
        let raw = inputs::raw_values(g, &specs)?;
        let quants = quants::assign(g, stats, &specs, &raw, &opts)?;
        let bits = bits::choose(g, &opts.weights)?;
        Ok(Self {
            g,
            stats,
            specs,
            opts,
            dry: false,
            bits,
            raw,
            quants,
            out: Graph::new(g.name.clone()),
            map: BTreeMap::new(),
            plain: BTreeMap::new(),
            names: BTreeSet::new(),
            layers: Vec::new(),
            origin: BTreeMap::new(),
        })
    }

    /// Adds the graph's inputs.
    fn inputs(&mut self) -> Result<()> {
        for (i, &id) in self.g.inputs.iter().enumerate() {
            self.input(i, id)?;
        }
        Ok(())
    }

    /// Converts one node, if there is something to convert.
    fn step(&mut self, id: NodeId) -> Result<()> {
        let node = self.g.node(id);
        if matches!(node.op.as_str(), "input" | "const") {
            return Ok(());
        }
        let out = self.g.out(id);
        let shape = &self.g.value(out).shape;
        let v = self.node(id, node).and_then(|v| {
            // One element of higher rank raises the rank of the result.
            if &self.out.value(v).shape == shape { Ok(v) } else { self.reshape(v, shape, &format!("{}.shape", node.outs[0].name)) }
        });
        let v = v.map_err(|e| e.at(&node.name))?;
        self.map.insert(out, v);
        self.origin.entry(v).or_insert(out);
        Ok(())
    }

    /// Adds output `i` of the graph.
    fn output(&mut self, i: usize) -> Result<()> {
        let o = &self.g.outputs[i];
        let value = self.plain(o.value).map_err(|e| e.at(&o.name))?;
        self.out.outputs.push(Output { name: o.name.clone(), value });
        Ok(())
    }

    fn node(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        match node.op.as_str() {
            "Conv" => self.conv(id, node),
            "Dense" => self.dense(id, node),
            "Add" | "Sub" | "Mul" | "Div" if self.const_operand(id).is_some() => self.const_arith(id, node),
            "Add" | "Sub" => self.add(id, node),
            "Mul" => self.mul(id, node),
            "AveragePool" => self.average_pool(id, node),
            "ReduceMean" | "ReduceSum" => self.sum_over(id, node),
            "Softmax" => self.softmax(id, node),
            "Reshape" | "Transpose" | "Slice" | "Pad" | "MaxPool" | "Concat" | "ReduceMax" | "ReduceMin" => self.moves(id, node),
            "BatchNormalization" => self.batch_norm(id, node),
            "Relu" | "Clip" | "Sigmoid" | "Tanh" | "HardSwish" | "HardSigmoid" | "LeakyRelu" | "Elu" => self.unary(id, node),
            op => supported::refused(op),
        }
    }

    /// The integer value of `v`, in whatever raw form it may be.
    fn direct(&self, v: ValueId) -> Result<ValueId> {
        self.map.get(&v).copied().ok_or_else(|| Error::new(Code::NoInteger, format!("`{}` is not a computed value", self.g.value(v).name)))
    }

    fn quant(&self, v: ValueId) -> Result<Quant> {
        let q = self.quants.get(&v).cloned();
        q.ok_or_else(|| Error::new(Code::Internal, "no statistics of this value").at(&self.g.value(v).name))
    }

    /// Quantization of an integer value.
    fn codes(&self, v: ValueId) -> Result<&Quant> {
        let value = self.out.value(v);
        value.quant.as_ref().ok_or_else(|| Error::new(Code::Internal, "an integer value without quantization").at(&value.name))
    }

    /// Adds an integer operator for float node `id` whose result stands for the node's output.
    fn emit(&mut self, id: NodeId, op: &str, attrs: Attrs, ins: &[ValueId], quant: Quant) -> Result<ValueId> {
        let node = self.g.node(id);
        let v = self.emit_as(&node.name, op, attrs, ins, &node.outs[0].name, Some(quant))?;
        self.out.node_mut(v.node).fused = node.fused.clone();
        Ok(v)
    }

    fn emit_as(&mut self, name: &str, op: &str, attrs: Attrs, ins: &[ValueId], out: &str, quant: Option<Quant>) -> Result<ValueId> {
        let id = mcompc_ops::add_op(&mut self.out, name, op, attrs, ins, out, quant)?;
        Ok(self.out.out(id))
    }

    /// The same codes under another shape.
    fn reshape(&mut self, v: ValueId, shape: &[usize], name: &str) -> Result<ValueId> {
        if self.out.value(v).shape == shape {
            return Ok(v);
        }
        self.emit_as(name, "Reshape", Attrs::new().with("shape", shape), &[v], name, None)
    }

    fn transposed(&mut self, v: ValueId, perm: &[usize], name: &str) -> Result<ValueId> {
        self.emit_as(name, "Transpose", Attrs::new().with("perm", perm), &[v], name, None)
    }

    /// A name that no other added value has.
    fn fresh(&mut self, name: &str) -> String {
        let numbered = |i: usize| if i == 0 { name.to_string() } else { format!("{name}.{i}") };
        let free = (0..).map(numbered).find(|n| !self.names.contains(n)).unwrap_or_default();
        self.names.insert(free.clone());
        free
    }

    /// A constant's elements as [`Self::constant`], in 64 bits.
    fn reals(&self, v: ValueId) -> Result<Vec<f64>> {
        Ok(self.constant(v)?.into_iter().map(f64::from).collect())
    }

    /// Float payload of a constant, finite.
    fn constant(&self, v: ValueId) -> Result<Vec<f32>> {
        let name = &self.g.value(v).name;
        let t = self.g.const_of(v).ok_or_else(|| Error::new(Code::NoInteger, format!("`{name}` must be a constant")))?;
        if t.dtype != DType::F32 {
            return no_integer(format!("`{name}` is a constant of type {}; only f32 has an integer form", t.dtype));
        }
        let data = t.as_f32()?.into_owned();
        match data.iter().position(|x| !x.is_finite()) {
            Some(i) => Err(Error::new(Code::NotFinite, format!("element {i} of `{name}` is NaN or infinite"))),
            None => Ok(data),
        }
    }

    /// A constant reals tensor as i8 codes under `q`.
    fn quantized_const(&mut self, name: &str, shape: &[usize], data: &[f64], q: Quant) -> Result<ValueId> {
        let codes: Vec<i8> = data.iter().map(|&x| code(x, &q)).collect();
        let v = self.out.add_const(name, Tensor::from_i8(shape, &codes)?);
        self.out.value_mut(v).quant = Some(q);
        Ok(v)
    }
}

/// Elements of an f32 constant; none of anything else.
fn reals_of(g: &Graph, v: ValueId) -> Result<Vec<f64>> {
    Ok(match g.const_of(v) {
        Some(t) if t.dtype == DType::F32 => t.as_f32()?.iter().map(|&x| x.into()).collect(),
        _ => Vec::new(),
    })
}

/// Nearest i8 code of a real, ties away from zero.
fn code(x: f64, q: &Quant) -> i8 {
    // Codes of computed values are i8.
    q.code(x) as i8
}

/// Codes of an optional fused clamp; the whole of i8 where there is none.
fn clamp_codes(node: &Node, q: &Quant) -> Result<(i64, i64)> {
    let (lo, hi) = act(node)?;
    Ok((code(lo, q).into(), code(hi, q).into()))
}

/// The fused clamp of a node, infinite where there is none.
fn act(node: &Node) -> Result<(f64, f64)> {
    let get = |n, d| if node.attrs.get(n).is_some() { node.attrs.float(n) } else { Ok(d) };
    Ok((get("act_min", f64::NEG_INFINITY)?, get("act_max", f64::INFINITY)?))
}

/// The clamp to all codes of a computed value, as attributes.
fn unclamped(attrs: Attrs) -> Attrs {
    attrs.with("lo", i64::from(Codes::I8.min())).with("hi", i64::from(Codes::I8.max()))
}
