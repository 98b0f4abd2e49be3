//! Operators that repeat elements: Expand, Tile.

use super::shape::misfit;
use crate::attrs::show_ints;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, ValueId};

/// Copies along one dimension at most.
const COPIES: usize = 1 << 8;

/// `x` under `shape`, to which it broadcasts.
pub(super) fn expanded(c: &mut Ctx<'_, '_, '_>, x: ValueId, shape: &[usize]) -> Result<ValueId> {
    let from = c.shape(x);
    let mut v = x;
    if from.len() < shape.len() {
        let raised: Vec<usize> = std::iter::repeat_n(1, shape.len() - from.len()).chain(from.iter().copied()).collect();
        v = c.part("Reshape", Attrs::new().with("shape", &raised[..]), &[v])?;
    }
    // The last dimension first: it is repeated while the tensor is small.
    for d in (0..shape.len()).rev() {
        let have = c.shape(v)[d];
        if have != shape[d] {
            v = repeated(c, v, d, shape[d])?;
        }
    }
    Ok(v)
}

/// `n` copies of `x` behind each other along dimension `d`.
fn repeated(c: &mut Ctx<'_, '_, '_>, x: ValueId, d: usize, n: usize) -> Result<ValueId> {
    if n > COPIES {
        return Err(Error::new(Code::UnsupportedOp, format!("{} that makes {n} copies along a dimension is not supported", c.op))
            .hint(format!("{COPIES} are the most; operators that broadcast need no copies")));
    }
    c.part("Concat", Attrs::new().with("axis", d), &vec![x; n])
}

/// Expand 8, 13: to the common shape of the tensor and the constant one.
pub(super) fn expand(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let want =
        c.constant_ints(1)?.ok_or_else(|| Error::new(Code::MissingAttr, "Expand without a shape").hint("the ONNX standard requires it"))?;
    let bad = || misfit(format!("cannot expand to {}", show_ints(&want)));
    let want: Vec<usize> = want.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<_>>().ok_or_else(bad)?;
    let shape = mcompc_ops::broadcast(&c.shape(x), &want).map_err(|e| misfit(e.message))?;
    c.b.limits().elements_of(&shape)?;
    if c.shape(x) == shape {
        return c.forward();
    }
    let y = expanded(c, x, &shape)?;
    c.name_result(y);
    Ok(())
}

/// Tile 6, 13 with constant repeats.
pub(super) fn tile(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let shape = c.shape(x);
    let repeats =
        c.constant_ints(1)?.ok_or_else(|| Error::new(Code::MissingAttr, "Tile without repeats").hint("the ONNX standard requires them"))?;
    if repeats.len() != shape.len() || repeats.iter().any(|&r| r < 1) {
        return Err(misfit(format!("a Tile of {shape:?} by {}", show_ints(&repeats))));
    }
    if repeats.iter().all(|&r| r == 1) {
        return c.forward();
    }
    let mut y = x;
    for d in (0..shape.len()).rev() {
        let n = usize::try_from(repeats[d]).unwrap_or(usize::MAX);
        if n > 1 {
            y = repeated(c, y, d, n)?;
        }
    }
    c.name_result(y);
    Ok(())
}
