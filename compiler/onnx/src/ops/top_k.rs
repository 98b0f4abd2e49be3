//! TopK with a fixed number: the largest is taken, then made smaller than all, as often as asked for.

use super::hot::hot;
use crate::node::Ctx;
use mcompc_ir::{Attrs, DType, Result};

/// Elements that are taken at most: they are sought one after the other.
const MOST: usize = 1 << 6;

/// TopK 1 (attribute k), 10, 11 (largest, sorted), 24.
pub(super) fn top_k(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, kind) = c.number(0)?;
    let shape = c.shape(x);
    let axis = c.axis(c.attrs.int_or("axis", -1)?, shape.len(), false)?;
    let k = if c.opset < 10 { c.attrs.int("k")?.map(|k| k as f64) } else { c.constant_number(1)? };
    let largest = c.opset < 11 || c.attrs.flag("largest", true)?;
    if c.opset >= 11 {
        // Any order is right where none is asked for.
        c.attrs.flag("sorted", true)?;
    }
    let n = shape[axis];
    let k = k.filter(|&k| k >= 1.0 && k <= n as f64).map(|k| k as usize);
    let Some(k) = k else { return c.misfit(format!("of {n} elements as many as that are not taken")) };
    if k > MOST {
        return c.not_built(&format!("of {k} elements"), &format!("{MOST} are the most; leave the choice to the caller"));
    }
    let over = Attrs::new().with("axes", &[axis][..]).with("keepdims", 1i64);
    let (best, worst) = if largest { ("ReduceMax", "ReduceMin") } else { ("ReduceMin", "ReduceMax") };
    // What is taken moves beyond all others by more than the whole span.
    let (top, bottom) = (c.part(best, over.clone(), &[x])?, c.part(worst, over.clone(), &[x])?);
    let span = c.plain("Sub", &[bottom, top])?;
    let span = c.scaled(span, 1.5)?;
    let one = c.scalar(if largest { -1.0 } else { 1.0 })?;
    let away = c.plain("Add", &[span, one])?;
    let (mut left, mut values, mut places) = (x, Vec::new(), Vec::new());
    let mut row = shape.clone();
    row[axis] = 1;
    for i in 0..k {
        values.push(c.part(best, over.clone(), &[left])?);
        let place = super::arg::of(c, left, axis, largest, false)?;
        places.push(c.reshaped(place, &row)?);
        if i + 1 < k {
            let taken = hot(c, place, axis, n)?;
            let moved = c.plain("Mul", &[taken, away])?;
            left = c.plain("Add", &[left, moved])?;
        }
    }
    let (values, places) = (c.joined(&values, axis)?, c.joined(&places, axis)?);
    c.output(0, values)?;
    c.output(1, places)?;
    for (i, kind) in [(0, Some(kind).filter(|k| !crate::dtype::is_float(*k))), (1, Some(DType::I64))] {
        if let (Some(kind), Some(out)) = (kind, c.node.output.get(i)) {
            c.b.kinds.insert(out.clone(), kind);
        }
    }
    Ok(())
}
