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

/// LpPool 2, 11, 18 (ceil_mode, dilations), 22: the root of the sum of powers, which is a mean times the number of elements.
pub(super) fn lp(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let win = pool_window(c, x)?;
    if c.opset >= 18 {
        c.attrs.only_all("dilations", 1, "dilated pooling is not supported")?;
    }
    let p = c.attrs.int_or("p", 2)?;
    if p < 1 {
        return Err(unsupported("p", p).hint("the standard has positive ones"));
    }
    let size = c.plain("Abs", &[x])?;
    let power = |c: &mut Ctx<'_, '_, '_>, v: ValueId, by: f64| {
        if by == 1.0 { Ok(v) } else { c.part("Power", Attrs::new().with("exponent", by), &[v]) }
    };
    let powers = power(c, size, p as f64)?;
    // Every window counts as many elements, those of the padding as 0: the mean times that is the sum.
    let attrs = win.attrs().with("kernel", &win.kernel[..]).with("count_include_pad", 1i64);
    let mean = c.part("AveragePool", attrs, &[powers])?;
    let sum = c.scaled(mean, win.kernel.iter().product::<usize>() as f32)?;
    let y = power(c, sum, 1.0 / p as f64)?;
    c.result(y);
    Ok(())
}

/// GlobalLpPool 2, 22.
pub(super) fn global_lp(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let axes: Vec<usize> = (2..c.shape(x).len()).collect();
    let p = c.attrs.int_or("p", 2)?;
    if p < 1 {
        return Err(unsupported("p", p).hint("the standard has positive ones"));
    }
    let size = c.plain("Abs", &[x])?;
    let powers = c.part("Power", Attrs::new().with("exponent", p as f64), &[size])?;
    let sum = c.part("ReduceSum", Attrs::new().with("axes", &axes[..]).with("keepdims", 1i64), &[powers])?;
    c.emit("Power", Attrs::new().with("exponent", 1.0 / p as f64), &[sum])
}
