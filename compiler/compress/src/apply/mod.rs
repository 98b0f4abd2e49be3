//! A canonical float graph under a scheme: the coded graph, in which every value has its codes and every layer's weights are codes.

mod arith;
mod channel;
mod inputs;
mod layer;

use crate::Stats;
use crate::decide::raw_values;
use crate::methods;
use crate::observe::Flow;
use crate::scheme::{LayerScheme, Scheme};
use mcompc_data::Input;
use mcompc_ir::{Attrs, Code, Error, Graph, Node, NodeId, Output, Per, Quant, Result, ValueId};
use mcompc_ops::{Level, Rewrite, is_join, is_map, is_move};
use std::collections::BTreeMap;

/// What became of a layer with weights, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerNote {
    /// ONNX name.
    pub node: String,
    /// Bits of a weight.
    pub bits: u8,
    /// Why it has so many, where that is not simply what was asked for.
    pub why: Option<String>,
    /// Weights of a channel in a row that share a multiplier.
    pub group: Option<usize>,
}

/// The result of [`apply`].
#[derive(Clone, Debug)]
pub struct Coded {
    /// Of the coded level.
    pub graph: Graph,
    /// Layers with weights, in the order of execution.
    pub layers: Vec<LayerNote>,
    /// Value of `graph` -> the float value that it stands for.
    pub origin: BTreeMap<ValueId, ValueId>,
}

/// Rounds the weights of a canonical float graph (channels last, constant weights) and gives every value its codes. `stats` are of this very
/// graph; `inputs` say in which codes the caller gives its inputs.
///
/// # Errors
/// `Usage` for a scheme that does not fit the graph, `NoInteger` and `NotFinite` with the node's name for constants that are missing or not
/// finite.
pub fn apply(g: &Graph, stats: &Stats, inputs: &[Input], scheme: &Scheme) -> Result<Coded> {
    let resolved = scheme.resolve(g)?;
    let raw = raw_values(g, inputs)?;
    let sees = |l: &LayerScheme| methods::named(&l.method).is_some_and(|m| m.sees);
    let wanted = resolved.layers.iter().filter(|(_, l)| sees(l)).map(|(&id, _)| id).collect();
    let mut ctx = Ctx {
        r: Rewrite::new(g),
        flow: Flow::new(g, stats, &wanted)?,
        stats,
        bias_correction: scheme.bias_correction,
        layers: resolved.layers,
        quants: resolved.values,
        raw,
        plain: BTreeMap::new(),
        notes: Vec::new(),
    };
    g.inputs.iter().try_for_each(|&id| ctx.input(id))?;
    for id in g.topo()? {
        ctx.step(id)?;
        ctx.follow(id).map_err(|e| e.at(&g.node(id).name))?;
    }
    for o in &g.outputs {
        let value = ctx.plain(o.value).map_err(|e| e.at(&o.name))?;
        ctx.r.to.outputs.push(Output { name: o.name.clone(), value });
    }
    let (graph, origin) = ctx.r.finish(Level::Coded)?;
    Ok(Coded { graph, layers: ctx.notes, origin })
}

/// The state of one conversion, from a float graph to a coded one.
struct Ctx<'a> {
    r: Rewrite<'a>,
    /// Both networks up to here, where a layer behind wants to know.
    flow: Option<Flow<'a>>,
    stats: &'a Stats,
    bias_correction: bool,
    layers: BTreeMap<NodeId, LayerScheme>,
    /// Float values that hold the caller's codes, which only some operators read.
    raw: BTreeMap<ValueId, Quant>,
    /// Plain i8 codes of every float value.
    quants: BTreeMap<ValueId, Quant>,
    /// Constants, and the caller's codes under others (bits of the scale, zero point), made on demand.
    plain: BTreeMap<(ValueId, u64, i32), ValueId>,
    notes: Vec<LayerNote>,
}

impl Ctx<'_> {
    /// Converts one node, if there is something to convert.
    fn step(&mut self, id: NodeId) -> Result<()> {
        let node = self.r.from.node(id);
        if matches!(node.op.as_str(), "input" | "const") {
            return Ok(());
        }
        let out = self.r.from.out(id);
        let shape = &self.r.from.value(out).shape;
        // One element of higher rank raises the rank of the result.
        let v = self.node(id, node).and_then(|v| self.reshape(v, shape, &format!("{}.shape", node.outs[0].name)));
        let v = v.map_err(|e| e.at(&node.name))?;
        // What is rounded at once is no float value any more, but what the file rounds it to.
        if node.op == "Quantize" {
            self.r.stand_last(v, out)
        } else {
            self.r.stand(v, out)
        }
        Ok(())
    }

    /// Runs what has just been made on the samples.
    fn follow(&mut self, id: NodeId) -> Result<()> {
        let Some(flow) = &mut self.flow else { return Ok(()) };
        if matches!(self.r.from.node(id).op.as_str(), "input" | "const") {
            return Ok(());
        }
        let stands = |v: ValueId| {
            let plain = self.plain.range((v, 0, i32::MIN)..=(v, u64::MAX, i32::MAX)).map(|(_, &p)| p);
            self.r.computed(v).ok().into_iter().chain(plain).collect::<Vec<_>>()
        };
        flow.passed(id, &self.r.to, self.r.computed(self.r.from.out(id))?, stands)
    }

    fn node(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let ins = self.r.from.inputs_of(id);
        let q = self.quant(self.r.from.out(id))?;
        let reads = match node.op.as_str() {
            "Conv" | "Dense" => return self.weighted(id, node),
            "Add" | "Sub" | "Mul" | "Div" if self.const_operand(id).is_some() => return self.const_arith(id, node),
            "Quantize" if self.raw.contains_key(&self.r.from.out(id)) => return self.r.computed(ins[0]),
            // What rounds to codes that its operand has does nothing.
            "Quantize" => {
                let x = self.uniform(ins[0])?;
                return if self.r.to.value(x).quant.as_ref() == Some(&q) { Ok(x) } else { self.recode(id, x, q) };
            }
            op if is_move(op) && self.raw.contains_key(&self.r.from.out(id)) => {
                let (x, q) = (self.r.computed(ins[0])?, self.raw[&self.r.from.out(id)].clone());
                return self.emit(id, node.attrs.clone(), &[x], q);
            }
            "Gather" => vec![self.plain_as(ins[0], &q)?, self.r.computed(ins[1])?],
            // What only moves codes reads them under the result's.
            "MaxPool" | "ReduceMax" | "ReduceMin" => self.all_plain_as(&ins, &q)?,
            op if is_move(op) || is_join(op) => self.all_plain_as(&ins, &q)?,
            // A table may read the caller's codes as they are.
            op if is_map(op) => ins.iter().map(|&v| self.uniform(v)).collect::<Result<_>>()?,
            _ => ins.iter().map(|&v| self.plain(v)).collect::<Result<_>>()?,
        };
        let mut attrs = node.attrs.clone();
        // What the file rounds at once keeps to it: its readers were made for these codes.
        let rounded = |n: NodeId| self.r.from.node(n).op == "Quantize";
        if matches!(node.op.as_str(), "Add" | "Sub") && self.r.from.users(self.r.from.out(id)).iter().any(|u| rounded(u.0)) {
            attrs.set("fine", 1i64);
        }
        self.emit(id, attrs, &reads, q)
    }

    /// Plain codes of a float value.
    fn quant(&self, v: ValueId) -> Result<Quant> {
        let q = self.quants.get(&v).cloned();
        q.ok_or_else(|| Error::new(Code::Internal, "no statistics of this value").at(&self.r.from.value(v).name))
    }

    /// Codes of a coded value.
    fn codes(&self, v: ValueId) -> Result<Quant> {
        let value = self.r.to.value(v);
        value.quant.clone().ok_or_else(|| Error::new(Code::Internal, "a coded value without codes").at(&value.name))
    }

    /// Adds float node `id` with other operands and attributes.
    fn emit(&mut self, id: NodeId, attrs: Attrs, ins: &[ValueId], quant: Quant) -> Result<ValueId> {
        let node = self.r.from.node(id);
        let v = self.emit_as(&node.name, &node.op, attrs, ins, &node.outs[0].name, quant)?;
        self.r.fused(v, id);
        Ok(v)
    }

    /// `x` under other codes, as the result of float node `id`.
    fn recode(&mut self, id: NodeId, x: ValueId, quant: Quant) -> Result<ValueId> {
        let node = self.r.from.node(id);
        let v = self.emit_as(&node.name, "Recode", Attrs::new(), &[x], &node.outs[0].name, quant)?;
        self.r.fused(v, id);
        Ok(v)
    }

    fn emit_as(&mut self, name: &str, op: &str, attrs: Attrs, ins: &[ValueId], out: &str, quant: Quant) -> Result<ValueId> {
        let id = mcompc_ops::add_coded(&mut self.r.to, name, op, attrs, ins, out, quant)?;
        Ok(self.r.to.out(id))
    }

    /// The same codes under another shape, whose last axis is the one that scales differ along, if they do.
    fn reshape(&mut self, v: ValueId, shape: &[usize], name: &str) -> Result<ValueId> {
        if self.r.to.value(v).shape == shape {
            return Ok(v);
        }
        let q = channels_last(self.codes(v)?, shape.len());
        self.emit_as(name, "Reshape", Attrs::new().with("shape", shape), &[v], name, q)
    }

    /// Transposed so that the axis that scales differ along, if they do, is last.
    fn transposed(&mut self, v: ValueId, perm: &[usize], name: &str) -> Result<ValueId> {
        let q = channels_last(self.codes(v)?, perm.len());
        self.emit_as(name, "Transpose", Attrs::new().with("perm", perm), &[v], name, q)
    }
}

fn channels_last(q: Quant, rank: usize) -> Quant {
    let last = |p: Per<f64>| match p {
        Per::Axis(_, all) => Per::Axis(rank.saturating_sub(1) as u8, all),
        p => p,
    };
    Quant { scale: last(q.scale), zero: last(q.zero), ..q }
}
