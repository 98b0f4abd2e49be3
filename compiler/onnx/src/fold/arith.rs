//! Arithmetic on constants that are not 32-bit floats: sizes mostly.

use super::args::Args;
use super::numbers::{Data, Numbers, pair};
use mcompc_ir::{Code, DType, Error, Result, Tensor};

fn by_zero(op: &str) -> Error {
    Error::new(Code::BadTensor, format!("{op} of integers by 0"))
        .hint("a size is 0 that must not be; was the model made for another input size?")
}

/// `i` on integers, which may fail by division, or `r` on reals, element by element.
fn apply(a: &Args<'_, '_>, x: &Numbers, y: &Numbers, i: fn(i64, i64) -> Option<i64>, r: fn(f64, f64) -> f64) -> Result<Numbers> {
    let (shape, x, y) = pair(a.limits, x, y)?;
    let data = match (&x.data, &y.data) {
        (Data::Int(p), Data::Int(q)) => {
            Data::Int(p.iter().zip(q).map(|(&p, &q)| i(p, q)).collect::<Option<Vec<_>>>().ok_or_else(|| by_zero(a.op))?)
        }
        _ => Data::Real(x.reals().iter().zip(&y.reals()).map(|(&p, &q)| r(p, q)).collect()),
    };
    // Wrapped to the type before anything else reads it.
    Numbers::of(&Numbers { dtype: x.dtype, shape, data }.tensor()?)
}

fn both(a: &Args<'_, '_>, x: &Numbers, y: &Numbers) -> Result<Numbers> {
    match a.op {
        "Add" | "Sum" => apply(a, x, y, |p, q| Some(p.wrapping_add(q)), |p, q| p + q),
        "Sub" => apply(a, x, y, |p, q| Some(p.wrapping_sub(q)), |p, q| p - q),
        "Mul" => apply(a, x, y, |p, q| Some(p.wrapping_mul(q)), |p, q| p * q),
        // Integers are divided towards zero.
        "Div" => apply(a, x, y, |p, q| (q != 0).then(|| p.wrapping_div(q)), |p, q| p / q),
        "Min" => apply(a, x, y, |p, q| Some(p.min(q)), f64::min),
        "Max" => apply(a, x, y, |p, q| Some(p.max(q)), f64::max),
        op => Err(Error::new(Code::Internal, format!("{op} is not folded"))),
    }
}

/// Add, Sub, Mul, Div 7, 13, 14.
pub(super) fn zip(a: &Args<'_, '_>) -> Result<Tensor> {
    both(a, &a.numbers(0)?, &a.numbers(1)?)?.tensor()
}

/// Min, Max, Sum 6, 8, 12, 13 of one or more.
pub(super) fn fold(a: &Args<'_, '_>) -> Result<Tensor> {
    let all = a.all()?;
    let mut y = a.numbers(0)?;
    for x in &all[1..] {
        y = both(a, &y, x)?;
    }
    y.tensor()
}

/// Mod 10, 13: the sign of the divisor, or with `fmod` of the dividend.
pub(super) fn modulo(a: &Args<'_, '_>) -> Result<Tensor> {
    let (x, y) = (a.numbers(0)?, a.numbers(1)?);
    if a.attrs.flag("fmod", false)? {
        return apply(a, &x, &y, |p, q| (q != 0).then(|| p.wrapping_rem(q)), libm::fmod)?.tensor();
    }
    let floored = |p: i64, q: i64| {
        (q != 0).then(|| p.wrapping_sub(q.wrapping_mul(p.wrapping_div(q) - i64::from(p.wrapping_rem(q) != 0 && (p < 0) != (q < 0)))))
    };
    apply(a, &x, &y, floored, |p, q| p - q * (p / q).floor())?.tensor()
}

/// Pow 7, 12, 13, 15: the type of the base.
pub(super) fn power(a: &Args<'_, '_>) -> Result<Tensor> {
    let (x, mut y) = (a.numbers(0)?, a.numbers(1)?);
    y.dtype = x.dtype;
    y.data = match (&x.data, y.data) {
        (Data::Real(_), Data::Int(v)) => Data::Real(v.into_iter().map(|v| v as f64).collect()),
        (Data::Int(_), Data::Real(v)) if v.iter().all(|v| v.fract() == 0.0 && v.abs() < 1e9) => {
            Data::Int(v.into_iter().map(|v| v as i64).collect())
        }
        (_, data) => data,
    };
    if matches!((&x.data, &y.data), (Data::Int(_), Data::Real(_))) {
        // The power of an integer is real, and cut off to the integer's type.
        let (shape, p, q) = pair(a.limits, &x, &y)?;
        let data = p.reals().iter().zip(q.reals()).map(|(&p, q)| libm::pow(p, q) as i64).collect();
        return Numbers { dtype: x.dtype, shape, data: Data::Int(data) }.tensor();
    }
    let whole = |p: i64, q: i64| {
        Some(if q < 0 {
            i64::from(p.unsigned_abs() == 1) * if q % 2 == 0 { 1 } else { p }
        } else {
            p.wrapping_pow(q.min(u32::MAX.into()) as u32)
        })
    };
    apply(a, &x, &y, whole, libm::pow)?.tensor()
}

/// Neg, Abs, Sign 6, 9, 13; Floor, Ceil, Round, Sqrt, Reciprocal of doubles.
pub(super) fn unary(a: &Args<'_, '_>) -> Result<Tensor> {
    let x = a.numbers(0)?;
    let whole = |f: fn(i64) -> i64, v: Vec<i64>| Data::Int(v.into_iter().map(f).collect());
    let data = match (a.op, x.data) {
        ("Neg", Data::Int(v)) => whole(i64::wrapping_neg, v),
        ("Abs", Data::Int(v)) => whole(i64::wrapping_abs, v),
        ("Sign", Data::Int(v)) => whole(i64::signum, v),
        (op, Data::Int(_)) => {
            return Err(Error::new(Code::UnsupportedType, format!("{op} of {}", x.dtype))
                .hint("the ONNX standard asks for floats; export the model again"));
        }
        (op, Data::Real(v)) => {
            let f = mcompc_ops::function(op, &mcompc_ir::Attrs::new())?;
            Data::Real(v.into_iter().map(f).collect())
        }
    };
    Numbers { dtype: if x.dtype == DType::Bool { DType::I64 } else { x.dtype }, shape: x.shape, data }.tensor()
}
