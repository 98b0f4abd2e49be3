//! Comparisons, logic and choices of what is computed, as arithmetic on 0 and 1.

use super::lookup;
use crate::dtype::is_float;
use crate::masks::LIMIT;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, DType, Error, Result, ValueId};

/// 1 - x.
pub(super) fn inverse(c: &mut Ctx<'_, '_, '_>, x: ValueId) -> Result<ValueId> {
    let one = c.scalar(1.0)?;
    c.plain("Sub", &[one, x])
}

/// 1 where a > b, else 0.
fn above(c: &mut Ctx<'_, '_, '_>, a: ValueId, b: ValueId) -> Result<ValueId> {
    let d = c.plain("Sub", &[a, b])?;
    let s = c.plain("Sign", &[d])?;
    c.plain("Relu", &[s])
}

/// 1 where x is what stands for minus infinity, or near it, else 0.
fn forbidden(c: &mut Ctx<'_, '_, '_>, x: ValueId) -> Result<ValueId> {
    let limit = c.scalar(LIMIT)?;
    above(c, limit, x)
}

/// How x compares with minus infinity: what was added to the number that stands for it is another one.
fn beside_never(c: &mut Ctx<'_, '_, '_>, x: ValueId, op: &str) -> Result<ValueId> {
    let y = forbidden(c, x)?;
    match op {
        "Equal" | "LessOrEqual" => Ok(y),
        "Greater" => inverse(c, y),
        _ => {
            // Nothing is less.
            let none = c.scaled(y, 0.0)?;
            if op == "Less" { Ok(none) } else { inverse(c, none) }
        }
    }
}

/// 1 where a is b, else 0.
pub(super) fn equal(c: &mut Ctx<'_, '_, '_>, a: ValueId, b: ValueId) -> Result<ValueId> {
    let d = c.plain("Sub", &[a, b])?;
    let s = c.plain("Sign", &[d])?;
    let differs = c.plain("Abs", &[s])?;
    inverse(c, differs)
}

/// The result, which is a truth.
fn truth(c: &mut Ctx<'_, '_, '_>, y: ValueId) {
    c.result(y);
    c.kind = Some(DType::Bool);
}

/// Equal 7, 11, 13, 19; Less, Greater 7, 9, 13; LessOrEqual, GreaterOrEqual 12, 16.
pub(super) fn compare(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    if lookup::one_hot_of_range(c)? || lookup::truths(c)? {
        return Ok(());
    }
    let ((a, left), (b, right)) = (c.number(0)?, c.number(1)?);
    if is_float(left) != is_float(right) || !is_float(left) && left != right {
        return Err(Error::new(Code::UnsupportedType, format!("{} of {left} and {right}", c.op))
            .hint("the ONNX standard asks for one type; export the model again"));
    }
    let never = |c: &Ctx<'_, '_, '_>, i: usize| {
        let t = c.input_name(i).and_then(|n| c.b.known(n)).filter(|t| c.b.forbids && t.dtype == DType::F32 && t.elems() == 1);
        t.is_some_and(|t| t.as_f32().is_ok_and(|v| v[0] <= LIMIT))
    };
    let (rank_a, rank_b) = (c.shape(a).len(), c.shape(b).len());
    let y = match c.op {
        _ if never(c, 1) && rank_b <= rank_a => beside_never(c, a, c.op)?,
        "Less" if never(c, 0) && rank_a <= rank_b => beside_never(c, b, "Greater")?,
        "Greater" if never(c, 0) && rank_a <= rank_b => beside_never(c, b, "Less")?,
        "LessOrEqual" if never(c, 0) && rank_a <= rank_b => beside_never(c, b, "GreaterOrEqual")?,
        "GreaterOrEqual" if never(c, 0) && rank_a <= rank_b => beside_never(c, b, "LessOrEqual")?,
        "Equal" if never(c, 0) && rank_a <= rank_b => beside_never(c, b, "Equal")?,
        "Equal" => equal(c, a, b)?,
        "Less" => above(c, b, a)?,
        "Greater" => above(c, a, b)?,
        "LessOrEqual" => {
            let y = above(c, a, b)?;
            inverse(c, y)?
        }
        _ => {
            let y = above(c, b, a)?;
            inverse(c, y)?
        }
    };
    truth(c, y);
    Ok(())
}

fn boolean(c: &mut Ctx<'_, '_, '_>, i: usize) -> Result<ValueId> {
    match c.number(i)? {
        (x, DType::Bool) => Ok(x),
        (_, kind) => Err(Error::new(Code::UnsupportedType, format!("input {i} of {} is {kind}, expected bool", c.op))
            .hint("the ONNX standard asks for booleans; export the model again")),
    }
}

/// IsNaN 9, 13, 20.
pub(super) fn is_nan(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let y = c.plain("IsNaN", &[x])?;
    truth(c, y);
    Ok(())
}

/// IsInf 10, 20.
pub(super) fn is_inf(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let which = |name: &str| c.attrs.flag(name, true).map(i64::from);
    let (negative, positive) = (which("detect_negative")?, which("detect_positive")?);
    // Where minus infinity is a number, it is found as that.
    let apart = c.b.forbids && negative == 1;
    let attrs = Attrs::new().with("negative", if apart { 0 } else { negative }).with("positive", positive);
    let mut y = c.part("IsInf", attrs, &[x])?;
    if apart {
        let low = forbidden(c, x)?;
        y = c.plain("Add", &[y, low])?;
    }
    truth(c, y);
    Ok(())
}

/// And, Or, Xor 7.
pub(super) fn both(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (a, b) = (boolean(c, 0)?, boolean(c, 1)?);
    let y = match c.op {
        "And" => c.plain("Mul", &[a, b])?,
        "Or" => {
            let sum = c.plain("Add", &[a, b])?;
            c.part("Clip", Attrs::new().with("min", 0.0).with("max", 1.0), &[sum])?
        }
        _ => {
            let d = c.plain("Sub", &[a, b])?;
            c.plain("Abs", &[d])?
        }
    };
    truth(c, y);
    Ok(())
}

/// Not 1.
pub(super) fn not(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = boolean(c, 0)?;
    let y = inverse(c, x)?;
    truth(c, y);
    Ok(())
}

/// Where 9, 16 with a computed condition: x * condition + y * (1 - condition).
pub(super) fn choose(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let condition = boolean(c, 0)?;
    let (x, y) = (c.input(1)?, c.input(2)?);
    let z = chosen(c, condition, x, y)?;
    c.result(z);
    Ok(())
}

/// `x` where the condition is 1, `y` where it is 0.
pub(super) fn chosen(c: &mut Ctx<'_, '_, '_>, condition: ValueId, x: ValueId, y: ValueId) -> Result<ValueId> {
    let rest = inverse(c, condition)?;
    let x = c.plain("Mul", &[x, condition])?;
    let y = c.plain("Mul", &[y, rest])?;
    c.plain("Add", &[x, y])
}

/// Mod 10, 13: of integers; the remainder has the sign of the divisor, or of the dividend with `fmod`.
pub(super) fn remainder(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let fmod = c.attrs.flag("fmod", false)?;
    let (a, b) = (c.input(0)?, c.input(1)?);
    let float = c.input_name(0).and_then(|n| c.b.kind(n)).is_some_and(is_float);
    if float && !fmod {
        return Err(crate::attrs::unsupported("fmod", 0).hint("the standard asks for 1 with floats"));
    }
    let q = c.plain("Div", &[a, b])?;
    let q = c.plain(if fmod { "Trunc" } else { "Floor" }, &[q])?;
    let whole = c.plain("Mul", &[q, b])?;
    c.emit("Sub", Attrs::new(), &[a, whole])
}
