//! DepthToSpace and SpaceToDepth: two reshapes round a transpose.

use super::shape::misfit;
use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, ValueId};

/// Batch, channels, rows and columns, and the block's size.
fn sizes(c: &mut Ctx<'_, '_, '_>) -> Result<(ValueId, [usize; 4], usize)> {
    let x = c.input(0)?;
    let s = c.shape(x);
    let block = c
        .attrs
        .int("blocksize")?
        .ok_or_else(|| Error::new(Code::MissingAttr, "attribute `blocksize` is missing").hint("the ONNX standard requires it"))?;
    match (<[usize; 4]>::try_from(s.as_slice()), usize::try_from(block)) {
        (Ok(s), Ok(b)) if (1..1 << 16).contains(&b) => Ok((x, s, b)),
        _ => Err(misfit(format!("{} of {s:?} by blocks of {block}", c.op))),
    }
}

fn moved(c: &mut Ctx<'_, '_, '_>, x: ValueId, parts: [usize; 6], perm: [i64; 6], to: [usize; 4]) -> Result<()> {
    let y = c.part("Reshape", Attrs::new().with("shape", &parts[..]), &[x])?;
    let y = c.part("Transpose", Attrs::new().with("perm", perm.to_vec()), &[y])?;
    c.emit("Reshape", Attrs::new().with("shape", &to[..]), &[y])
}

/// DepthToSpace 1, 11 (mode), 13.
pub(super) fn depth_to_space(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, [n, ch, h, w], b) = sizes(c)?;
    let mode = if c.opset >= 11 { c.attrs.str_or("mode", "DCR")? } else { "DCR" };
    if !matches!(mode, "DCR" | "CRD") {
        return Err(unsupported("mode", mode).hint("the standard has DCR and CRD"));
    }
    if !ch.is_multiple_of(b * b) {
        return Err(misfit(format!("{ch} channels in blocks of {b} by {b}")));
    }
    let (d, to) = (ch / (b * b), [n, ch / (b * b), h * b, w * b]);
    if mode == "DCR" {
        return moved(c, x, [n, b, b, d, h, w], [0, 3, 4, 1, 5, 2], to);
    }
    moved(c, x, [n, d, b, b, h, w], [0, 1, 4, 2, 5, 3], to)
}

/// SpaceToDepth 1, 13.
pub(super) fn space_to_depth(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, [n, ch, h, w], b) = sizes(c)?;
    if !h.is_multiple_of(b) || !w.is_multiple_of(b) {
        return Err(misfit(format!("an image of {h} by {w} in blocks of {b}")));
    }
    moved(c, x, [n, ch, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4], [n, ch * b * b, h / b, w / b])
}
