//! Normalizations, spelt out: mean and variance by reductions, a table for the reciprocal root, products and sums.

use super::shape::misfit;
use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

fn over(axes: &[usize]) -> Attrs {
    Attrs::new().with("axes", axes).with("keepdims", 1i64)
}

fn number(c: &mut Ctx<'_, '_, '_>, label: &str, v: f64) -> Result<ValueId> {
    c.make_const(label, Tensor::from_f32(Vec::new(), &[v as f32])?)
}

/// x less its mean over `axes` (where `centred`), divided by the root of the mean square of that and epsilon.
fn normal(c: &mut Ctx<'_, '_, '_>, x: ValueId, axes: &[usize], epsilon: f64, centred: bool) -> Result<ValueId> {
    normal_of(c, x, axes, epsilon, centred).map(|n| n[0])
}

/// [`normal`], with what it is multiplied by and what is taken off.
fn normal_of(c: &mut Ctx<'_, '_, '_>, x: ValueId, axes: &[usize], epsilon: f64, centred: bool) -> Result<[ValueId; 3]> {
    let (mut d, mut mean) = (x, x);
    if centred {
        mean = c.part("ReduceMean", over(axes), &[x])?;
        d = c.plain("Sub", &[x, mean])?;
    }
    let square = c.part("Power", Attrs::new().with("exponent", 2.0), &[d])?;
    let variance = c.part("ReduceMean", over(axes), &[square])?;
    let epsilon = number(c, "epsilon", epsilon)?;
    let shifted = c.plain("Add", &[variance, epsilon])?;
    let root = c.part("Power", Attrs::new().with("exponent", -0.5), &[shifted])?;
    Ok([c.plain("Mul", &[d, root])?, root, mean])
}

/// y * scale + bias as the node's output.
fn affine(c: &mut Ctx<'_, '_, '_>, y: ValueId, scale: ValueId, bias: Option<ValueId>) -> Result<()> {
    let Some(bias) = bias else { return c.emit("Mul", Attrs::new(), &[y, scale]) };
    let y = c.plain("Mul", &[y, scale])?;
    c.emit("Add", Attrs::new(), &[y, bias])
}

/// A vector of one number a channel, as a tensor that broadcasts over `rank` dimensions.
fn per_channel(c: &mut Ctx<'_, '_, '_>, i: usize, channels: usize, rank: usize) -> Result<ValueId> {
    let v = c.input(i)?;
    if c.shape(v) != [channels] {
        return Err(misfit(format!("input {i} of {} has shape {:?}, the tensor {channels} channels", c.op, c.shape(v))));
    }
    let mut shape = vec![1; rank - 1];
    shape[0] = channels;
    c.part("Reshape", Attrs::new().with("shape", &shape[..]), &[v])
}

/// What a further output asks for.
fn stash(c: &Ctx<'_, '_, '_>) -> Result<()> {
    // The type of the intermediate values; here it is that of the tensor.
    match c.attrs.int_or("stash_type", 1)? {
        1 | 10 | 11 | 16 => Ok(()),
        v => Err(unsupported("stash_type", v).hint("the standard has floats")),
    }
}

/// LayerNormalization 17 and RMSNormalization 23: over the dimensions from `axis` on.
pub(super) fn last_axes(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, scale) = (c.input(0)?, c.input(1)?);
    let centred = c.op == "LayerNormalization";
    let bias = if centred { c.optional(2)? } else { None };
    let shape = c.shape(x);
    let axis = c.axis(c.attrs.int_or("axis", -1)?, shape.len(), false)?;
    let epsilon = c.attrs.float_or("epsilon", 1e-5)?;
    stash(c)?;
    for v in [Some(scale), bias].into_iter().flatten() {
        if mcompc_ops::broadcast(&shape, &c.shape(v)).ok().as_ref() != Some(&shape) {
            return Err(misfit(format!("scale or bias of shape {:?} do not broadcast to {shape:?}", c.shape(v))));
        }
    }
    let axes: Vec<usize> = (axis..shape.len()).collect();
    let [y, root, mean] = normal_of(c, x, &axes, epsilon, centred)?;
    if centred {
        c.output(1, mean)?;
        c.output(2, root)?;
    }
    affine(c, y, scale, bias)
}

/// InstanceNormalization 6, 22: every channel of every image by itself.
pub(super) fn instance(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    if shape.len() < 3 {
        return Err(misfit(format!("InstanceNormalization of shape {shape:?}")));
    }
    let epsilon = c.attrs.float_or("epsilon", 1e-5)?;
    let (scale, bias) = (per_channel(c, 1, shape[1], shape.len())?, per_channel(c, 2, shape[1], shape.len())?);
    let axes: Vec<usize> = (2..shape.len()).collect();
    let y = normal(c, x, &axes, epsilon, true)?;
    affine(c, y, scale, Some(bias))
}

/// GroupNormalization 18 (scale and bias a group), 21 (a channel).
pub(super) fn group(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let asked = c.attrs.int("num_groups")?;
    let groups = asked.and_then(|g| usize::try_from(g).ok()).filter(|&g| g > 0);
    let Some(groups) = groups.filter(|&g| shape.len() >= 3 && shape[1].is_multiple_of(g)) else {
        return Err(misfit(format!("GroupNormalization of shape {shape:?} in {} groups", asked.unwrap_or_default())));
    };
    let epsilon = c.attrs.float_or("epsilon", 1e-5)?;
    if c.opset >= 21 {
        stash(c)?;
    }
    let per = shape[1] / groups;
    let rest: usize = shape[2..].iter().product();
    let rows = [shape[0], groups, per * rest];
    let y = c.part("Reshape", Attrs::new().with("shape", &rows[..]), &[x])?;
    let y = normal(c, y, &[2], epsilon, true)?;
    if c.opset < 21 {
        let (scale, bias) = (per_channel(c, 1, groups, 3)?, per_channel(c, 2, groups, 3)?);
        let y = c.plain("Mul", &[y, scale])?;
        let y = c.plain("Add", &[y, bias])?;
        return c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[y]);
    }
    let y = c.part("Reshape", Attrs::new().with("shape", &shape[..]), &[y])?;
    let (scale, bias) = (per_channel(c, 1, shape[1], shape.len())?, per_channel(c, 2, shape[1], shape.len())?);
    affine(c, y, scale, Some(bias))
}

/// MeanVarianceNormalization 9, 13: (x - mean) / (root of the variance + 1e-9), here with the number below the root, which is so small
/// that only a variance of 0 tells them apart: the result is then 0 either way.
pub(super) fn mean_variance(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let rank = c.shape(x).len();
    let axes = c.attrs.ints("axes")?.map_or_else(|| vec![0, 2, 3], <[i64]>::to_vec);
    let axes = super::shape::normal_axes(c, &axes, rank)?;
    let y = normal(c, x, &axes, 1e-18, true)?;
    c.name_result(y);
    Ok(())
}

/// LRN 1, 13: x / (bias + alpha / size * sum of squares over neighbouring channels)^beta.
pub(super) fn local_response(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let size = c.attrs.int("size")?.and_then(|s| usize::try_from(s).ok()).filter(|s| (1..1 << 16).contains(s));
    let Some(size) = size else {
        return Err(Error::new(Code::MissingAttr, "LRN without a size").hint("the ONNX standard requires it"));
    };
    if shape.len() < 3 {
        return Err(misfit(format!("LRN of shape {shape:?}")));
    }
    let (alpha, beta, bias) = (c.attrs.float_or("alpha", 1e-4)?, c.attrs.float_or("beta", 0.75)?, c.attrs.float_or("bias", 1.0)?);
    let square = c.part("Power", Attrs::new().with("exponent", 2.0), &[x])?;
    let image = [shape[0], 1, shape[1], shape[2..].iter().product::<usize>()];
    let square = c.part("Reshape", Attrs::new().with("shape", &image[..]), &[square])?;
    let window = Attrs::new()
        .with("kernel", &[size, 1][..])
        .with("strides", vec![1, 1])
        .with("pads", &[(size - 1) / 2, 0, size / 2, 0][..])
        .with("count_include_pad", 1i64)
        .with("layout", "NCHW");
    let mean = c.part("AveragePool", window, &[square])?;
    let mean = c.part("Reshape", Attrs::new().with("shape", &shape[..]), &[mean])?;
    let (alpha, bias) = (number(c, "alpha", alpha)?, number(c, "bias", bias)?);
    let scaled = c.plain("Mul", &[mean, alpha])?;
    let base = c.plain("Add", &[scaled, bias])?;
    let factor = c.part("Power", Attrs::new().with("exponent", -beta), &[base])?;
    c.emit("Mul", Attrs::new(), &[x, factor])
}
