//! Reductions over axes, and what is made of them.

use super::shape::{axes_of, normal_axes};
use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Result, Tensor, ValueId};

/// Over which axes a node reduces, and whether they stay as dimensions of 1; none where it reduces nothing. The axes became an input in
/// opset `since`, with noop_with_empty_axes: without axes it reduces all dimensions.
pub(super) fn axes(c: &mut Ctx<'_, '_, '_>, rank: usize, since: i64) -> Result<Option<Attrs>> {
    let keep = c.attrs.flag("keepdims", true)?;
    let noop = c.opset >= since && c.attrs.flag("noop_with_empty_axes", false)?;
    let axes: Vec<usize> = match axes_of(c, since)? {
        Some(a) if !a.is_empty() => normal_axes(c, &a, rank)?,
        _ if noop => return Ok(None),
        _ => (0..rank).collect(),
    };
    Ok(Some(Attrs::new().with("axes", &axes[..]).with("keepdims", i64::from(keep))))
}

fn reduce(c: &mut Ctx<'_, '_, '_>, since: i64) -> Result<()> {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    match axes(c, rank, since)? {
        Some(attrs) => c.emit(c.op, attrs, &[x]),
        None => c.forward(),
    }
}

/// ReduceMean, ReduceMax, ReduceMin 1, 11, 12, 13 (attribute), 18 (input), 20.
pub(super) fn since_18(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    reduce(c, 18)
}

/// ReduceSum 1, 11 (attribute), 13 (input).
pub(super) fn since_13(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    reduce(c, 13)
}

fn square(c: &mut Ctx<'_, '_, '_>, x: ValueId) -> Result<ValueId> {
    c.part("Power", Attrs::new().with("exponent", 2.0), &[x])
}

/// ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum 1, 11, 13, 18: functions before and behind a sum.
pub(super) fn of_a_sum(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    let before = match c.op {
        "ReduceL1" => c.plain("Abs", &[x])?,
        "ReduceL2" | "ReduceSumSquare" => square(c, x)?,
        _ => x,
    };
    let sum = match axes(c, rank, 18)? {
        Some(attrs) => c.part("ReduceSum", attrs, &[before])?,
        None => before,
    };
    match c.op {
        "ReduceL2" => c.emit("Sqrt", Attrs::new(), &[sum]),
        "ReduceLogSum" => c.emit("Log", Attrs::new(), &[sum]),
        _ => {
            let shape = c.shape(sum);
            c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[sum])
        }
    }
}

/// ln of the sum of exp over axes, of x less its maximum; with that maximum (both with dimensions of 1).
pub(super) fn log_sum(c: &mut Ctx<'_, '_, '_>, x: ValueId, attrs: &Attrs) -> Result<(ValueId, ValueId, ValueId)> {
    let kept = attrs.clone().with("keepdims", 1i64);
    let top = c.part("ReduceMax", kept.clone(), &[x])?;
    let below = c.plain("Sub", &[x, top])?;
    let e = c.plain("Exp", &[below])?;
    let sum = c.part("ReduceSum", kept, &[e])?;
    Ok((c.plain("Log", &[sum])?, top, below))
}

/// ReduceLogSumExp 1, 11, 13, 18.
pub(super) fn log_sum_exp(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    let Some(attrs) = axes(c, rank, 18)? else { return c.forward() };
    let (log, top, _) = log_sum(c, x, &attrs)?;
    if attrs.int("keepdims")? == 1 {
        return c.emit("Add", Attrs::new(), &[log, top]);
    }
    let y = c.plain("Add", &[log, top])?;
    let gone = attrs.usizes("axes")?;
    let shape: Vec<usize> = c.shape(x).into_iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, d)| d).collect();
    c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[y])
}

/// LogSoftmax 1, 11 (the tensor is taken as a matrix, split before `axis`), 13 (along `axis`).
pub(super) fn log_softmax(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    let along = c.opset >= 13;
    let axis = c.axis(c.attrs.int_or("axis", if along { -1 } else { 1 })?, rank, false)?;
    let axes: Vec<usize> = (axis..if along { axis + 1 } else { rank }).collect();
    let (log, _, below) = log_sum(c, x, &Attrs::new().with("axes", &axes[..]))?;
    c.emit("Sub", Attrs::new(), &[below, log])
}

/// LpNormalization 1, 22: x over its norm along `axis`. Where the norm is 0 so is x, and a number far below any norm keeps that 0.
pub(super) fn lp_normalization(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    let axis = c.axis(c.attrs.int_or("axis", -1)?, rank, false)?;
    let p = c.attrs.int_or("p", 2)?;
    let before = match p {
        1 => c.plain("Abs", &[x])?,
        2 => square(c, x)?,
        p => return Err(unsupported("p", p).hint("the standard has 1 and 2")),
    };
    let sum = c.part("ReduceSum", Attrs::new().with("axes", &[axis][..]).with("keepdims", 1i64), &[before])?;
    let least = c.make_const("least", Tensor::from_f32(Vec::new(), &[1e-36])?)?;
    let sum = c.plain("Add", &[sum, least])?;
    let exponent = if p == 1 { -1.0 } else { -0.5 };
    let factor = c.part("Power", Attrs::new().with("exponent", exponent), &[sum])?;
    c.emit("Mul", Attrs::new(), &[x, factor])
}
