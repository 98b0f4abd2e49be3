//! The three levels of a graph, and what holds at each.
//!
//! *Float*: reals, no quantization. *Coded*: float operators, but every computed value carries the codes that its reals are rounded to, and the
//! weights of layers are codes; everything that quantization decides is said. *Integer*: integers and exact operators only.

use crate::{Ctx, infer, named};
use mcompc_ir::{Attrs, Code, DType, Error, Graph, Node, NodeId, Quant, Result, Tensor, Value, ValueId};

/// How far a graph has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Reals.
    Float,
    /// Reals that are rounded to codes.
    Coded,
    /// Integers.
    Integer,
}

/// Operators that only move or choose elements, and so belong to every level.
const EVERYWHERE: &[&str] = &["input", "const", "Reshape", "Transpose", "Slice", "Pad", "Concat", "Gather", "ReduceMax", "ReduceMin"];

impl Level {
    /// Name in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Coded => "coded",
            Self::Integer => "integer",
        }
    }
    /// The level that a graph must be of: its operators and values allow no other.
    pub fn of(g: &Graph) -> Self {
        let values = || g.ids().into_iter().flat_map(|id| &g.node(id).outs);
        if g.ids().into_iter().any(|id| g.node(id).op.starts_with("q.")) || !values().any(|v| v.dtype == DType::F32) {
            Self::Integer
        } else if values().any(|v| v.quant.is_some()) {
            Self::Coded
        } else {
            Self::Float
        }
    }
    /// Whether graphs of this level have the operator.
    pub fn has(self, op: &str) -> bool {
        EVERYWHERE.contains(&op)
            || match self {
                Self::Float | Self::Coded => !op.starts_with("q."),
                Self::Integer => op.starts_with("q."),
            }
    }
    /// Whether this level has such a value; `constant` ones may be weights.
    fn takes(self, v: &Value, constant: bool) -> bool {
        match self {
            Self::Float => v.quant.is_none(),
            // Weights are codes, biases reals of 64 bits, which some codes are finer than 32 can say.
            Self::Coded if constant => v.quant.is_some() != matches!(v.dtype, DType::F32 | DType::F64),
            // Indices are integers at every level, and no codes.
            Self::Coded => v.dtype == DType::F32 && v.quant.is_some() || v.dtype == DType::I32 && v.quant.is_none(),
            Self::Integer => v.dtype != DType::F32 && (constant || v.quant.is_some() || v.dtype == DType::I32),
        }
    }
}

/// What an operator of the coded level sees of a value: reals.
pub fn real(v: &Value) -> Value {
    let dtype = if v.quant.is_some() || v.dtype == DType::F64 { DType::F32 } else { v.dtype };
    Value { dtype, quant: None, ..v.clone() }
}

/// [`crate::infer_in`] at a level: at the coded one operators see reals, and a result keeps its quantization.
pub(crate) fn infer_at(g: &Graph, id: NodeId, level: Level) -> Result<Vec<Value>> {
    if level != Level::Coded || g.node(id).op == "const" {
        return crate::infer_in(g, id);
    }
    let node = g.node(id);
    let ins: Vec<Value> = g.inputs_of(id).into_iter().map(|v| real(g.value(v))).collect();
    let bare = Node { outs: node.outs.iter().map(real).collect(), ..node.clone() };
    let outs = infer(&bare, &ins.iter().collect::<Vec<_>>())?;
    Ok(outs.into_iter().enumerate().map(|(i, v)| Value { quant: node.outs.get(i).and_then(|o| o.quant.clone()), ..v }).collect())
}

/// Adds a node of the coded level, whose result is rounded to `quant`.
///
/// # Errors
/// Those of inference; the graph is then unchanged.
pub fn add_coded(g: &mut Graph, name: &str, op: &str, attrs: Attrs, inputs: &[ValueId], out: &str, quant: Quant) -> Result<NodeId> {
    let ins: Vec<Value> = inputs.iter().map(|&v| real(g.value(v))).collect();
    let outs = vec![Value::new(out, DType::F32, [])];
    let node = Node { name: name.into(), op: op.into(), attrs, outs, tensor: None, fused: Vec::new() };
    let mut outs = infer(&node, &ins.iter().collect::<Vec<_>>())?;
    if let Some(v) = outs.first_mut() {
        v.quant = Some(quant);
    }
    Ok(g.add_node(name, op, node.attrs, inputs, outs))
}

/// [`mcompc_ir::verify`], every value is what inference says, operators and values are of the level, and the constants of integer operators
/// are what these take: no input of a verified integer graph carries an accumulator out of 32 bits.
///
/// # Errors
/// [`Code::Verify`] where a value differs or is not of the level, those of [`infer`], and of constants.
pub fn verify_at(g: &Graph, level: Level) -> Result<()> {
    check(g, level, true)
}

/// As [`verify_at`]; whether the values, too, must be of the level. A graph of a few integer constants and moves is of none.
pub(crate) fn check(g: &Graph, level: Level, values: bool) -> Result<()> {
    mcompc_ir::verify(g)?;
    for id in g.topo()? {
        let node = g.node(id);
        let wrong = |what: String| {
            let e = Error::new(Code::Verify, format!("{what} in a graph of the {} level", level.name())).at(&node.name);
            Err(e.hint("a stage was given the result of another, or left something behind; a bug worth reporting"))
        };
        if !level.has(&node.op) {
            return wrong(format!("operator {}", node.op));
        }
        if let Some(v) = node.outs.iter().find(|v| values && !level.takes(v, node.op == "const")) {
            return wrong(format!("`{}`, {}{:?} {}", v.name, v.dtype, v.shape, if v.quant.is_some() { "codes" } else { "without codes" }));
        }
        let want = infer_at(g, id, level)?;
        let same = |a: &Value, b: &Value| (a.dtype, &a.shape, &a.quant) == (b.dtype, &b.shape, &b.quant);
        if node.outs.len() != want.len() || !node.outs.iter().zip(&want).all(|(a, b)| same(a, b)) {
            let show = |v: &[Value]| v.iter().map(|v| format!("{}{:?} {:?}", v.dtype, v.shape, v.quant)).collect::<Vec<_>>().join(", ");
            let e = Error::new(Code::Verify, format!("the outputs are {}, inference says {}", show(&node.outs), show(&want)));
            return Err(e.at(&node.name).hint("a pass changed one node and not its readers; a bug worth reporting"));
        }
        let inputs = g.inputs_of(id);
        let ins: Vec<&Value> = inputs.iter().map(|&v| g.value(v)).collect();
        let constants: Vec<Option<&Tensor>> = inputs.iter().map(|&v| g.const_of(v)).collect();
        crate::int::constants(&Ctx { node, ins: &ins }, &constants).map_err(|e| named(e, node))?;
    }
    Ok(())
}
