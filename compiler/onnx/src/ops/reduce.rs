//! Reductions over axes.

use super::shape::{axes_of, normal_axes};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Result};

/// Reductions whose axes became an input in opset `since`, with noop_with_empty_axes: without axes over all dimensions.
fn reduce(c: &mut Ctx<'_, '_, '_>, since: i64) -> Result<()> {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    let keep = c.attrs.flag("keepdims", true)?;
    let noop = c.opset >= since && c.attrs.flag("noop_with_empty_axes", false)?;
    let axes: Vec<usize> = match axes_of(c, since)? {
        Some(a) if !a.is_empty() => normal_axes(c, &a, rank)?,
        _ if noop => return c.forward(),
        _ => (0..rank).collect(),
    };
    c.emit(c.op, Attrs::new().with("axes", &axes[..]).with("keepdims", i64::from(keep)), &[x])
}

/// ReduceMean, ReduceMax, ReduceMin 1, 11, 12, 13 (attribute), 18 (input), 20.
pub(super) fn since_18(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    reduce(c, 18)
}

/// ReduceSum 1, 11 (attribute), 13 (input).
pub(super) fn since_13(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    reduce(c, 13)
}
