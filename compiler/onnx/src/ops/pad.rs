//! Pad.

use super::shape::{misfit, normal_axes};
use crate::attrs::{show_ints, unsupported};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result};

/// Largest pad; keeps sums of dimensions far inside 64 bits.
const MAX_PAD: i64 = 1 << 28;

/// Pads of every dimension: of all begins, then of all ends.
fn pads_of(c: &mut Ctx<'_, '_, '_>, rank: usize) -> Result<(Vec<i64>, f32)> {
    let missing = || Error::new(Code::MissingAttr, "Pad without pads").hint("the ONNX standard requires them");
    let (given, value, axes) = if c.opset < 11 {
        if c.input_name(1).is_some() || c.input_name(2).is_some() {
            return Err(Error::new(Code::UnsupportedOpset, format!("Pad with pads as an input in opset {}", c.opset))
                .hint("they came with opset 11"));
        }
        (c.attrs.ints("pads")?.ok_or_else(missing)?.to_vec(), c.attrs.float_or("value", 0.0)? as f32, None)
    } else {
        let axes = if c.opset >= 18 { c.constant_ints(3)? } else { None };
        (c.constant_ints(1)?.ok_or_else(missing)?, c.constant_scalar(2)?.unwrap_or(0.0), axes)
    };
    if c.opset < 18 && c.input_name(3).is_some() {
        return Err(Error::new(Code::UnsupportedOpset, format!("Pad with axes in opset {}", c.opset)).hint("they came with opset 18"));
    }
    let axes: Vec<usize> = match axes {
        None => (0..rank).collect(),
        Some(a) => {
            normal_axes(c, &a, rank)?;
            a.iter().map(|&i| c.axis(i, rank, false)).collect::<Result<_>>()?
        }
    };
    if given.len() != 2 * axes.len() || given.iter().any(|p| !(-MAX_PAD..=MAX_PAD).contains(p)) {
        return Err(
            unsupported("pads", show_ints(&given)).hint(format!("expected {} values, a begin and an end for each axis", 2 * axes.len()))
        );
    }
    let mut pads = vec![0i64; 2 * rank];
    for (i, &a) in axes.iter().enumerate() {
        pads[a] = given[i];
        pads[rank + a] = given[axes.len() + i];
    }
    Ok((pads, value))
}

/// Pad 2 (attributes), 11, 13 (inputs), 18 (axes), 19 (wrap), 21. Negative pads crop, which is a Slice before.
pub(super) fn pad(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let mut x = c.input(0)?;
    let shape = c.shape(x);
    let rank = shape.len();
    let mode = c.attrs.str_or("mode", "constant")?;
    if !matches!(mode, "constant" | "reflect" | "edge" | "wrap") || mode == "wrap" && c.opset < 19 {
        return Err(unsupported("mode", mode).hint("the standard has constant, reflect, edge, and from opset 19 on wrap"));
    }
    let (mut pads, value) = pads_of(c, rank)?;
    if !value.is_finite() {
        return Err(unsupported("constant_value", value).hint("the value must be finite"));
    }
    if pads.iter().any(|&p| p < 0) {
        let crop = |i: usize| usize::try_from(-pads[i]).unwrap_or(0);
        let starts: Vec<usize> = (0..rank).map(crop).collect();
        let sizes: Vec<usize> = (0..rank).map(|d| shape[d].saturating_sub(crop(d)).saturating_sub(crop(rank + d))).collect();
        if sizes.contains(&0) {
            return Err(misfit(format!("pads {} leave nothing of {shape:?}", show_ints(&pads))));
        }
        let attrs = Attrs::new().with("starts", &starts[..]).with("sizes", &sizes[..]).with("steps", vec![1i64; rank]);
        pads.iter_mut().for_each(|p| *p = (*p).max(0));
        if pads.iter().all(|&p| p == 0) {
            return c.emit("Slice", attrs, &[x]);
        }
        x = c.part("Slice", attrs, &[x])?;
    }
    let least = c.shape(x);
    let most = |d: usize| match mode {
        "reflect" => least[d] as i64 - 1,
        "wrap" => least[d] as i64,
        _ => MAX_PAD,
    };
    if (0..rank).any(|d| pads[d].max(pads[rank + d]) > most(d)) {
        return Err(unsupported("pads", show_ints(&pads))
            .hint(format!("mode {mode} takes each element of the tensor once, so the pads of {least:?} are limited to that")));
    }
    let attrs = Attrs::new().with("pads", pads);
    if mode == "constant" {
        return c.emit("Pad", attrs.with("value", f64::from(value)), &[x]);
    }
    c.emit("Pad", attrs.with("value", 0.0).with("mode", mode), &[x])
}

/// CenterCropPad 18 to a constant shape: what is too long is cut at both ends, what is too short filled with zeros, the odd one behind.
pub(super) fn center(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let want = c.constant_ints(1)?.unwrap_or_default();
    let axes = match c.attrs.ints("axes")? {
        None => (0..shape.len()).collect(),
        Some(a) => a.iter().map(|&i| c.axis(i, shape.len(), false)).collect::<Result<Vec<usize>>>()?,
    };
    if want.len() != axes.len() || want.iter().any(|&n| n < 1) {
        return Err(misfit(format!("CenterCropPad of {shape:?} to {}", show_ints(&want))));
    }
    let (mut y, mut pads) = (x, vec![0; 2 * shape.len()]);
    for (&d, &n) in axes.iter().zip(&want) {
        let (have, n) = (shape[d], n as usize);
        if n < have {
            y = c.sliced(y, d, (have - n) / 2, n)?;
        } else {
            (pads[d], pads[shape.len() + d]) = ((n - have) / 2, (n - have).div_ceil(2));
        }
    }
    c.emit("Pad", Attrs::new().with("pads", &pads[..]).with("value", 0.0), &[y])
}
