//! Pooling: AveragePool, MaxPool and their global forms.

use super::window::{Window, extents, window};
use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Result, ValueId};

const TWO: &str = "only pooling over two spatial dimensions is supported; a one-dimensional one can be written with a height of 1";

/// The window of a pooling node; a window may not lie in padding alone, so each pad is smaller than the kernel.
fn pool_window(c: &Ctx<'_, '_, '_>, x: ValueId) -> Result<Window> {
    let s = c.shape_of_rank(x, 4, TWO)?;
    let kernel: [usize; 2] = extents(c, "kernel_shape", 1, 0)?;
    if kernel.contains(&0) {
        return Err(mcompc_ir::Error::new(mcompc_ir::Code::MissingAttr, "attribute `kernel_shape` is missing")
            .hint("the ONNX standard requires it"));
    }
    let win = window(c, [s[2], s[3]], kernel, false, c.opset >= 10)?;
    if (0..4).any(|i| win.pads[i] >= kernel[i % 2]) {
        return Err(unsupported("pads", format!("{:?}", win.pads)).hint("each pad must be smaller than the kernel"));
    }
    Ok(win)
}

/// AveragePool 7 (count_include_pad), 10 (ceil_mode), 11, 19 (dilations), 22.
pub(super) fn average(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let win = pool_window(c, x)?;
    if c.opset >= 19 {
        c.attrs.only_all("dilations", 1, "dilated pooling is not supported")?;
    }
    let include = c.attrs.flag("count_include_pad", false)?;
    if include && win.overhang != [0, 0] {
        return Err(unsupported("ceil_mode", 1)
            .hint("with count_include_pad the windows over the edge are divided differently by every executor; use explicit pads"));
    }
    let attrs = win.attrs().with("kernel", &win.kernel[..]).with("count_include_pad", i64::from(include));
    c.emit("AveragePool", attrs, &[x])
}

/// MaxPool 1, 8 (storage_order, indices), 10 (ceil_mode, dilations), 11, 12, 22.
pub(super) fn max(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let win = pool_window(c, x)?;
    if c.opset >= 10 {
        c.attrs.only_all("dilations", 1, "dilated pooling is not supported")?;
    }
    if c.opset >= 8 {
        c.attrs.only("storage_order", 0, "it orders the indices, which are not supported")?;
    }
    c.emit("MaxPool", win.attrs().with("kernel", &win.kernel[..]), &[x])
}

fn whole(c: &Ctx<'_, '_, '_>, x: ValueId) -> Result<Window> {
    let s = c.shape_of_rank(x, 4, TWO)?;
    Ok(Window { kernel: [s[2], s[3]], strides: [1, 1], dilations: [1, 1], pads: [0; 4], overhang: [0; 2] })
}

/// GlobalAveragePool 1, 22: an AveragePool over the whole plane.
pub(super) fn global_average(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let win = whole(c, x)?;
    c.emit("AveragePool", win.attrs().with("kernel", &win.kernel[..]).with("count_include_pad", 0i64), &[x])
}

/// GlobalMaxPool 1, 22: a MaxPool over the whole plane.
pub(super) fn global_max(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let win = whole(c, x)?;
    c.emit("MaxPool", win.attrs().with("kernel", &win.kernel[..]), &[x])
}
