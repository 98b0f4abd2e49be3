//! One-hot vectors as numbers: OneHot, Hardmax, and the choice of a class by its index in losses.

use super::logic::equal;
use super::shape::misfit;
use crate::node::Ctx;
use mcompc_ir::{Attrs, DType, Result, Tensor, ValueId};

/// 1 along a new dimension `axis` of `depth` elements where the index says, else 0.
pub(super) fn hot(c: &mut Ctx<'_, '_, '_>, index: ValueId, axis: usize, depth: usize) -> Result<ValueId> {
    let mut shape = c.shape(index);
    shape.insert(axis, 1);
    let index = c.reshaped(index, &shape[..])?;
    let mut along = vec![1; shape.len()];
    along[axis] = depth;
    let range: Vec<f32> = (0..depth).map(|i| i as f32).collect();
    let range = c.make_const("range", Tensor::from_f32(along, &range)?)?;
    equal(c, index, range)
}

/// OneHot 9, 11: negative indices count from the end, others outside give nothing but `off`.
pub(super) fn one_hot(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    if super::lookup::one_hot(c)? {
        return Ok(());
    }
    let (index, _) = c.number(0)?;
    let rank = c.shape(index).len();
    let axis = c.attrs.int_or("axis", -1)?;
    let axis = c.axis(axis, rank + 1, false)?;
    let depth = c.constant_number(1)?.filter(|&d| d >= 1.0).ok_or_else(|| misfit("OneHot without a depth".into()))?;
    let mut shape = c.shape(index);
    shape.insert(axis, depth as usize);
    c.b.limits().elements_of(&shape)?;
    let (values, kind) = c.number(2)?;
    let from_end = c.scalar(depth as f32)?;
    let raised = c.plain("Add", &[index, from_end])?;
    let (a, b) = (hot(c, index, axis, depth as usize)?, hot(c, raised, axis, depth as usize)?);
    let on = c.plain("Add", &[a, b])?;
    let one = |c: &mut Ctx<'_, '_, '_>, i: usize| {
        let v = super::running::at(c, values, 0, i)?;
        c.reshaped(v, &[])
    };
    let (off, full) = (one(c, 0)?, one(c, 1)?);
    let y = super::logic::chosen(c, on, full, off)?;
    if !crate::dtype::is_float(kind) {
        c.kind = Some(kind);
    }
    c.result(y);
    Ok(())
}

/// Hardmax 1, 11 (the tensor is taken as a matrix, split before `axis`), 13 (along `axis`): 1 at the first of the largest elements, else 0.
pub(super) fn hardmax(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let along = c.opset >= 13;
    let axis = c.axis(c.attrs.int_or("axis", if along { -1 } else { 1 })?, shape.len(), false)?;
    let (x, axis) = if along {
        (x, axis)
    } else {
        let matrix = [shape[..axis].iter().product::<usize>(), shape[axis..].iter().product()];
        (c.reshaped(x, &matrix[..])?, 1)
    };
    let n = c.shape(x)[axis];
    let place = super::arg::of(c, x, axis, true, false)?;
    let y = hot(c, place, axis, n)?;
    c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[y])
}

/// NegativeLogLikelihoodLoss 12, 13, 22 and SoftmaxCrossEntropyLoss 12, 13 of scores [N, C, ..] and classes [N, ..].
pub(super) fn loss(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let softmax = c.op == "SoftmaxCrossEntropyLoss";
    let x = c.input(0)?;
    let shape = c.shape(x);
    if shape.len() < 2 {
        return Err(misfit(format!("{} of scores of shape {shape:?}", c.op)));
    }
    let classes = shape[1];
    let scores = if softmax {
        let soft = Attrs::new().with("axes", vec![1]);
        let (log, _, below) = super::reduce::log_sum(c, x, &soft)?;
        c.plain("Sub", &[below, log])?
    } else {
        x
    };
    let (target, kind) = c.number(1)?;
    let want = [&shape[..1], &shape[2..]].concat();
    if c.shape(target) != want || !matches!(kind, DType::I32 | DType::I64) {
        return Err(misfit(format!("classes {kind}{:?} for scores of shape {shape:?}", c.shape(target))));
    }
    let mut chosen = hot(c, target, 1, classes)?;
    if let Some(weights) = c.optional(2)? {
        let mut one_each = vec![1; shape.len()];
        one_each[1] = classes;
        let weights = c.reshaped(weights, &one_each[..])?;
        chosen = c.plain("Mul", &[chosen, weights])?;
    }
    if let Some(ignored) = c.attrs.int("ignore_index")? {
        let ignored = c.scalar(ignored as f32)?;
        let gone = equal(c, target, ignored)?;
        let stays = super::logic::inverse(c, gone)?;
        let mut kept = shape.clone();
        kept[1] = 1;
        let stays = c.reshaped(stays, &kept[..])?;
        chosen = c.plain("Mul", &[chosen, stays])?;
    }
    let over = |axes: Vec<usize>| Attrs::new().with("axes", &axes[..]).with("keepdims", 0i64);
    let product = c.plain("Mul", &[scores, chosen])?;
    let each = c.part("ReduceSum", over(vec![1]), &[product])?;
    let each = c.plain("Neg", &[each])?;
    let all: Vec<usize> = (0..want.len()).collect();
    let y = match c.attrs.str_or("reduction", "mean")? {
        "none" => each,
        "sum" => c.part("ReduceSum", over(all), &[each])?,
        "mean" => {
            let sum = c.part("ReduceSum", over(all), &[each])?;
            let weight = c.part("ReduceSum", over((0..shape.len()).collect()), &[chosen])?;
            c.plain("Div", &[sum, weight])?
        }
        word => return Err(crate::attrs::unsupported("reduction", word).hint("the standard has none, sum and mean")),
    };
    let to = c.shape(y);
    c.emit_output(0, "Reshape", Attrs::new().with("shape", &to[..]), &[y])?;
    if softmax {
        c.emit_output(1, "Reshape", Attrs::new().with("shape", &shape[..]), &[scores])?;
    }
    Ok(())
}
