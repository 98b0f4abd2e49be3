//! ConvTranspose: a convolution of the input with zeros between its elements, by the turned kernel (Dumoulin and Visin, A guide to
//! convolution arithmetic for deep learning, 2016, chapter 4).

use super::window::{extents, spatial};
use crate::attrs::{show_ints, unsupported};
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

/// What the window is along one dimension.
struct Axis {
    n: usize,
    stride: usize,
    dilation: usize,
    kernel: usize,
    /// Cut from the full result, in front and behind; negative where it grows.
    before: i64,
    after: i64,
}

fn mismatch(what: String) -> Error {
    Error::new(Code::BadShape, what).hint("weights and attributes disagree; the file is damaged or its exporter at fault")
}

fn axes(c: &Ctx<'_, '_, '_>, input: &[usize], kernel: &[usize]) -> Result<Vec<Axis>> {
    let n = input.len();
    let (strides, dilations) = (extents(c, "strides", n, 1, 1)?, extents(c, "dilations", n, 1, 1)?);
    let (pads, extra) = (extents(c, "pads", 2 * n, 0, 0)?, extents(c, "output_padding", n, 0, 0)?);
    let auto = c.attrs.str_or("auto_pad", "NOTSET")?;
    if !matches!(auto, "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER") {
        return Err(unsupported("auto_pad", auto).hint("the standard has NOTSET, VALID, SAME_UPPER and SAME_LOWER"));
    }
    let wanted = c.attrs.ints("output_shape")?;
    if let Some(w) = wanted.filter(|w| w.len() != n || w.iter().any(|&v| v < 1)) {
        return Err(unsupported("output_shape", show_ints(w)).hint(format!("expected {n} sizes")));
    }
    let axis = |d: usize| {
        let full = (strides[d] * (input[d] - 1) + extra[d] + (kernel[d] - 1) * dilations[d] + 1) as i64;
        let (mut before, mut after) = (pads[d] as i64, pads[n + d] as i64);
        let same = auto.starts_with("SAME");
        if wanted.is_some() || same {
            let total = full - wanted.map_or((input[d] * strides[d]) as i64, |w| w[d]);
            let small = total.div_euclid(2);
            // The larger half is cut in front, but for SAME_UPPER.
            (before, after) = if auto == "SAME_UPPER" { (small, total - small) } else { (total - small, small) };
        }
        Axis { n: input[d], stride: strides[d], dilation: dilations[d], kernel: kernel[d], before, after: after - extra[d] as i64 }
    };
    Ok((0..n).map(axis).collect())
}

/// ConvTranspose 1, 11, 22 with constant weights: x [N,C,...], w [C,O/group,...], optional bias [O].
pub(super) fn conv_transpose(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (x, bias) = (c.input(0)?, c.optional(2)?);
    let Ok(Some(w)) = c.constant(1) else {
        return Err(Error::new(Code::UnsupportedAttr, "ConvTranspose with computed weights is not supported")
            .hint("store the weights in the model"));
    };
    let input = spatial(c, x)?;
    let channels = c.shape(x)[1];
    let group = usize::try_from(c.attrs.int_or("group", 1)?).unwrap_or(0);
    if w.shape.len() != input.len() + 2 || w.shape.contains(&0) || w.shape[0] != channels || group == 0 || !channels.is_multiple_of(group) {
        return Err(mismatch(format!("{channels} input channels and group {group} do not fit weights of shape {:?}", w.shape)));
    }
    let kernel = w.shape[2..].to_vec();
    let given = extents(c, "kernel_shape", kernel.len(), 1, 0)?;
    if !given.contains(&0) && given != kernel {
        return Err(mismatch(format!("kernel_shape {given:?}, but the weights have shape {:?}", w.shape)));
    }
    let out = w.shape[1] * group;
    if let Some(b) = bias
        && c.shape(b) != [out]
    {
        return Err(mismatch(format!("bias of shape {:?} for {out} output channels", c.shape(b))));
    }
    let axes = axes(c, &input, &kernel)?;
    if let Some(a) = axes.iter().find(|a| (a.stride * (a.n - 1) + (a.kernel - 1) * a.dilation + 1) as i64 <= a.before + a.after) {
        return Err(mismatch(format!("pads {} and {} leave nothing of a dimension of {}", a.before, a.after, a.n)));
    }
    let turned = turned(&w, group)?;
    let weights = c.make_const("weight", turned)?;
    let spread = spread(c, x, &axes)?;
    let (mut pads, mut cut) = (vec![0usize; 2 * axes.len()], false);
    let mut trims = Vec::new();
    for (d, a) in axes.iter().enumerate() {
        // The kernel reaches over the edge by all but one of its elements, less what is cut.
        let reach = ((a.kernel - 1) * a.dilation) as i64;
        let (p, q) = (reach - a.before, reach - a.after);
        (pads[d], pads[axes.len() + d]) = (p.max(0) as usize, q.max(0) as usize);
        trims.push(((-p).max(0) as usize, (-q).max(0) as usize));
        cut |= p < 0 || q < 0;
    }
    let x = if cut { trimmed(c, spread, &trims)? } else { spread };
    let dilations: Vec<usize> = axes.iter().map(|a| a.dilation).collect();
    let attrs = Attrs::new()
        .with("strides", vec![1; axes.len()])
        .with("pads", &pads[..])
        .with("dilations", &dilations[..])
        .with("group", group)
        .with("layout", "NCHW");
    let inputs: Vec<_> = [Some(x), Some(weights), bias].into_iter().flatten().collect();
    c.emit("Conv", attrs, &inputs)
}

/// Weights [C,O/group,...] as those of the convolution, [O,C/group,...], with every spatial dimension reversed.
fn turned(w: &Tensor, group: usize) -> Result<Tensor> {
    let (c, o) = (w.shape[0] / group, w.shape[1]);
    let area: usize = w.shape[2..].iter().product();
    let data = w.as_f32()?;
    let mut y = Vec::with_capacity(data.len());
    for g in 0..group {
        for to in 0..o {
            for from in 0..c {
                // Reversing every dimension is reversing the order of the whole.
                let first = ((g * c + from) * o + to) * area;
                y.extend(data[first..first + area].iter().rev());
            }
        }
    }
    let mut shape = w.shape.clone();
    (shape[0], shape[1]) = (o * group, c);
    Tensor::from_f32(shape, &y)
}

/// Zeros between the elements of every dimension, as many as the stride leaves.
fn spread(c: &mut Ctx<'_, '_, '_>, x: ValueId, axes: &[Axis]) -> Result<ValueId> {
    let mut y = x;
    for (d, a) in axes.iter().enumerate().filter(|(_, a)| a.stride > 1 && a.n > 1) {
        let shape = c.shape(y);
        let d = d + 2;
        let mut parts = shape[..=d].to_vec();
        parts.push(1);
        parts.extend(&shape[d + 1..]);
        let mut pads = vec![0usize; 2 * parts.len()];
        pads[parts.len() + d + 1] = a.stride - 1;
        let mut to = shape;
        to[d] *= a.stride;
        c.b.limits().elements_of(&to)?;
        y = c.part("Reshape", Attrs::new().with("shape", &parts[..]), &[y])?;
        y = c.part("Pad", Attrs::new().with("pads", &pads[..]).with("value", 0.0), &[y])?;
        y = c.part("Reshape", Attrs::new().with("shape", &to[..]), &[y])?;
        // Behind the last element there are none.
        let mut trims = vec![(0, 0); axes.len()];
        trims[d - 2].1 = a.stride - 1;
        y = trimmed(c, y, &trims)?;
    }
    Ok(y)
}

/// Elements cut from the front and the back of every spatial dimension.
fn trimmed(c: &mut Ctx<'_, '_, '_>, x: ValueId, trims: &[(usize, usize)]) -> Result<ValueId> {
    let mut sizes = c.shape(x);
    let mut starts = vec![0; sizes.len()];
    for (d, &(front, back)) in trims.iter().enumerate() {
        (starts[d + 2], sizes[d + 2]) = (front, sizes[d + 2].saturating_sub(front + back));
    }
    let attrs = Attrs::new().with("starts", &starts[..]).with("sizes", &sizes[..]).with("steps", vec![1; sizes.len()]);
    c.part("Slice", attrs, &[x])
}
