//! Pooling: AveragePool, MaxPool and their global forms.

use super::window::{Window, extents, spatial, window};
use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Result, ValueId};

/// The window of a pooling node; a window may not lie in padding alone, so each pad is smaller than the kernel.
fn pool_window(c: &Ctx<'_, '_, '_>, x: ValueId) -> Result<Window> {
    let input = spatial(c, x)?;
    let n = input.len();
    let kernel = extents(c, "kernel_shape", n, 1, 0)?;
    if kernel.contains(&0) {
        return Err(mcompc_ir::Error::new(mcompc_ir::Code::MissingAttr, "attribute `kernel_shape` is missing")
            .hint("the ONNX standard requires it"));
    }
    let win = window(c, &input, kernel, false, c.opset >= 10)?;
    if (0..2 * n).any(|i| win.pads[i] >= win.kernel[i % n]) {
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
    if include && win.overhang.iter().any(|&o| o != 0) {
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

/// A pool over the whole plane, or a reduction where that is no plane.
fn global(c: &mut Ctx<'_, '_, '_>, pool: &str, reduce: &str, count: Option<i64>) -> Result<()> {
    let x = c.input(0)?;
    let kernel = c.shape(x).get(2..).unwrap_or(&[]).to_vec();
    if kernel.len() != 2 {
        let axes: Vec<usize> = (2..kernel.len() + 2).collect();
        if axes.is_empty() {
            spatial(c, x)?;
        }
        return c.emit(reduce, Attrs::new().with("axes", &axes[..]).with("keepdims", 1i64), &[x]);
    }
    let attrs = Attrs::new().with("strides", vec![1i64; 2]).with("pads", vec![0i64; 4]).with("layout", "NCHW").with("kernel", &kernel[..]);
    c.emit(pool, if let Some(v) = count { attrs.with("count_include_pad", v) } else { attrs }, &[x])
}

/// GlobalAveragePool 1, 22: an AveragePool over the whole plane.
pub(super) fn global_average(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    global(c, "AveragePool", "ReduceMean", Some(0))
}

/// GlobalMaxPool 1, 22: a MaxPool over the whole plane.
pub(super) fn global_max(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    global(c, "MaxPool", "ReduceMax", None)
}
