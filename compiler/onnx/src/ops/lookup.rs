//! One-hot vectors of an integer input that are multiplied by a table: rows of the table.
//!
//! The graph has no one-hot vectors. The importer remembers of which indices a tensor holds them, and a MatMul by a constant becomes a Gather.

use crate::node::{Bound, Ctx};
use crate::one_hot::OneHot;
use mcompc_ir::{Attrs, DType, Result, ValueId};

/// The integer input that a tensor of indices holds under another shape.
pub(super) fn origin(c: &Ctx<'_, '_, '_>, mut v: ValueId) -> ValueId {
    while c.b.graph.node(v.node).op == "Reshape" {
        v = c.b.graph.inputs_of(v.node)[0];
    }
    v
}

/// The value behind input `i`, where that is made of indices.
fn indices(c: &Ctx<'_, '_, '_>, i: usize) -> Option<ValueId> {
    let Bound::Node(v) = c.b.names.get(c.input_name(i)?)? else { return None };
    (c.b.graph.value(*v).dtype == DType::I32 && c.b.graph.const_of(*v).is_none()).then_some(*v)
}

/// Equal of indices [.., 1] and the numbers 0, 1, .. along the last dimension; false where it is another.
pub(super) fn one_hot_of_range(c: &mut Ctx<'_, '_, '_>) -> Result<bool> {
    if c.op != "Equal" {
        return Ok(false);
    }
    for (i, k) in [(0, 1), (1, 0)] {
        let (Some(v), Some(range)) = (indices(c, i), c.input_name(k).and_then(|n| c.b.known(n))) else { continue };
        let shape = c.shape(v);
        let n = range.elems();
        let counts = n > 1 && range.shape.last() == Some(&n) && range.to_i64_vec()?.iter().copied().eq(0..n as i64);
        if counts && range.shape.len() <= shape.len() && shape.last() == Some(&1) {
            let shape = [&shape[..shape.len() - 1], &[n]].concat();
            c.b.one_hot.insert(c.out_name().to_string(), OneHot { index: v, shape });
            c.kind = Some(DType::Bool);
            return Ok(true);
        }
    }
    Ok(false)
}

/// A comparison of an index with one constant number: truths of all rows that there are, chosen by the index. False where it is another.
pub(super) fn truths(c: &mut Ctx<'_, '_, '_>) -> Result<bool> {
    for (i, k) in [(0, 1), (1, 0)] {
        let (Some(v), Some(t)) = (indices(c, i), c.input_name(k).and_then(|n| c.b.known(n))) else { continue };
        let index = origin(c, v);
        let rows = c.b.rows.get(&c.b.graph.value(index).name).copied();
        let (Some(rows), 1) = (rows, t.elems()) else { continue };
        if t.shape.len() > c.shape(v).len() {
            continue;
        }
        let than = t.to_i64_vec()?[0];
        let holds = |r: i64| {
            let (a, b) = if i == 0 { (r, than) } else { (than, r) };
            match c.op {
                "Equal" => a == b,
                "Less" => a < b,
                "Greater" => a > b,
                "LessOrEqual" => a <= b,
                _ => a >= b,
            }
        };
        let all: Vec<f32> = (0..rows as i64).map(|r| f32::from(u8::from(holds(r)))).collect();
        let (table, shape) = (c.reals("truths", &[rows], &all)?, c.shape(v));
        let y = c.plain("Gather", &[table, index])?;
        let y = c.reshaped(y, &shape)?;
        c.result(y);
        c.kind = Some(DType::Bool);
        return Ok(true);
    }
    Ok(false)
}

/// OneHot 9, 11 of indices along the last dimension, with 0 and 1 for off and on.
pub(super) fn one_hot(c: &mut Ctx<'_, '_, '_>) -> Result<bool> {
    let (Some(v), Some(depth), Some(values)) = (indices(c, 0), c.constant_number(1)?, c.constant(2)?) else { return Ok(false) };
    let rank = c.shape(v).len() as i64;
    let plain = match values.dtype {
        DType::F32 => values.as_f32()?[..] == [0.0, 1.0],
        DType::F64 => values.as_f64()?[..] == [0.0, 1.0],
        _ => values.to_i64_vec()? == [0, 1],
    };
    let axis = c.attrs.int_or("axis", -1)?;
    if !plain || depth < 1.0 || axis != -1 && axis != rank {
        return Ok(false);
    }
    let shape = [c.shape(v), vec![depth as usize]].concat();
    c.b.one_hot.insert(c.out_name().to_string(), OneHot { index: v, shape });
    Ok(true)
}

/// A one-hot tensor of another type is one; indices are what they are in any integer type.
pub(super) fn cast(c: &mut Ctx<'_, '_, '_>, to: DType) -> Result<bool> {
    let Some(name) = c.input_name(0) else { return Ok(false) };
    if let Some(h) = c.b.one_hot.get(name).cloned() {
        c.b.one_hot.insert(c.out_name().to_string(), h);
        return Ok(true);
    }
    if let Some(v) = indices(c, 0).filter(|_| matches!(to, DType::I32 | DType::I64)) {
        c.bind(Bound::Node(v));
        return Ok(true);
    }
    Ok(false)
}

/// MatMul of one-hot vectors by a constant table [n, k]: its rows.
pub(super) fn matmul(c: &mut Ctx<'_, '_, '_>) -> Result<bool> {
    let Some(h) = c.input_name(0).and_then(|n| c.b.one_hot.get(n)).cloned() else { return Ok(false) };
    let table = c.input(1)?;
    let s = c.shape(table);
    if c.b.graph.const_of(table).is_none() || s.len() != 2 || h.shape.last() != Some(&s[0]) {
        return Ok(false);
    }
    let index = origin(c, h.index);
    let rows = c.plain("Gather", &[table, index])?;
    let shape = [&h.shape[..h.shape.len() - 1], &s[1..]].concat();
    c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[rows])?;
    Ok(true)
}
