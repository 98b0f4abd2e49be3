//! Shape arithmetic: what exporters compute from sizes (Shape, Gather, Concat, Cast, Equal, Where and so on) is evaluated while importing,
//! since all sizes are known. A table with a row an operator, one file a family.
//!
//! Integers and booleans have their type's range and wrap as executors' do. Reals are doubles; a result of 32 bits is rounded once.
//! Operators on 32-bit floats that the graph has, too, are not here: [`crate::node::Builder::add_op`] evaluates them by their definition.

mod args;
mod arith;
mod bits;
pub(crate) mod cast;
mod choose;
mod compare;
mod make;
mod numbers;
mod reduce;

use crate::node::Ctx;
use args::Args;
use mcompc_ir::{DType, Result, Tensor};

/// When a node is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Always: it asks for the shape of its input only.
    Shapes,
    /// When all inputs are constants.
    Constants,
    /// When all inputs are constants, and not all of 32-bit floats.
    Integers,
}

struct Row {
    op: &'static str,
    since: i64,
    when: When,
    run: fn(&Args<'_, '_>) -> Result<Tensor>,
}

const fn row(op: &'static str, since: i64, when: When, run: fn(&Args<'_, '_>) -> Result<Tensor>) -> Row {
    Row { op, since, when, run }
}

use When::{Constants, Integers, Shapes};

static TABLE: &[Row] = &[
    row("Shape", 1, Shapes, make::shape),
    row("Size", 1, Shapes, make::size),
    row("ConstantOfShape", 9, Constants, make::constant_of_shape),
    row("Range", 11, Constants, make::range),
    row("EyeLike", 9, Shapes, make::eye_like),
    row("Cast", 6, Constants, cast::cast),
    row("CastLike", 15, Constants, cast::cast_like),
    row("Add", 7, Integers, arith::zip),
    row("Sub", 7, Integers, arith::zip),
    row("Mul", 7, Integers, arith::zip),
    row("Div", 7, Integers, arith::zip),
    row("Mod", 10, Constants, arith::modulo),
    row("Pow", 7, Integers, arith::power),
    row("Min", 6, Integers, arith::fold),
    row("Max", 6, Integers, arith::fold),
    row("Sum", 6, Integers, arith::fold),
    row("Neg", 6, Integers, arith::unary),
    row("Abs", 6, Integers, arith::unary),
    row("Sign", 9, Integers, arith::unary),
    row("Floor", 6, Integers, arith::unary),
    row("Ceil", 6, Integers, arith::unary),
    row("Round", 11, Integers, arith::unary),
    row("Sqrt", 6, Integers, arith::unary),
    row("Reciprocal", 6, Integers, arith::unary),
    row("Equal", 7, Constants, compare::compare),
    row("Less", 7, Constants, compare::compare),
    row("LessOrEqual", 12, Constants, compare::compare),
    row("Greater", 7, Constants, compare::compare),
    row("GreaterOrEqual", 12, Constants, compare::compare),
    row("And", 7, Constants, compare::logic),
    row("Or", 7, Constants, compare::logic),
    row("Xor", 7, Constants, compare::logic),
    row("Not", 1, Constants, compare::not),
    row("BitwiseAnd", 18, Constants, bits::both),
    row("BitwiseOr", 18, Constants, bits::both),
    row("BitwiseXor", 18, Constants, bits::both),
    row("BitwiseNot", 18, Constants, bits::not),
    row("BitShift", 11, Constants, bits::shift),
    row("IsNaN", 9, Constants, compare::is_nan),
    row("Where", 9, Constants, choose::choose),
    row("NonZero", 9, Constants, choose::non_zero),
    row("Trilu", 14, Constants, choose::triangle),
    row("OneHot", 9, Constants, choose::one_hot),
    row("CumSum", 11, Constants, reduce::running),
    row("ReduceSum", 1, Integers, reduce::reduce),
    row("ReduceProd", 1, Constants, reduce::reduce),
    row("ReduceMax", 1, Integers, reduce::reduce),
    row("ReduceMin", 1, Integers, reduce::reduce),
    row("ReduceMean", 1, Integers, reduce::reduce),
    row("ArgMax", 1, Constants, reduce::place),
    row("ArgMin", 1, Constants, reduce::place),
];

/// Names of the operators that are evaluated where everything that they read is known, with their first operator sets.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, i64)> {
    TABLE.iter().map(|r| (r.op, r.since))
}

/// Whether the operator is evaluated where everything that it reads is known.
pub(crate) fn has(op: &str) -> bool {
    TABLE.iter().any(|r| r.op == op)
}

/// The result of the node, where its operator is one of those above and what it reads is known.
pub(crate) fn evaluate(c: &mut Ctx<'_, '_, '_>) -> Result<Option<Tensor>> {
    let Some(row) = TABLE.iter().find(|r| r.op == c.op && c.opset >= r.since) else { return Ok(None) };
    let mut args = Args { op: c.op, opset: c.opset, attrs: &c.attrs, limits: c.b.limits(), ins: Vec::new(), shape: Vec::new() };
    if row.when == When::Shapes {
        let Some(shape) = c.input_name(0).and_then(|name| c.b.shape_of(name)) else { return Ok(None) };
        args.shape = shape;
    } else {
        let n = c.node.input.iter().rposition(|x| !x.is_empty()).map_or(0, |i| i + 1);
        for i in 0..n {
            let name = c.input_name(i);
            let known = name.and_then(|name| c.b.known(name));
            if name.is_some() && known.is_none() {
                return Ok(None);
            }
            args.ins.push(known);
        }
        if row.when == When::Integers && args.ins.iter().flatten().all(|t| t.dtype == DType::F32) {
            return Ok(None);
        }
    }
    let t = (row.run)(&args)?;
    c.b.reader.materialise(t.bytes().len() as u64)?;
    Ok(Some(t))
}
