//! A coded graph becomes integers only: every operator of it one integer operator (rarely two), names kept. Nothing is decided here; what the
//! codes of a value mean, which codes the weights are, all that is in the coded graph. docs/numerics.md is the definition of what comes out.
#![forbid(unsafe_code)]

mod add;
mod arg_max;
mod curve;
pub mod dyadic;
mod forms;
mod gather;
mod hypot;
mod linear;
mod matmul;
mod moves;
mod mul;
mod norm;
mod pool;
mod runs;
mod softmax;
mod unary;

pub use forms::{FORMS, Form, form_of, problems, supported};

use mcompc_ir::{Attrs, Code, Codes, DType, Error, Graph, Node, NodeId, Output, Quant, Result, Tensor, Value, ValueId};
use mcompc_ops::{Level, Rewrite, act, reals};
use std::collections::BTreeMap;

/// How a layer with weights is computed, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accumulator {
    /// ONNX name of the layer.
    pub node: String,
    /// Integer operator.
    pub op: String,
    /// Proven bound of every partial sum; at most 2^31 - 1.
    pub bound: u64,
    /// Left shift before the multiplication.
    pub pre: u32,
    /// Right shift after it.
    pub shift: u32,
}

/// The result of [`integerize`].
#[derive(Clone, Debug)]
pub struct Integerized {
    /// Of the integer level.
    pub graph: Graph,
    /// Layers with weights, in the order of execution.
    pub layers: Vec<Accumulator>,
    /// Value of `graph` -> the value of the coded graph that it stands for.
    pub origin: BTreeMap<ValueId, ValueId>,
}

/// Makes a coded graph (channels last) integer. Inputs have the codes that the graph says.
///
/// # Errors
/// `NoInteger` with the node's name for an operator or a form of it that has no integer counterpart, `Overflow` where an accumulator
/// cannot be proven to stay within 32 bits, `NotFinite` for constants that are NaN or infinite.
pub fn integerize(coded: &Graph) -> Result<Integerized> {
    let mut ctx = Ctx { r: Rewrite::new(coded), under: BTreeMap::new(), layers: Vec::new() };
    for &id in &coded.inputs {
        ctx.input(id)?;
    }
    for id in coded.topo()? {
        ctx.step(id)?;
    }
    // Constants that are outputs have no operator to follow.
    let codes = |id: NodeId| coded.value(coded.out(id)).quant.as_ref().filter(|q| q.is_result()).map(|q| q.codes);
    let widest = coded.ids().into_iter().filter_map(codes).max().unwrap_or(Codes::I8);
    for o in &coded.outputs {
        let value = ctx.operand(o.value, widest).map_err(|e| e.at(&o.name))?;
        ctx.r.to.outputs.push(Output { name: o.name.clone(), value });
    }
    let (graph, origin) = ctx.r.finish(Level::Integer)?;
    Ok(Integerized { graph, layers: ctx.layers, origin })
}

/// The state of one conversion, from a coded graph to an integer one.
pub struct Ctx<'a> {
    r: Rewrite<'a>,
    /// Constants, and values under other codes than their own, by quantization (codes, bits of the scale, zero point); made on demand.
    under: BTreeMap<(ValueId, Codes, u64, i32), ValueId>,
    layers: Vec<Accumulator>,
}

fn no_integer<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::new(Code::NoInteger, what))
}

impl<'a> Ctx<'a> {
    /// Adds a graph input under its ONNX name.
    fn input(&mut self, id: NodeId) -> Result<()> {
        let v = self.r.from.out(id);
        let value = self.r.from.value(v);
        if value.dtype == DType::I32 && value.quant.is_none() {
            self.r.input(id, value.clone());
            return Ok(());
        }
        let q = self.quant(v)?;
        // What an integer operator subtracts from codes that have no common zero; layers carry the rest in weights and bias.
        let quant = Some(if q.is_plain() { q.clone() } else { q.nominal() });
        self.r.input(id, Value { quant, ..Value::new(value.name.clone(), q.codes.dtype(), value.shape.clone()) });
        Ok(())
    }

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
        self.r.stand(v.map_err(|e| e.at(&node.name))?, out);
        Ok(())
    }

    fn node(&mut self, id: NodeId, node: &Node) -> Result<ValueId> {
        let form = forms::of(&node.op)?;
        (form.accepts)(self.r.from, id)?;
        (form.run)(self, id, node)
    }

    /// What the codes of a value of the coded graph mean.
    fn quant(&self, v: ValueId) -> Result<&'a Quant> {
        let value = self.r.from.value(v);
        value.quant.as_ref().ok_or_else(|| Error::new(Code::Internal, "a value without codes in a coded graph").at(&value.name))
    }

    /// As [`Self::quant`], of a result that arithmetic makes: signed codes of 8 to 16 bits under one scale, or of 32.
    fn result(&self, id: NodeId) -> Result<Quant> {
        let v = self.r.from.out(id);
        let q = self.quant(v)?;
        if q.is_result() || q.is_wide() {
            return Ok(q.clone());
        }
        let e = Error::new(
            Code::NoInteger,
            format!("a result in {} codes that are not i8 or i16 under one scale and zero point", q.codes.name()),
        );
        Err(e.at(&self.r.from.value(v).name).hint("results of arithmetic are i8 or i16 per tensor"))
    }

    /// The integer value of an operand under one scale and one zero point: its own, those of the constant where it is one, in such codes as the
    /// result's.
    fn operand(&mut self, v: ValueId, codes: Codes) -> Result<ValueId> {
        let q = match (&self.r.from.value(v).quant, self.r.from.const_of(v)) {
            (Some(q), _) => q.clone(),
            (None, Some(_)) => Quant::holding(codes, reals(self.r.from, v)?.into_iter().map(f64::from)),
            (None, None) => self.quant(v)?.clone(),
        };
        if !q.is_plain() {
            return no_integer(format!(
                "`{}` has no single scale and zero point, which only layers with weights can read",
                self.r.from.value(v).name
            ));
        }
        self.operand_as(v, &q)
    }

    /// As [`Self::operand`] under a quantization of the reader's choice: constants are rounded to it at once, everything else is recoded.
    fn operand_as(&mut self, v: ValueId, q: &Quant) -> Result<ValueId> {
        let key = (v, q.codes, q.step().to_bits(), q.zero_point());
        if let Some(&p) = self.under.get(&key) {
            return Ok(p);
        }
        let value = self.r.from.value(v).clone();
        let p = match self.r.from.const_of(v) {
            Some(t) if value.quant.as_ref() == Some(q) => {
                let p = self.r.to.add_const(&value.name, t.clone());
                self.r.to.value_mut(p).quant = Some(q.clone());
                p
            }
            Some(_) => {
                let data: Vec<f64> = reals(self.r.from, v)?.into_iter().map(f64::from).collect();
                self.quantized_const(&value.name, &value.shape, &data, q)?
            }
            None => {
                let x = self.r.computed(v)?;
                if self.quant(v)? == q {
                    return Ok(x);
                }
                let name = self.r.fresh(&format!("{}.rescaled", value.name));
                self.recoded(v, q, &name, &name)?
            }
        };
        self.under.insert(key, p);
        Ok(p)
    }

    /// Quantization of an integer value.
    fn codes(&self, v: ValueId) -> Result<&Quant> {
        let value = self.r.to.value(v);
        value.quant.as_ref().ok_or_else(|| Error::new(Code::Internal, "an integer value without quantization").at(&value.name))
    }

    /// Adds an integer operator for node `id` whose result stands for the node's output.
    fn emit(&mut self, id: NodeId, op: &str, attrs: Attrs, ins: &[ValueId], quant: Quant) -> Result<ValueId> {
        let node = self.r.from.node(id);
        let v = self.emit_as(&node.name, op, attrs, ins, &node.outs[0].name, Some(quant))?;
        self.r.fused(v, id);
        Ok(v)
    }

    fn emit_as(&mut self, name: &str, op: &str, attrs: Attrs, ins: &[ValueId], out: &str, quant: Option<Quant>) -> Result<ValueId> {
        let id = mcompc_ops::add_op(&mut self.r.to, name, op, attrs, ins, out, quant)?;
        Ok(self.r.to.out(id))
    }

    /// The same codes under another shape.
    fn reshape(&mut self, v: ValueId, shape: &[usize], name: &str) -> Result<ValueId> {
        if self.r.to.value(v).shape == shape {
            return Ok(v);
        }
        self.emit_as(name, "Reshape", Attrs::new().with("shape", shape), &[v], name, None)
    }

    /// A constant reals tensor as codes under `q`.
    fn quantized_const(&mut self, name: &str, shape: &[usize], data: &[f64], q: &Quant) -> Result<ValueId> {
        let codes: Vec<i32> = data.iter().map(|&x| q.code(x)).collect();
        let v = self.r.to.add_const(name, Tensor::from_ints(q.codes.dtype(), shape, &codes)?);
        self.r.to.value_mut(v).quant = Some(q.clone());
        Ok(v)
    }
}

/// Codes of an optional fused clamp; all codes where there is none.
fn clamp_codes(node: &Node, q: &Quant) -> Result<(i64, i64)> {
    let (lo, hi) = act(node)?;
    Ok((q.code(lo).into(), q.code(hi).into()))
}

/// The clamp to all codes of a computed value, as attributes.
fn unclamped(attrs: Attrs, q: &Quant) -> Attrs {
    attrs.with("lo", i64::from(q.codes.min())).with("hi", i64::from(q.codes.max()))
}
