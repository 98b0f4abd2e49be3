//! Operators on the bits of integers.

use super::args::Args;
use super::numbers::{Numbers, pair};
use crate::attrs::unsupported;
use mcompc_ir::{Result, Tensor};

/// BitwiseAnd, BitwiseOr, BitwiseXor 18.
pub(super) fn both(a: &Args<'_, '_>) -> Result<Tensor> {
    let (shape, x, y) = pair(a.limits, &a.numbers(0)?, &a.numbers(1)?)?;
    let of = |(&p, &q): (&i64, &i64)| match a.op {
        "BitwiseAnd" => p & q,
        "BitwiseOr" => p | q,
        _ => p ^ q,
    };
    let v = x.integers()?.iter().zip(y.integers()?).map(of).collect();
    Numbers::ints(x.dtype, shape, v).tensor()
}

/// BitwiseNot 18.
pub(super) fn not(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let v = x.integers()?.iter().map(|v| !v).collect();
    Numbers::ints(x.dtype, x.shape, v).tensor()
}

/// BitShift 11, of unsigned integers.
pub(super) fn shift(a: &Args<'_, '_>) -> Result<Tensor> {
    let (shape, x, y) = pair(a.limits, &a.numbers(0)?, &a.numbers(1)?)?;
    let left = match a.attrs.str_or("direction", "")? {
        "LEFT" => true,
        "RIGHT" => false,
        word => return Err(unsupported("direction", word).hint("the standard has LEFT and RIGHT")),
    };
    let of = |(&p, &q): (&i64, &i64)| match u32::try_from(q).ok().filter(|&q| q < 63) {
        Some(q) if left => p << q,
        Some(q) => p >> q,
        None => 0,
    };
    let v = x.integers()?.iter().zip(y.integers()?).map(of).collect();
    Numbers::ints(x.dtype, shape, v).tensor()
}
