//! Conv.

use super::window::{extents, window};
use crate::node::Ctx;
use mcompc_ir::{Code, Error, Result};

/// Conv 1, 11, 22: x [N,C,H,W], w [O,C/group,kh,kw], optional bias [O].
pub(super) fn conv(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, w, bias) = (c.input(0)?, c.input(1)?, c.optional(2)?);
    let two = "only convolutions over two spatial dimensions are supported; a one-dimensional one can be written with a height of 1";
    let (xs, ws) = (c.shape_of_rank(x, 4, two)?, c.shape_of_rank(w, 4, two)?);
    let kernel = [ws[2], ws[3]];
    let mismatch = |what: String| {
        Error::new(Code::BadShape, what).hint("weights and attributes disagree; the file is damaged or its exporter at fault")
    };
    if kernel.contains(&0) || ws[0] == 0 {
        return Err(mismatch(format!("weights of shape {ws:?}")));
    }
    let given: [usize; 2] = extents(c, "kernel_shape", 1, 0)?;
    if given != [0, 0] && given != kernel {
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
    let win = window(c, [xs[2], xs[3]], kernel, true, false)?;
    let attrs = win.attrs().with("dilations", &win.dilations[..]).with("group", g);
    let inputs: Vec<_> = [Some(x), Some(w), bias].into_iter().flatten().collect();
    c.emit("Conv", attrs, &inputs)
}
