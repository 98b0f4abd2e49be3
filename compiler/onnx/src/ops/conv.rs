//! Conv.

use super::window::{extents, spatial, window};
use crate::node::Ctx;
use mcompc_ir::{Code, Error, Result};

/// Conv 1, 11, 22: x [N,C,H,W], w [O,C/group,kh,kw], optional bias [O]; or with one or three spatial dimensions.
pub(super) fn conv(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, w, bias) = (c.input(0)?, c.input(1)?, c.optional(2)?);
    let input = spatial(c, x)?;
    let (xs, ws) = (c.shape(x), c.shape_of_rank(w, input.len() + 2, "weights have as many dimensions as the tensor")?);
    let kernel = ws[2..].to_vec();
    let mismatch = |what: String| {
        Error::new(Code::BadShape, what).hint("weights and attributes disagree; the file is damaged or its exporter at fault")
    };
    if kernel.contains(&0) || ws[0] == 0 {
        return Err(mismatch(format!("weights of shape {ws:?}")));
    }
    let given = extents(c, "kernel_shape", kernel.len(), 1, 0)?;
    if !given.contains(&0) && given != kernel {
        return Err(mismatch(format!("kernel_shape {given:?}, but the weights have shape {ws:?}")));
    }
    let group = c.attrs.int_or("group", 1)?;
    let g = usize::try_from(group).unwrap_or(0);
    if g == 0 || !ws[0].is_multiple_of(g) || ws[1].checked_mul(g) != Some(xs[1]) {
        return Err(mismatch(format!("{} input channels and group {group} do not fit weights of shape {ws:?}", xs[1])));
    }
    if let Some(b) = bias
        && c.shape(b) != [ws[0]]
    {
        return Err(mismatch(format!("bias of shape {:?} for {} output channels", c.shape(b), ws[0])));
    }
    let win = window(c, &input, kernel, true, false)?;
    let attrs = win.attrs().with("dilations", &win.dilations[..]).with("group", g);
    let inputs: Vec<_> = [Some(x), Some(w), bias].into_iter().flatten().collect();
    c.emit("Conv", attrs, &inputs)
}
