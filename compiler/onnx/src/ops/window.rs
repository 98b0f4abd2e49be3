//! Kernel, stride and padding attributes of convolution and pooling, resolved to explicit pads.
//!
//! Semantics: ONNX operators Conv and AveragePool/MaxPool (attributes auto_pad, ceil_mode). Channels come first, so the spatial
//! dimensions of the input, one to three, are those from 2 on.

use crate::attrs::{show_ints, unsupported};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, ValueId};

/// Largest kernel extent, stride, dilation or pad: sums and products of a few of them stay far inside 64 bits.
const MAX_EXTENT: i64 = 1 << 24;

/// A window that slides over one to three spatial dimensions.
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    /// In front of every dimension, then behind them.
    pub(super) pads: Vec<usize>,
    /// Places that `ceil_mode` added to `pads` behind every dimension.
    pub(super) overhang: Vec<usize>,
}

impl Window {
    /// Attributes of the IR: `strides`, `pads`, `layout`.
    pub(super) fn attrs(&self) -> Attrs {
        Attrs::new().with("strides", &self.strides[..]).with("pads", &self.pads[..]).with("layout", "NCHW")
    }
}

/// Spatial sizes of `x`, whose rank must be 3 to 5.
pub(super) fn spatial(c: &Ctx<'_, '_, '_>, x: ValueId) -> Result<Vec<usize>> {
    let s = c.shape(x);
    if (3..=5).contains(&s.len()) {
        return Ok(s[2..].to_vec());
    }
    Err(Error::new(
        Code::BadShape,
        format!("{} on a tensor of shape {s:?}, expected batch, channels and one to three spatial dimensions", c.op),
    )
    .hint("reshape the tensor before"))
}

/// A list of exactly `n` integers in `min..=MAX_EXTENT`.
pub(super) fn extents(c: &Ctx<'_, '_, '_>, name: &str, n: usize, min: i64, default: usize) -> Result<Vec<usize>> {
    let Some(v) = c.attrs.ints(name)? else { return Ok(vec![default; n]) };
    if v.len() != n {
        return Err(unsupported(name, show_ints(v)).hint(format!("expected {n} values, by the tensor's spatial dimensions")));
    }
    if v.iter().any(|x| !(min..=MAX_EXTENT).contains(x)) {
        return Err(unsupported(name, show_ints(v)).hint(format!("values must lie in {min}..={MAX_EXTENT}")));
    }
    Ok(v.iter().map(|&x| x as usize).collect())
}

/// Reads strides, dilations (where `dilated`), pads, auto_pad and ceil_mode (where `ceil`) for a `kernel` over the spatial `input`.
pub(super) fn window(c: &Ctx<'_, '_, '_>, input: &[usize], kernel: Vec<usize>, dilated: bool, ceil: bool) -> Result<Window> {
    let n = input.len();
    let strides = extents(c, "strides", n, 1, 1)?;
    let dilations = if dilated { extents(c, "dilations", n, 1, 1)? } else { vec![1; n] };
    let mut pads = extents(c, "pads", 2 * n, 0, 0)?;
    let auto = c.attrs.str_or("auto_pad", "NOTSET")?;
    let ceil = ceil && c.attrs.flag("ceil_mode", false)?;
    if auto != "NOTSET" && pads.iter().any(|&p| p != 0) {
        return Err(unsupported("auto_pad", auto).hint("the standard does not allow pads beside auto_pad"));
    }
    let mut overhang = vec![0; n];
    for d in 0..n {
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
                (pads[d], pads[n + d]) = if auto == "SAME_UPPER" { (small, large) } else { (large, small) };
            }
            _ => return Err(unsupported("auto_pad", auto).hint("the standard has NOTSET, VALID, SAME_UPPER and SAME_LOWER")),
        }
        let padded = input[d] + pads[d] + pads[n + d];
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
            pads[n + d] += overhang[d];
        }
    }
    Ok(Window { kernel, strides, dilations, pads, overhang })
}
