//! Windows over one to three spatial dimensions: kernel, strides, dilations and every way to say the padding.

use crate::build::{Builder, int, ints, longs, string};
use mcompc_onnx::proto::AttributeProto;

/// A window that fits, with what it makes of the image.
pub struct Window {
    pub kernel: Vec<usize>,
    pub attributes: Vec<AttributeProto>,
    pub out: Vec<usize>,
}

/// What the operator allows.
#[derive(Clone, Copy)]
pub struct Allowed {
    /// Dilations, and pads as large as or larger than the window.
    pub conv: bool,
    /// ceil_mode.
    pub ceil: bool,
}

/// Draws a window over an image of `size`.
pub fn window(b: &mut Builder<'_>, size: &[usize], allowed: Allowed) -> Window {
    let n = size.len();
    let mut w = Window { kernel: vec![1; n], attributes: Vec::new(), out: vec![0; n] };
    let square = b.s.chance(60);
    let side = |b: &mut Builder<'_>| b.s.pick(&[1, 3, 2, 4, 5, 7]);
    w.kernel = (0..n).map(|_| side(b)).collect();
    let mut strides: Vec<usize> = (0..n).map(|d| if d == 0 { b.s.pick(&[1, 2, 3, 4]) } else { b.s.pick(&[1, 2, 3]) }).collect();
    let dilated = allowed.conv && b.s.chance(20);
    let mut dilations: Vec<usize> = (0..n).map(|d| if dilated { b.s.range(1, 3 + d.min(1)) } else { 1 }).collect();
    for d in 1..if square { n } else { 1 } {
        (w.kernel[d], strides[d], dilations[d]) = (w.kernel[0], strides[0], dilations[0]);
    }
    let auto = b.s.pick(&["NOTSET", "NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]);
    let span = |w: &Window, dilations: &[usize], d: usize| (w.kernel[d] - 1) * dilations[d] + 1;
    let mut pads = vec![0usize; 2 * n];
    let ceil = allowed.ceil && auto == "NOTSET" && b.s.chance(25);
    for d in 0..n {
        match auto {
            "SAME_UPPER" | "SAME_LOWER" => {
                // Pools whose windows leave gaps would get negative pads, which not every executor takes for none.
                if !allowed.conv {
                    strides[d] = strides[d].min(w.kernel[d]);
                }
                // Strides so large that the formula of the standard would crop are refused: docs/status.md.
                let crops = |s: usize| (size[d].div_ceil(s) - 1) * s + span(&w, &dilations, d) + 1 < size[d];
                while !b.beyond && crops(strides[d]) {
                    strides[d] -= 1;
                }
                w.out[d] = size[d].div_ceil(strides[d]);
                continue;
            }
            "VALID" => {
                while span(&w, &dilations, d) > size[d] {
                    (w.kernel[d], dilations[d]) = ((w.kernel[d] - 1).max(1), 1);
                }
            }
            _ => {
                // As large as the window's size keeps, and for convolutions beyond it.
                let usual = span(&w, &dilations, d) / 2;
                let most = if allowed.conv { span(&w, &dilations, d) + 2 } else { w.kernel[d] - 1 };
                let form = b.s.below(8);
                let (before, after) = match form {
                    0..=2 => (0, 0),
                    3 | 4 => (usual, usual),
                    5 => (usual, 0),
                    6 => (0, usual),
                    _ => (b.s.range(0, most), b.s.range(0, most)),
                };
                let (before, mut after) = (before.min(most), after.min(most));
                if allowed.conv && size[d] + before + after < span(&w, &dilations, d) {
                    after = span(&w, &dilations, d) - size[d] - before;
                }
                while size[d] + before.min(w.kernel[d] - 1) + after.min(w.kernel[d] - 1) < w.kernel[d] && !allowed.conv {
                    w.kernel[d] -= 1;
                }
                let cap = if allowed.conv { usize::MAX } else { w.kernel[d] - 1 };
                (pads[d], pads[n + d]) = (before.min(cap), after.min(cap));
            }
        }
        let steps = |pads: &[usize], stride: usize| {
            let rest = size[d] + pads[d] + pads[n + d] - span(&w, &dilations, d);
            if ceil { rest.div_ceil(stride) } else { rest / stride }
        };
        // Whether a window that would begin in the padding behind the image counts: executors and their own shape inference do not agree.
        if ceil && steps(&pads, strides[d]) * strides[d] >= size[d] + pads[d] {
            let needed = span(&w, &dilations, d).saturating_sub(size[d] + pads[d]);
            (pads[n + d], strides[d]) = (needed, strides[d].min(w.kernel[d]));
        }
        let steps = steps(&pads, strides[d]);
        w.out[d] = steps + 1;
    }
    let mut list = Vec::new();
    b.defaulted(&mut list, ints("strides", longs(&strides)), strides.iter().all(|&s| s == 1));
    if allowed.conv {
        b.defaulted(&mut list, ints("dilations", longs(&dilations)), dilations.iter().all(|&d| d == 1));
        b.defaulted(&mut list, ints("kernel_shape", longs(&w.kernel)), true);
    } else {
        list.push(ints("kernel_shape", longs(&w.kernel)));
    }
    if auto == "NOTSET" {
        b.defaulted(&mut list, ints("pads", longs(&pads)), pads.iter().all(|&p| p == 0));
    }
    b.defaulted(&mut list, string("auto_pad", auto), auto == "NOTSET");
    if allowed.ceil {
        b.defaulted(&mut list, int("ceil_mode", i64::from(ceil)), !ceil);
    }
    w.attributes = list;
    w
}

/// Whether `ceil_mode` is set.
pub fn is_ceil(w: &Window) -> bool {
    w.attributes.iter().any(|a| a.name.as_deref() == Some("ceil_mode") && a.i == Some(1))
}

/// Batch, channels and one to three spatial dimensions, mostly two: an operand of a window.
pub fn image(b: &mut Builder<'_>) -> usize {
    let rank = b.s.pick(&[4, 4, 4, 4, 4, 4, 3, 5]);
    b.operand(rank..=rank)
}
