//! The by-the-book interpreter: each node's reference semantics in topological order.

use mcompc_ir::{Code, Error, Graph, Node, NodeId, Result, Tensor, Value, ValueId};
use mcompc_ops::{Level, coded};
use std::collections::BTreeMap;

/// Every value of one run.
#[derive(Clone, Debug)]
pub struct Trace {
    /// All values, graph inputs and constants included.
    pub values: BTreeMap<ValueId, Tensor>,
    /// The graph's outputs in order.
    pub outputs: Vec<Tensor>,
}

/// Runs the graph on one tensor per graph input, in order; gives one per output. Graphs of every level; values of a coded graph are the reals
/// of their codes.
///
/// # Errors
/// [`Code::BadShape`] or [`Code::UnsupportedType`] where an input does not match, with the input's name; errors of the operators.
pub fn run(g: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    let mut last: BTreeMap<ValueId, usize> = BTreeMap::new();
    let order = g.topo()?;
    for (i, &id) in order.iter().enumerate() {
        last.extend(g.inputs_of(id).into_iter().map(|v| (v, i)));
    }
    last.extend(g.outputs.iter().map(|o| (o.value, usize::MAX)));
    let (mut values, level) = (given(g, inputs)?, Level::of(g));
    for (i, &id) in order.iter().enumerate() {
        step(g, id, level, &mut values)?;
        for v in g.inputs_of(id) {
            if last.get(&v) == Some(&i) {
                values.remove(&v);
            }
        }
    }
    outputs(g, &values)
}

/// As [`run`], keeping every intermediate value.
///
/// # Errors
/// Those of [`run`].
pub fn run_all(g: &Graph, inputs: &[Tensor]) -> Result<Trace> {
    let (mut values, level) = (given(g, inputs)?, Level::of(g));
    for id in g.topo()? {
        step(g, id, level, &mut values)?;
    }
    Ok(Trace { outputs: outputs(g, &values)?, values })
}

pub(crate) fn given(g: &Graph, inputs: &[Tensor]) -> Result<BTreeMap<ValueId, Tensor>> {
    let hint = "give one tensor per graph input, in order, of its type and static shape";
    if inputs.len() != g.inputs.len() {
        return Err(Error::new(Code::BadShape, format!("{} inputs for a graph of {}", inputs.len(), g.inputs.len())).hint(hint));
    }
    let mut values = BTreeMap::new();
    for (&id, t) in g.inputs.iter().zip(inputs) {
        let v = g.value(g.out(id));
        if t.dtype != v.dtype {
            return Err(Error::new(Code::UnsupportedType, format!("the input is {}, given {}", v.dtype, t.dtype)).at(&v.name).hint(hint));
        }
        if t.shape != v.shape {
            return Err(Error::new(Code::BadShape, format!("the input has shape {:?}, given {:?}", v.shape, t.shape))
                .at(&v.name)
                .hint(hint));
        }
        values.insert(g.out(id), t.clone());
    }
    Ok(values)
}

fn lost(g: &Graph, v: ValueId) -> Error {
    Error::new(Code::Internal, format!("`{}` was not computed", g.value(v).name))
}

pub(crate) fn step(g: &Graph, id: NodeId, level: Level, values: &mut BTreeMap<ValueId, Tensor>) -> Result<()> {
    let n = g.node(id);
    if level == Level::Coded {
        return rounded(g, id, values);
    }
    if n.op == "input" {
        return Ok(());
    }
    let inputs = g.inputs_of(id);
    let ins: Vec<&Value> = inputs.iter().map(|&v| g.value(v)).collect();
    let tensors = inputs.iter().map(|v| values.get(v).ok_or_else(|| lost(g, *v))).collect::<Result<Vec<_>>>()?;
    let outs = mcompc_ops::eval(n, &ins, &tensors)?;
    values.extend(outs.into_iter().enumerate().map(|(port, t)| (ValueId { node: id, port: port as u32 }, t)));
    Ok(())
}

/// A node of a coded graph.
fn rounded(g: &Graph, id: NodeId, values: &mut BTreeMap<ValueId, Tensor>) -> Result<()> {
    let (n, inputs, out) = (g.node(id), g.inputs_of(id), g.out(id));
    let value = g.value(out);
    if n.op == "input" && value.quant.is_none() {
        // An index.
        return Ok(());
    }
    let mut data = match n.op.as_str() {
        "const" => coded::constant(g, out)?,
        "input" => values.get(&out).ok_or_else(|| lost(g, out))?.as_f32()?.into_owned(),
        _ => {
            let ins: Vec<Value> = inputs.iter().map(|&v| mcompc_ops::real(g.value(v))).collect();
            let tensors = inputs.iter().map(|v| values.get(v).ok_or_else(|| lost(g, *v))).collect::<Result<Vec<_>>>()?;
            let bare = Node { outs: n.outs.iter().map(mcompc_ops::real).collect(), ..n.clone() };
            mcompc_ops::eval(&bare, &ins.iter().collect::<Vec<_>>(), &tensors)?[0].as_f32()?.into_owned()
        }
    };
    if let Some(q) = value.quant.as_ref().filter(|_| n.op != "const") {
        coded::round(q, &value.shape, &mut data);
    }
    values.insert(out, Tensor::from_f32(value.shape.clone(), &data)?);
    Ok(())
}

pub(crate) fn outputs(g: &Graph, values: &BTreeMap<ValueId, Tensor>) -> Result<Vec<Tensor>> {
    g.outputs.iter().map(|o| values.get(&o.value).cloned().ok_or_else(|| lost(g, o.value))).collect()
}
