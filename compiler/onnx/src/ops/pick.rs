//! Operators that take elements or rows by constant indices: GatherElements, GatherND, ScatterElements, ScatterND, Compress, ReverseSequence.

use super::gather::rows;
use super::shape::misfit;
use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Result, Tensor, ValueId};

/// Updates of one place at most: each is a round over all that has several.
const ROUNDS: usize = 64;

/// Indices of a dimension, negative ones counted from its end.
fn inside(c: &Ctx<'_, '_, '_>, at: &Tensor, n: impl Fn(usize) -> usize) -> Result<Vec<usize>> {
    let of = |(k, i): (usize, i64)| {
        let n = n(k);
        let i = if i < 0 { i + n as i64 } else { i };
        usize::try_from(i).ok().filter(|&i| i < n)
    };
    let all: Option<Vec<usize>> = at.to_i64_vec()?.into_iter().enumerate().map(of).collect();
    all.ok_or_else(|| misfit(format!("an index of {} outside the tensor", c.op)))
}

/// The constant indices at input `i`.
fn indices(c: &Ctx<'_, '_, '_>, i: usize) -> Result<Tensor> {
    c.constant(i)?.ok_or_else(|| misfit(format!("{} without indices", c.op)))
}

/// Row-major steps of a shape.
fn steps(shape: &[usize]) -> Vec<usize> {
    let mut s = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        s[d - 1] = s[d] * shape[d];
    }
    s
}

/// Rows `at` of `x` taken as a list of rows of `row` elements, under `shape`.
fn taken(c: &mut Ctx<'_, '_, '_>, x: ValueId, row: usize, at: &[usize], shape: &[usize]) -> Result<ValueId> {
    let all = c.shape(x).iter().product::<usize>();
    let list = c.reshaped(x, &[all / row.max(1), row])?;
    let y = rows(c, list, 0, at)?;
    c.reshaped(y, shape)
}

/// For every element of a tensor of indices along `axis`, the place of what it names in a tensor of shape `s`.
fn places(s: &[usize], shape: &[usize], axis: usize, at: &[usize]) -> Vec<usize> {
    let (own, to) = (steps(shape), steps(s));
    let place = |k: usize| (0..s.len()).map(|d| to[d] * if d == axis { at[k] } else { k / own[d] % shape[d] }).sum();
    (0..at.len()).map(place).collect()
}

/// GatherElements 11, 13.
pub(super) fn gather_elements(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let (s, t) = (c.shape(x), indices(c, 1)?);
    let axis = c.axis(c.attrs.int_or("axis", 0)?, s.len(), false)?;
    if t.shape.len() != s.len() || (0..s.len()).any(|d| d != axis && t.shape[d] > s[d]) {
        return c.misfit(format!("indices of shape {:?} into {s:?}", t.shape));
    }
    let at = inside(c, &t, |_| s[axis])?;
    let y = taken(c, x, 1, &places(&s, &t.shape, axis, &at), &t.shape)?;
    c.result(y);
    Ok(())
}

/// The rows that the last dimension of `t` names in a tensor of shape `s`, behind `batch` dimensions that both have; elements of a row.
fn named(c: &Ctx<'_, '_, '_>, s: &[usize], t: &Tensor, batch: usize) -> Result<(Vec<usize>, usize)> {
    let depth = t.shape.last().copied().unwrap_or(0);
    if t.shape.is_empty() || batch >= t.shape.len() || batch + depth > s.len() || t.shape[..batch] != s[..batch] {
        return c.misfit(format!("indices of shape {:?} into {s:?}", t.shape));
    }
    let at = inside(c, t, |k| s[batch + k % depth.max(1)])?;
    let row = s[batch + depth..].iter().product::<usize>();
    let to = steps(&s[..batch + depth]);
    let each: usize = t.shape[batch..t.shape.len() - 1].iter().product();
    let n = t.shape[..t.shape.len() - 1].iter().product::<usize>();
    let before = s[batch..batch + depth].iter().product::<usize>();
    let place = |k: usize| k / each.max(1) * before + (0..depth).map(|d| at[k * depth + d] * to[batch + d]).sum::<usize>();
    Ok(((0..n).map(place).collect(), row))
}

/// GatherND 11, 12 (batch_dims), 13.
pub(super) fn gather_nd(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let (s, t) = (c.shape(x), indices(c, 1)?);
    let batch = if c.opset >= 12 { c.attrs.int_or("batch_dims", 0)?.max(0) as usize } else { 0 };
    let (at, row) = named(c, &s, &t, batch)?;
    let depth = t.shape.last().copied().unwrap_or(0);
    let shape = [&t.shape[..t.shape.len() - 1], &s[batch + depth..]].concat();
    let y = taken(c, x, row, &at, &shape)?;
    c.result(y);
    Ok(())
}

/// `x` with rows of `row` elements at places `at` replaced by, or combined with, those of `updates`.
fn scattered(c: &mut Ctx<'_, '_, '_>, x: ValueId, updates: ValueId, row: usize, at: &[usize]) -> Result<ValueId> {
    let word = if c.opset >= 16 { c.attrs.str_or("reduction", "none")? } else { "none" };
    let op = match word {
        "none" => "",
        "add" => "Add",
        "mul" => "Mul",
        "max" if c.opset >= 18 => "Max",
        "min" if c.opset >= 18 => "Min",
        word => return Err(unsupported("reduction", word).hint("the standard has none, add, mul, and from opset 18 on max and min")),
    };
    let shape = c.shape(x);
    let n = shape.iter().product::<usize>() / row.max(1);
    let (list, new) = (c.reshaped(x, &[n, row])?, c.reshaped(updates, &[at.len(), row])?);
    if op.is_empty() {
        // Of several updates of one place the last stays.
        let mut from: Vec<usize> = (0..n).collect();
        at.iter().enumerate().for_each(|(k, &p)| from[p] = n + k);
        let both = c.joined(&[list, new], 0)?;
        let y = rows(c, both, 0, &from)?;
        return c.reshaped(y, &shape);
    }
    // Round by round each place takes one more of its updates; those that have none keep what they have.
    let mut y = list;
    let mut left: Vec<(usize, usize)> = at.iter().copied().enumerate().collect();
    let mut rounds = 0;
    while !left.is_empty() {
        rounds += 1;
        if rounds > ROUNDS {
            return c.not_built(&format!("with more than {ROUNDS} updates of one place"), "add them up before");
        }
        let mut from: Vec<usize> = (0..n).collect();
        left.retain(|&(k, p)| {
            let free = from[p] == p;
            if free {
                from[p] = n + k;
            }
            !free
        });
        let touched: Vec<usize> = (0..n).filter(|&p| from[p] != p).collect();
        let (old, add) = (rows(c, y, 0, &touched)?, touched.iter().map(|&p| from[p] - n).collect::<Vec<_>>());
        let add = rows(c, new, 0, &add)?;
        let made = match op {
            "Max" | "Min" => super::several::pick(c, old, add, op == "Max")?,
            op => c.plain(op, &[old, add])?,
        };
        let both = c.joined(&[y, made], 0)?;
        let mut from: Vec<usize> = (0..n).collect();
        touched.iter().enumerate().for_each(|(k, &p)| from[p] = n + k);
        y = rows(c, both, 0, &from)?;
    }
    c.reshaped(y, &shape)
}

/// ScatterElements 11, 13, 16 (reduction), 18; Scatter 9, which is it.
pub(super) fn scatter_elements(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, t, updates) = (c.input(0)?, indices(c, 1)?, c.input(2)?);
    let s = c.shape(x);
    let axis = c.axis(c.attrs.int_or("axis", 0)?, s.len(), false)?;
    if t.shape.len() != s.len() || c.shape(updates) != t.shape || (0..s.len()).any(|d| d != axis && t.shape[d] > s[d]) {
        return c.misfit(format!("indices of shape {:?} into {s:?}", t.shape));
    }
    let at = inside(c, &t, |_| s[axis])?;
    let y = scattered(c, x, updates, 1, &places(&s, &t.shape, axis, &at))?;
    c.result(y);
    Ok(())
}

/// ScatterND 11, 13, 16 (reduction), 18.
pub(super) fn scatter_nd(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, t, updates) = (c.input(0)?, indices(c, 1)?, c.input(2)?);
    let (at, row) = named(c, &c.shape(x), &t, 0)?;
    if c.shape(updates).iter().product::<usize>() != at.len() * row {
        return c.misfit(format!("updates of shape {:?}", c.shape(updates)));
    }
    let y = scattered(c, x, updates, row, &at)?;
    c.result(y);
    Ok(())
}

/// Compress 9, 11 with a constant condition.
pub(super) fn compress(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, t) = (c.input(0)?, indices(c, 1)?);
    let mut shape = c.shape(x);
    let at: Vec<usize> = t.to_i64_vec()?.iter().enumerate().filter(|(_, v)| **v != 0).map(|(i, _)| i).collect();
    let (x, axis) = match c.attrs.int("axis")? {
        Some(a) => (x, c.axis(a, shape.len(), false)?),
        None => {
            shape = vec![shape.iter().product()];
            (c.reshaped(x, &shape)?, 0)
        }
    };
    if at.is_empty() || at.iter().any(|&i| i >= shape[axis]) {
        return c.misfit("a condition that takes nothing, or is longer than the tensor");
    }
    let y = rows(c, x, axis, &at)?;
    c.result(y);
    Ok(())
}

/// ReverseSequence 10 with constant lengths: of every sequence of the batch so many steps are reversed.
pub(super) fn reverse(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, t) = (c.input(0)?, indices(c, 1)?);
    let s = c.shape(x);
    let (batch, time) = (c.attrs.int_or("batch_axis", 1)?, c.attrs.int_or("time_axis", 0)?);
    let (batch, time) = (c.axis(batch, s.len(), false)?, c.axis(time, s.len(), false)?);
    let lengths = t.to_i64_vec()?;
    if batch == time || lengths.len() != s[batch] || lengths.iter().any(|&n| n < 0 || n > s[time] as i64) {
        return c.misfit(format!("lengths {lengths:?} of sequences in {s:?}"));
    }
    let mut perm = vec![batch, time];
    perm.extend((0..s.len()).filter(|d| !perm.contains(d)).collect::<Vec<_>>());
    let mut back = vec![0; s.len()];
    perm.iter().enumerate().for_each(|(i, &d)| back[d] = i);
    let moved = c.transposed(x, &perm)?;
    let shape = c.shape(moved);
    let n = s[time];
    let from = |b: usize, k: usize| b * n + if (k as i64) < lengths[b] { lengths[b] as usize - 1 - k } else { k };
    let at: Vec<usize> = (0..s[batch]).flat_map(|b| (0..n).map(move |k| (b, k))).map(|(b, k)| from(b, k)).collect();
    let y = taken(c, moved, shape[2..].iter().product(), &at, &shape)?;
    c.emit("Transpose", Attrs::new().with("perm", &back[..]), &[y])
}

/// TensorScatter 24: a cache [.., S, ..] whose steps from a constant index on become those of the update.
pub(super) fn tensor_scatter(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, new) = (c.input(0)?, c.input(1)?);
    let (s, u) = (c.shape(x), c.shape(new));
    let axis = c.axis(c.attrs.int_or("axis", -2)?, s.len(), false)?;
    let circular = match c.attrs.str_or("mode", "linear")? {
        "linear" => false,
        "circular" => true,
        word => return Err(unsupported("mode", word).hint("the standard has linear and circular")),
    };
    let starts = c.constant(2)?.map_or(Ok(vec![0; s[0]]), |t| t.to_i64_vec())?;
    if axis == 0 || u.len() != s.len() || starts.len() != s[0] || u[0] != s[0] {
        return c.misfit(format!("an update of shape {u:?} of a cache of shape {s:?}"));
    }
    let (n, m) = (s[axis], u[axis]);
    let mut all = Vec::new();
    for (b, &start) in starts.iter().enumerate() {
        let (old, one) = (c.sliced(x, 0, b, 1)?, c.sliced(new, 0, b, 1)?);
        let mut from: Vec<usize> = (0..n).collect();
        for k in 0..m {
            let at = start.max(0) as usize + k;
            let at = if circular { at % n } else { at };
            if start < 0 || at >= n {
                return c.misfit(format!("an update of {m} steps from {start} on, of {n}"));
            }
            from[at] = n + k;
        }
        let both = c.joined(&[old, one], axis)?;
        all.push(rows(c, both, axis, &from)?);
    }
    let y = c.joined(&all, 0)?;
    c.result(y);
    Ok(())
}
