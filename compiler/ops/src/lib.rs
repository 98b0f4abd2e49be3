//! Every operator of the graph: documentation, attributes, shape inference, reference semantics. One file an operator, one row of [`OPS`].
//!
//! The semantics here are the definition: f32 operators accumulate in f64 and round once, at the end; integer operators are computed
//! exactly in 64 and 128 bits. They know no machine and no packing, and speed is nobody's concern.
#![forbid(unsafe_code)]

mod broadcast;
mod chain;
pub mod coded;
mod def;
mod docs;
mod elementwise;
mod float;
mod int;
mod level;
mod map;
mod maps;
mod moves;
mod product;
pub mod proof;
mod read;
mod reduce;
mod rewrite;
mod window;

pub use broadcast::{offsets, shape as broadcast};
pub use def::{AttrDef, Ctx, Kind, OpDef};
pub use docs::docs;
pub use float::arg_max::place_codes;
pub use float::quantize::{given_codes, rounded};
pub use int::{Curve, Hypot, LIMB, Norm, Rescale, spans_a_byte};
pub use level::{Level, add_coded, real, verify_at};
pub use map::{Default, Function, Map};
pub use maps::{function, functions, is_map};
pub use moves::gather::row_of;
pub use moves::pad::PadMode;
pub use product::Product;
pub use read::{act, counts, pad_value, reals, spread};
pub use rewrite::Rewrite;
pub use window::{Axis, Window};

use mcompc_ir::{Attrs, Code, Error, Graph, Node, NodeId, Quant, Result, Tensor, Value, ValueId};

/// The operator table, in the order of docs/ops.md: the functions of one value come last.
pub static OPS: &[&OpDef] = &all(&elementwise::ALL, &chain::F);

const fn all(functions: &[&'static Function], chain: &'static Function) -> [&'static OpDef; OTHERS.len() + elementwise::COUNT + 1] {
    let mut all = [&chain.op; OTHERS.len() + elementwise::COUNT + 1];
    let mut i = 0;
    while i < OTHERS.len() {
        all[i] = OTHERS[i];
        i += 1;
    }
    while i < OTHERS.len() + functions.len() {
        all[i] = &functions[i - OTHERS.len()].op;
        i += 1;
    }
    all
}

/// Operators that are not functions of one value.
const OTHERS: &[&OpDef] = &[
    &float::conv::OP,
    &float::dense::OP,
    &float::matmul::OP,
    &float::add::OP,
    &float::sub::OP,
    &float::mul::OP,
    &float::div::OP,
    &float::softmax::OP,
    &float::norm::OP,
    &float::hypot::OP,
    &float::average_pool::OP,
    &float::max_pool::OP,
    &float::batch_normalization::OP,
    &float::reduce_mean::OP,
    &float::recode::OP,
    &float::quantize::OP,
    &float::reduce_sum::OP,
    &float::arg_max::OP,
    &moves::reshape::OP,
    &moves::transpose::OP,
    &moves::slice::OP,
    &moves::pad::OP,
    &moves::concat::OP,
    &moves::gather::OP,
    &moves::reduce_max::OP,
    &moves::reduce_min::OP,
    &moves::input::OP,
    &moves::constant::OP,
    &int::conv::OP,
    &int::dense::OP,
    &int::matmul::OP,
    &int::add::OP,
    &int::mul::OP,
    &int::avgpool::OP,
    &int::maxpool::OP,
    &int::sum::OP,
    &int::softmax::OP,
    &int::norm::OP,
    &int::hypot::OP,
    &int::lut::OP,
    &int::curve::OP,
    &int::rescale_op::OP,
    &int::arg_max::OP,
];

/// Operators whose result holds elements of their one input and nothing else, in whatever order.
static MOVES: &[&OpDef] = &[&moves::reshape::OP, &moves::transpose::OP, &moves::slice::OP];

/// Operators that move elements, too, beside those of other inputs or a filling.
static JOINS: &[&OpDef] = &[&moves::concat::OP, &moves::pad::OP];

/// Whether an operator's result holds elements of its one input and nothing else: it computes nothing, and says nothing of its own.
pub fn is_move(op: &str) -> bool {
    MOVES.iter().any(|d| d.name == op)
}

/// Whether an operator sets elements of its inputs side by side, or a filling around them, and computes nothing.
pub fn is_join(op: &str) -> bool {
    JOINS.iter().any(|d| d.name == op)
}

/// The row of an operator.
///
/// # Errors
/// [`Code::UnsupportedOp`] for a name that is not in the table.
pub fn find(op: &str) -> Result<&'static OpDef> {
    OPS.iter().copied().find(|d| d.name == op).ok_or_else(|| {
        Error::new(Code::UnsupportedOp, format!("operator `{op}` is not supported")).hint("docs/ops.md lists the supported operators")
    })
}

fn named(e: Error, n: &Node) -> Error {
    e.at(&n.name)
        .general_hint(format!("docs/ops.md says what {} takes; export the model again with shapes, types and attributes that fit", n.op))
}

/// Requires at least one element, and that the value fits the address space: operators multiply dimensions without further checks.
fn sized(v: &Value) -> Result<()> {
    let bytes = v.shape.iter().try_fold(v.dtype.size(), |a, &d| if d == 0 { None } else { a.checked_mul(d) });
    match bytes {
        Some(b) if b <= isize::MAX as usize => Ok(()),
        _ => def::shape_error(format!("`{}` would be {}{:?}: empty, or larger than the address space", v.name, v.dtype, v.shape)),
    }
}

/// Output values of a node that reads `ins`: types, shapes, and quantization (the input's for operators that only move codes, the one
/// already in `node.outs` for integer arithmetic, none for floats). Names are those already in `node.outs`, else the node's.
///
/// # Errors
/// With the node's name: unknown operator, an attribute missing, unknown or of the wrong type, inputs that do not fit.
pub fn infer(node: &Node, ins: &[&Value]) -> Result<Vec<Value>> {
    let c = Ctx { node, ins };
    let run = || {
        let d = find(&node.op)?;
        def::check(d, &c)?;
        ins.iter().try_for_each(|v| sized(v))?;
        let outs = (d.infer)(&c)?;
        outs.iter().try_for_each(|v| if ins.is_empty() { Ok(()) } else { sized(v) })?;
        Ok(outs)
    };
    run().map_err(|e| named(e, node))
}

/// The reference result of a node on `tensors`, one per input of `ins`. For integer operators `node.outs` holds the output quantization.
///
/// # Errors
/// Those of [`infer`], tensors that do not match `ins`, and [`Code::Overflow`] where an integer accumulator would leave 32 bits.
pub fn eval(node: &Node, ins: &[&Value], tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
    infer(node, ins)?;
    let fits = ins.len() == tensors.len() && ins.iter().zip(tensors).all(|(v, t)| v.dtype == t.dtype && v.shape == t.shape);
    if !fits {
        return Err(named(Error::new(Code::Internal, "the tensors are not of the types that were inferred"), node));
    }
    find(&node.op).and_then(|d| (d.eval)(&Ctx { node, ins }, tensors)).map_err(|e| named(e, node))
}

/// Output values of a node of a graph, from the values it reads; see [`infer`].
///
/// # Errors
/// Those of [`infer`].
pub fn infer_in(g: &Graph, id: NodeId) -> Result<Vec<Value>> {
    let inputs = g.inputs_of(id);
    let ins: Vec<&Value> = inputs.iter().map(|&v| g.value(v)).collect();
    infer(g.node(id), &ins)
}

/// Adds a node with inferred outputs; output 0 is called `out` and, for integer arithmetic, has the quantization `quant`.
///
/// # Errors
/// Those of [`infer`]; the graph is then unchanged.
pub fn add_op(g: &mut Graph, name: &str, op: &str, attrs: Attrs, inputs: &[ValueId], out: &str, quant: Option<Quant>) -> Result<NodeId> {
    let first = Value { quant, ..Value::new(out, mcompc_ir::DType::F32, []) };
    let node = Node { name: name.into(), op: op.into(), attrs, outs: vec![first], tensor: None, fused: Vec::new() };
    let ins: Vec<&Value> = inputs.iter().map(|&v| g.value(v)).collect();
    let outs = infer(&node, &ins)?;
    Ok(g.add_node(name, op, node.attrs, inputs, outs))
}

/// Recomputes every value from the graph's inputs on; what passes call after they changed shapes. Names and chosen quantizations stay.
///
/// # Errors
/// Those of [`infer`], and a cycle.
pub fn infer_all(g: &mut Graph) -> Result<()> {
    for id in g.topo()? {
        g.node_mut(id).outs = infer_in(g, id)?;
    }
    Ok(())
}

/// [`verify_at`] for the one level that the graph can be of; values of a float or an integer graph may be of any type.
///
/// # Errors
/// Those of [`verify_at`].
pub fn verify(g: &Graph) -> Result<()> {
    let level = Level::of(g);
    level::check(g, level, level == Level::Coded)
}
