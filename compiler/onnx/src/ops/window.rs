//! Kernel, stride and padding attributes of convolution and pooling, resolved to explicit pads.
//!
//! Semantics: ONNX operators Conv and AveragePool/MaxPool (attributes auto_pad, ceil_mode). Layout NCHW, so the spatial dimensions of
//! the input are dimensions 2 and 3.

use crate::attrs::{show_ints, unsupported};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result};

/// Largest kernel extent, stride, dilation or pad: sums and products of a few of them stay far inside 64 bits.
const MAX_EXTENT: i64 = 1 << 24;

/// A window that slides over two spatial dimensions.
pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) dilations: [usize; 2],
    /// top, left, bottom, right
    pub(super) pads: [usize; 4],
    /// Rows and columns that `ceil_mode` added to `pads` at bottom and right.
    pub(super) overhang: [usize; 2],
}

impl Window {
    /// Attributes of the IR: `strides`, `pads`, `layout`.
    pub(super) fn attrs(&self) -> Attrs {
        Attrs::new().with("strides", &self.strides[..]).with("pads", &self.pads[..]).with("layout", "NCHW")
    }
}

/// A list of exactly `n` integers in `min..=MAX_EXTENT`.
pub(super) fn extents<const N: usize>(c: &Ctx<'_, '_, '_>, name: &str, min: i64, default: usize) -> Result<[usize; N]> {
    let Some(v) = c.attrs.ints(name)? else { return Ok([default; N]) };
    let list: [i64; N] =
        v.try_into().map_err(|_| unsupported(name, show_ints(v)).hint(format!("expected {N} values (two spatial dimensions)")))?;
    if list.iter().any(|x| !(min..=MAX_EXTENT).contains(x)) {
        return Err(unsupported(name, show_ints(v)).hint(format!("values must lie in {min}..={MAX_EXTENT}")));
    }
    Ok(list.map(|x| x as usize))
}

/// Reads strides, dilations (where `dilated`), pads, auto_pad and ceil_mode (where `ceil`) for a `kernel` over the spatial `input`.
pub(super) fn window(c: &Ctx<'_, '_, '_>, input: [usize; 2], kernel: [usize; 2], dilated: bool, ceil: bool) -> Result<Window> {
    let strides = extents(c, "strides", 1, 1)?;
    let dilations = if dilated { extents(c, "dilations", 1, 1)? } else { [1, 1] };
    let mut pads: [usize; 4] = extents(c, "pads", 0, 0)?;
    let auto = c.attrs.str_or("auto_pad", "NOTSET")?;
    let ceil = ceil && c.attrs.flag("ceil_mode", false)?;
    if auto != "NOTSET" && pads != [0; 4] {
        return Err(unsupported("auto_pad", auto).hint("the standard does not allow pads beside auto_pad"));
    }
    let mut overhang = [0; 2];
    for d in 0..2 {
        let span = (kernel[d] - 1) * dilations[d] + 1;
        match auto {
            "NOTSET" | "VALID" => {}
            "SAME_UPPER" | "SAME_LOWER" => {
                let out = input[d].div_ceil(strides[d]);
                // The standard's formula gives a negative pad here, which some executors take as cropping, some as 0, and some refuse.
                if out.saturating_sub(1) * strides[d] + span + 1 < input[d] {
                    return Err(unsupported("auto_pad", auto)
                        .hint("with strides so far beyond the kernel executors differ in where windows start; export the model with explicit pads"));
                }
                let total = (out.saturating_sub(1) * strides[d] + span).saturating_sub(input[d]);
                let (small, large) = (total / 2, total - total / 2);
                (pads[d], pads[d + 2]) = if auto == "SAME_UPPER" { (small, large) } else { (large, small) };
            }
            _ => return Err(unsupported("auto_pad", auto).hint("the standard has NOTSET, VALID, SAME_UPPER and SAME_LOWER")),
        }
        let padded = input[d] + pads[d] + pads[d + 2];
        if span > padded {
            return Err(Error::new(Code::BadShape, format!("a window of {span} does not fit into {} with pads {pads:?}", input[d]))
                .hint("the kernel is larger than the padded input"));
        }
        if ceil {
            // A window that would start in the bottom padding is left out (ONNX since opset 11 and every executor).
            let mut steps = (padded - span).div_ceil(strides[d]);
            if steps * strides[d] >= input[d] + pads[d] {
                steps -= 1;
            }
            overhang[d] = (steps * strides[d] + span).saturating_sub(padded);
            pads[d + 2] += overhang[d];
        }
    }
    Ok(Window { kernel, strides, dilations, pads, overhang })
}
