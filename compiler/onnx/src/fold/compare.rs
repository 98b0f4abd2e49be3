//! Comparisons and logic.

use super::args::Args;
use super::numbers::{Data, Numbers, pair};
use mcompc_ir::{Code, DType, Error, Result, Tensor};
use std::cmp::Ordering;

fn truths(shape: Vec<usize>, v: impl Iterator<Item = bool>) -> Result<Tensor> {
    Numbers::ints(DType::Bool, shape, v.map(i64::from).collect()).tensor()
}

/// Equal 7, 11, 13, 19; Less, Greater 7, 9, 13; LessOrEqual, GreaterOrEqual 12, 16.
pub(super) fn compare(a: &Args<'_, '_>) -> Result<Tensor> {
    let (shape, x, y) = pair(a.limits, &a.numbers(0)?, &a.numbers(1)?)?;
    let holds = |o: Option<Ordering>| match a.op {
        "Equal" => o == Some(Ordering::Equal),
        "Less" => o == Some(Ordering::Less),
        "LessOrEqual" => matches!(o, Some(Ordering::Less | Ordering::Equal)),
        "Greater" => o == Some(Ordering::Greater),
        _ => matches!(o, Some(Ordering::Greater | Ordering::Equal)),
    };
    match (&x.data, &y.data) {
        (Data::Int(p), Data::Int(q)) => truths(shape, p.iter().zip(q).map(|(p, q)| holds(Some(p.cmp(q))))),
        _ => truths(shape, x.reals().iter().zip(&y.reals()).map(|(p, q)| holds(p.partial_cmp(q)))),
    }
}

fn booleans(n: &Numbers) -> Result<&[i64]> {
    if n.dtype == DType::Bool {
        return n.integers();
    }
    Err(Error::new(Code::UnsupportedType, format!("{} where booleans are due", n.dtype))
        .hint("the ONNX standard asks for booleans; export the model again"))
}

/// And, Or, Xor 7.
pub(super) fn logic(a: &Args<'_, '_>) -> Result<Tensor> {
    let (shape, x, y) = pair(a.limits, &a.numbers(0)?, &a.numbers(1)?)?;
    let both = booleans(&x)?.iter().zip(booleans(&y)?);
    let of = |(&p, &q): (&i64, &i64)| match a.op {
        "And" => p & q != 0,
        "Or" => p | q != 0,
        _ => p != q,
    };
    truths(shape, both.map(of))
}

/// Not 1.
pub(super) fn not(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    truths(x.shape.clone(), booleans(&x)?.iter().map(|&v| v == 0))
}

/// IsNaN 9, 13, 20.
pub(super) fn is_nan(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    truths(x.shape.clone(), x.reals().iter().map(|v| v.is_nan()))
}
