//! Operators that move, join or pass on data, and constants.

use crate::attrs::{show_ints, unsupported};
use crate::node::{Bound, Ctx};
use mcompc_ir::{Attrs, Code, Error, Result, Tensor, ValueId};

fn reshape_to(c: &mut Ctx<'_, '_, '_>, x: ValueId, shape: &[usize]) -> Result<()> {
    c.emit("Reshape", Attrs::new().with("shape", shape), &[x])
}

pub(super) fn misfit(what: String) -> Error {
    Error::new(Code::BadShape, what).hint("the shapes do not fit; was the model made for another input size?")
}

/// Identity 1, 13, ...: its output is its input.
pub(super) fn identity(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    c.forward()
}

/// Dropout 7, 10, 12, 13, 22 in its inference form: the output is the input. A used mask is an undefined tensor for its reader.
pub(super) fn dropout(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    if c.opset < 12 {
        c.attrs.training_only("ratio")?;
        if c.opset < 7 {
            // Inference is meant whatever it says.
            c.attrs.int("is_test")?;
        }
    } else {
        c.attrs.int("seed")?;
        if let Some(t) = c.constant(2)?
            && t.to_i64_vec()?.iter().any(|&v| v != 0)
        {
            return Err(unsupported("training_mode", "true").hint("export the model for inference"));
        }
    }
    c.forward()
}

/// Constant 1, 9, 11, 12, 13: a dense tensor, or a float or integer or a list of them.
pub(super) fn constant(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let mut found: Vec<Tensor> = Vec::new();
    if let Some(t) = c.attrs.tensor("value")? {
        found.push(c.b.reader.read(t)?);
    }
    if c.opset >= 12 {
        if let Some(v) = c.attrs.float("value_float")? {
            found.push(Tensor::from_f32(Vec::new(), &[v])?);
        }
        if let Some(v) = c.attrs.floats("value_floats")? {
            c.b.reader.materialise(4 * v.len() as u64)?;
            found.push(Tensor::from_f32([v.len()], v)?);
        }
        if let Some(v) = c.attrs.int("value_int")? {
            found.push(Tensor::from_i64(Vec::new(), &[v])?);
        }
        if let Some(v) = c.attrs.ints("value_ints")? {
            c.b.reader.materialise(8 * v.len() as u64)?;
            found.push(Tensor::from_i64([v.len()], v)?);
        }
    }
    // Named first, so that a sparse or string value is reported as itself.
    c.attrs.finish(c.op, c.opset)?;
    match (found.pop(), found.is_empty()) {
        (Some(t), true) => {
            c.bind(Bound::Const(t));
            Ok(())
        }
        _ => Err(Error::new(Code::MissingAttr, "Constant without exactly one value")
            .hint("the ONNX standard requires one of its value attributes")),
    }
}

/// Reshape 5, 13, 14 (allowzero), 19, 21 with a constant shape.
pub(super) fn reshape(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let from = c.shape(x);
    let allow_zero = c.opset >= 14 && c.attrs.flag("allowzero", false)?;
    let want = c
        .constant_ints(1)?
        .ok_or_else(|| Error::new(Code::MissingAttr, "Reshape without a shape").hint("the ONNX standard requires it"))?;
    let bad = || misfit(format!("cannot reshape {from:?} to {}", show_ints(&want)));
    let total: usize = from.iter().product();
    let (mut shape, mut open) = (Vec::new(), None);
    for (i, &d) in want.iter().enumerate() {
        match d {
            -1 if open.is_none() => {
                open = Some(i);
                shape.push(1);
            }
            0 if !allow_zero => shape.push(*from.get(i).ok_or_else(bad)?),
            d => shape.push(usize::try_from(d).map_err(|_| bad())?),
        }
    }
    let known = shape.iter().try_fold(1usize, |a, &d| a.checked_mul(d)).filter(|&n| n > 0).ok_or_else(bad)?;
    match open {
        Some(i) if total.is_multiple_of(known) => shape[i] = total / known,
        None if total == known => {}
        _ => return Err(bad()),
    }
    reshape_to(c, x, &shape)
}

/// Flatten 1, 9, 11, 13, 21: a matrix, split before `axis`.
pub(super) fn flatten(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let s = c.shape(x);
    let axis = c.axis(c.attrs.int_or("axis", 1)?, s.len(), true)?;
    reshape_to(c, x, &[s[..axis].iter().product(), s[axis..].iter().product()])
}

/// The axes of an operator that took them as an attribute before `since` and takes them as input 1 from there on.
pub(super) fn axes_of(c: &Ctx<'_, '_, '_>, since: i64) -> Result<Option<Vec<i64>>> {
    if c.opset >= since {
        return c.constant_ints(1);
    }
    if c.input_name(1).is_some() {
        return Err(Error::new(Code::UnsupportedOpset, format!("{} with axes as an input in opset {}", c.op, c.opset))
            .hint(format!("they came with opset {since}")));
    }
    Ok(c.attrs.ints("axes")?.map(<[i64]>::to_vec))
}

/// Sorted distinct axes of a tensor of `rank` dimensions.
pub(super) fn normal_axes(c: &Ctx<'_, '_, '_>, axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let mut v = axes.iter().map(|&a| c.axis(a, rank, false)).collect::<Result<Vec<_>>>()?;
    v.sort_unstable();
    if v.windows(2).any(|w| w[0] == w[1]) {
        return Err(misfit(format!("axes {} of {} name a dimension twice", show_ints(axes), c.op)));
    }
    Ok(v)
}

/// Squeeze 1, 11 (attribute), 13 (input): without axes every dimension of size 1 goes.
pub(super) fn squeeze(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let s = c.shape(x);
    let gone = match axes_of(c, 13)? {
        Some(a) => normal_axes(c, &a, s.len())?,
        None => (0..s.len()).filter(|&i| s[i] == 1).collect(),
    };
    if let Some(&i) = gone.iter().find(|&&i| s[i] != 1) {
        return Err(misfit(format!("cannot squeeze dimension {i} of {s:?}")));
    }
    let rest: Vec<usize> = (0..s.len()).filter(|i| !gone.contains(i)).map(|i| s[i]).collect();
    reshape_to(c, x, &rest)
}

/// Unsqueeze 1, 11 (attribute), 13 (input): axes count in the output.
pub(super) fn unsqueeze(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let s = c.shape(x);
    let axes =
        axes_of(c, 13)?.ok_or_else(|| Error::new(Code::MissingAttr, "Unsqueeze without axes").hint("the ONNX standard requires them"))?;
    let rank = s.len() + axes.len();
    c.b.limits().elements_of(&vec![1; rank])?;
    let new = normal_axes(c, &axes, rank)?;
    let mut old = s.iter();
    let shape: Vec<usize> = (0..rank).map(|i| if new.contains(&i) { 1 } else { old.next().copied().unwrap_or(1) }).collect();
    reshape_to(c, x, &shape)
}

/// Transpose 1, 13, 21: without perm the dimensions are reversed.
pub(super) fn transpose(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.data(0)?;
    let rank = c.shape(x).len();
    let perm: Vec<usize> = match c.attrs.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(p) => {
            let mut sorted: Vec<i64> = p.to_vec();
            sorted.sort_unstable();
            if !sorted.iter().copied().eq(0..rank as i64) {
                return Err(misfit(format!("perm {} does not permute {rank} dimensions", show_ints(p))));
            }
            p.iter().map(|&i| i as usize).collect()
        }
    };
    c.emit("Transpose", Attrs::new().with("perm", &perm[..]), &[x])
}

/// Concat 4, 11, 13.
pub(super) fn concat(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let axis = c
        .attrs
        .int("axis")?
        .ok_or_else(|| Error::new(Code::MissingAttr, "attribute `axis` is missing").hint("the ONNX standard requires it"))?;
    let xs = (0..c.node.input.len()).map(|i| c.data(i)).collect::<Result<Vec<_>>>()?;
    let first = c.shape(xs[0]);
    let axis = c.axis(axis, first.len(), false)?;
    for &x in &xs[1..] {
        let s = c.shape(x);
        if s.len() != first.len() || (0..s.len()).any(|i| i != axis && s[i] != first[i]) {
            return Err(misfit(format!("cannot join {first:?} and {s:?} along axis {axis}")));
        }
    }
    c.emit("Concat", Attrs::new().with("axis", axis), &xs)
}
