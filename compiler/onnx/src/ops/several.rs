//! Element-wise operators of several operands: Sum, Min, Max, Pow, PRelu, Where, Mean.

use super::expand::expanded;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, DType, Error, Result, Tensor, ValueId};

/// The float inputs, at least one.
fn inputs(c: &mut Ctx<'_, '_, '_>) -> Result<Vec<ValueId>> {
    (0..c.node.input.len()).map(|i| c.input(i)).collect()
}

/// The only element of a constant of one.
fn number(c: &Ctx<'_, '_, '_>, v: ValueId) -> Result<Option<f64>> {
    match c.b.graph.const_of(v).filter(|t| t.elems() == 1) {
        Some(t) => Ok(Some(t.as_f32()?[0].into())),
        None => Ok(None),
    }
}

/// Sum 6, 8, 13 of one or more: additions from the left.
pub(super) fn sum(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let all = inputs(c)?;
    let (mut y, last) = (all[0], all.len() - 1);
    if last == 0 {
        return c.forward();
    }
    for &x in &all[1..last] {
        y = c.plain("Add", &[y, x])?;
    }
    c.emit("Add", Attrs::new(), &[y, all[last]])
}

/// Mean 6, 8, 13.
pub(super) fn mean(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let all = inputs(c)?;
    let mut y = all[0];
    for &x in &all[1..] {
        y = c.plain("Add", &[y, x])?;
    }
    let n = c.make_const("count", Tensor::from_f32(Vec::new(), &[all.len() as f32])?)?;
    c.emit("Div", Attrs::new(), &[y, n])
}

/// Min, Max 6, 8, 12, 13 of one or more. With a number it is a Clip; else the two under a new first axis, along which the extreme is taken.
pub(super) fn extreme(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    // A number that bounds nothing, as exporters start a maximum with, is no operand.
    let end = if c.op == "Max" { f64::NEG_INFINITY } else { f64::INFINITY };
    let open = |c: &Ctx<'_, '_, '_>, i: usize| {
        let t = c.input_name(i).and_then(|n| c.b.known(n)).filter(|t| t.elems() == 1 && crate::dtype::is_float(t.dtype));
        t.is_some_and(|t| t.shape.is_empty() && c.constant_number(i).ok().flatten() == Some(end))
    };
    let kept: Vec<usize> = (0..c.node.input.len()).filter(|&i| !open(c, i)).collect();
    if kept.is_empty() {
        return Err(Error::new(Code::NotFinite, format!("{} of infinities", c.op)).hint("the file is damaged"));
    }
    let all = kept.into_iter().map(|i| c.input(i)).collect::<Result<Vec<_>>>()?;
    let mut y = all[0];
    for &x in &all[1..] {
        y = larger(c, y, x)?;
    }
    c.result(y);
    Ok(())
}

fn larger(c: &mut Ctx<'_, '_, '_>, a: ValueId, b: ValueId) -> Result<ValueId> {
    pick(c, a, b, c.op == "Max")
}

/// The larger of two, or the smaller, element by element.
pub(super) fn pick(c: &mut Ctx<'_, '_, '_>, a: ValueId, b: ValueId, least: bool) -> Result<ValueId> {
    for (x, k) in [(a, b), (b, a)] {
        let fits = c.shape(k).len() <= c.shape(x).len() && c.b.graph.const_of(x).is_none();
        if let Some(k) = number(c, k)?.filter(|_| fits) {
            let (lo, hi) = if least { (k, f64::INFINITY) } else { (f64::NEG_INFINITY, k) };
            return c.part("Clip", Attrs::new().with("min", lo).with("max", hi), &[x]);
        }
    }
    let shape = mcompc_ops::broadcast(&c.shape(a), &c.shape(b))
        .map_err(|e| e.hint("the shapes do not fit; was the model made for another input size?"))?;
    let pair = [1].iter().chain(&shape).copied().collect::<Vec<usize>>();
    let mut rows = Vec::new();
    for x in [a, b] {
        let x = expanded(c, x, &shape)?;
        rows.push(c.part("Reshape", Attrs::new().with("shape", &pair[..]), &[x])?);
    }
    let both = c.part("Concat", Attrs::new().with("axis", 0i64), &rows)?;
    let op = if least { "ReduceMax" } else { "ReduceMin" };
    c.part(op, Attrs::new().with("axes", vec![0]).with("keepdims", 0i64), &[both])
}

/// Pow 7, 12, 13, 15 with one constant exponent.
pub(super) fn power(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let exponent = c.constant(1)?.filter(|t| t.elems() == 1);
    let Some(t) = exponent else {
        return Err(Error::new(Code::UnsupportedOp, "Pow with several exponents is not supported").hint("one constant exponent is"));
    };
    if t.shape.len() > c.shape(x).len() {
        return Err(Error::new(Code::BadShape, format!("an exponent of shape {:?} raises the rank", t.shape)).hint("give a scalar"));
    }
    let exponent = match t.dtype {
        DType::F32 => t.as_f32()?[0].into(),
        DType::F64 => t.as_f64()?[0],
        _ => t.to_i64_vec()?[0] as f64,
    };
    if exponent == 1.0 {
        return c.forward();
    }
    c.emit("Power", Attrs::new().with("exponent", exponent), &[x])
}

/// PRelu 7, 9, 16: slopes broadcast to the tensor: max(x, 0) + slope * min(x, 0).
pub(super) fn prelu(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, mut slope) = (c.input(0)?, c.input(1)?);
    if c.opset < 7 && c.shape(slope).len() == 1 && c.shape(x).len() > 1 {
        // One slope a channel, whose dimension is the second.
        let channels = c.shape(slope)[0];
        let mut shape = vec![1; c.shape(x).len() - 1];
        shape[0] = channels;
        slope = c.reshaped(slope, &shape)?;
    }
    let (to, from) = (c.shape(x), c.shape(slope));
    if mcompc_ops::broadcast(&to, &from).ok() != Some(to.clone()) {
        return Err(Error::new(Code::BadShape, format!("slopes of shape {from:?} do not broadcast to {to:?}"))
            .hint("the file is damaged or its exporter at fault"));
    }
    if let Some(alpha) = number(c, slope)? {
        return c.emit("LeakyRelu", Attrs::new().with("alpha", alpha), &[x]);
    }
    let above = c.plain("Relu", &[x])?;
    let below = c.part("Clip", Attrs::new().with("min", f64::NEG_INFINITY).with("max", 0.0), &[x])?;
    let below = c.plain("Mul", &[below, slope])?;
    c.emit("Add", Attrs::new(), &[above, below])
}

/// Where 9, 16 with a constant condition: x * condition + y * (1 - condition).
pub(super) fn choose(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let Ok(Some(t)) = c.constant(0) else { return super::logic::choose(c) };
    let (x, y) = (c.input(1)?, c.input(2)?);
    let truths = t.to_i64_vec()?;
    let shape = mcompc_ops::broadcast(&c.shape(x), &c.shape(y)).and_then(|s| mcompc_ops::broadcast(&s, &t.shape));
    let shape = shape.map_err(|e| e.hint("the shapes do not fit; was the model made for another input size?"))?;
    for (v, all) in [(x, 1), (y, 0)] {
        if truths.iter().all(|&b| b == all) {
            let v = expanded(c, v, &shape)?;
            return c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[v]);
        }
    }
    let mut parts = Vec::new();
    for (v, label, on) in [(x, "mask", 1), (y, "rest", 0)] {
        let mask: Vec<f32> = truths.iter().map(|&b| if b == on { 1.0 } else { 0.0 }).collect();
        let mask = c.make_const(label, Tensor::from_f32(t.shape.clone(), &mask)?)?;
        parts.push(c.plain("Mul", &[v, mask])?);
    }
    c.emit("Add", Attrs::new(), &parts)
}
