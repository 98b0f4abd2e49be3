//! Running sums and products along an axis, and the product of all.

use super::shape::misfit;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

/// Elements along an axis that are taken one by one, at most.
const STEPS: usize = 1 << 8;

/// Elements along an axis whose sums are a product with a triangle of ones, at most.
const WIDE: usize = 1 << 11;

/// The axis, and whether the element itself is left out and the sums come from the end.
fn asked(c: &Ctx<'_, '_, '_>, rank: usize) -> Result<(usize, bool, bool)> {
    let axis = c.constant_number(1)?.ok_or_else(|| misfit(format!("{} without an axis", c.op)))?;
    Ok((c.axis(axis as i64, rank, false)?, c.attrs.flag("exclusive", false)?, c.attrs.flag("reverse", false)?))
}

/// CumSum 11, 14: the axis is brought to the end and multiplied by a triangle.
pub(super) fn sums(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let (axis, exclusive, reverse) = asked(c, shape.len())?;
    let n = shape[axis];
    if n > WIDE {
        return Err(
            Error::new(Code::UnsupportedOp, format!("CumSum along {n} elements is not supported")).hint(format!("{WIDE} are the most"))
        );
    }
    let counts = |from: usize, to: usize| {
        let (from, to) = if reverse { (to, from) } else { (from, to) };
        if exclusive { from < to } else { from <= to }
    };
    let ones: Vec<f32> = (0..n * n).map(|i| if counts(i / n, i % n) { 1.0 } else { 0.0 }).collect();
    let triangle = c.make_const("triangle", Tensor::from_f32([n, n], &ones)?)?;
    let last = shape.len() - 1;
    if axis == last {
        return c.emit("MatMul", Attrs::new(), &[x, triangle]);
    }
    let mut perm: Vec<usize> = (0..shape.len()).collect();
    perm.swap(axis, last);
    let perm = Attrs::new().with("perm", &perm[..]);
    let moved = c.part("Transpose", perm.clone(), &[x])?;
    let y = c.plain("MatMul", &[moved, triangle])?;
    c.emit("Transpose", perm, &[y])
}

/// Element `i` along an axis, which stays as a dimension of 1.
pub(super) fn at(c: &mut Ctx<'_, '_, '_>, x: ValueId, axis: usize, i: usize) -> Result<ValueId> {
    let rank = c.shape(x).len();
    if axis >= rank {
        return c.misfit(format!("{rank} dimensions"));
    }
    c.sliced(x, axis, i, 1)
}

fn few(c: &Ctx<'_, '_, '_>, n: usize) -> Result<()> {
    if n <= STEPS {
        return Ok(());
    }
    Err(Error::new(Code::UnsupportedOp, format!("{} along {n} elements is not supported", c.op)).hint(format!("{STEPS} are the most")))
}

/// CumProd 26.
pub(super) fn products(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let (axis, exclusive, reverse) = asked(c, shape.len())?;
    let n = shape[axis];
    few(c, n)?;
    let mut ones = shape.clone();
    ones[axis] = 1;
    let mut y = c.make_const("one", Tensor::from_f32(ones.clone(), &vec![1.0; ones.iter().product()])?)?;
    let mut all = Vec::new();
    for k in 0..n {
        let one = at(c, x, axis, if reverse { n - 1 - k } else { k })?;
        let next = if k == 0 { one } else { c.plain("Mul", &[y, one])? };
        all.push(if exclusive { y } else { next });
        y = next;
    }
    if reverse {
        all.reverse();
    }
    c.emit("Concat", Attrs::new().with("axis", axis), &all)
}

/// ReduceProd 1, 11, 13, 18: one dimension after the other.
pub(super) fn product(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let Some(attrs) = super::reduce::axes(c, shape.len(), 18)? else { return c.forward() };
    let (axes, keep) = (attrs.usizes("axes")?, attrs.int("keepdims")? == 1);
    let mut y = x;
    for &axis in &axes {
        let n = shape[axis];
        few(c, n)?;
        let all = (0..n).map(|i| at(c, y, axis, i)).collect::<Result<Vec<_>>>()?;
        y = all[0];
        for &v in &all[1..] {
            y = c.plain("Mul", &[y, v])?;
        }
    }
    let to: Vec<usize> =
        (0..shape.len()).filter(|i| keep || !axes.contains(i)).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect();
    c.emit("Reshape", Attrs::new().with("shape", &to[..]), &[y])
}
