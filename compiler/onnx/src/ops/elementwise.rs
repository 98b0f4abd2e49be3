//! Operators that keep the shape: arithmetic, activations, softmax, batch normalization.

use crate::attrs::unsupported;
use crate::node::Ctx;
use mcompc_ir::{Attrs, Code, Error, Result};
use mcompc_ops::Default;

/// Add, Sub, Mul, Div 7, 13, 14: numpy broadcasting.
pub(super) fn binary(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let (a, mut b) = (c.input(0)?, c.input(1)?);
    if c.opset < 7 && c.attrs.flag("broadcast", false)? {
        // The second operand's dimensions lie at those of the first from `axis` on, else at the last ones.
        let (rank, mut shape) = (c.shape(a).len(), c.shape(b));
        if let Some(axis) = c.attrs.int("axis")? {
            let at = c.axis(axis, rank, true)?;
            shape.extend(std::iter::repeat_n(1, rank.saturating_sub(at + shape.len())));
            b = c.reshaped(b, &shape)?;
        }
    }
    c.emit(c.op, Attrs::new(), &[a, b])
}

/// A function of one value, with the parameters that it has.
pub(super) fn function(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let mut attrs = Attrs::new();
    if let Some(f) = mcompc_ops::functions().find(|f| f.op.name == c.op) {
        for (a, d) in f.op.attrs.iter().zip(f.defaults) {
            match *d {
                Default::Number(v) => attrs.set(a.name, c.attrs.float_or(a.name, v)?),
                Default::Word(words) => {
                    let word = c.attrs.str_or(a.name, words[0])?;
                    if !words.contains(&word) {
                        return Err(unsupported(a.name, word).hint(format!("the standard has {}", words.join(", "))));
                    }
                    attrs.set(a.name, word);
                }
            }
        }
    }
    c.emit(c.op, attrs, &[x])
}

/// Clip 6 (attributes), 11, 12, 13 (inputs). A bound at the end of the float range is no bound and becomes an infinity.
pub(super) fn clip(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let (min, max) = if c.opset < 11 {
        if c.input_name(1).is_some() || c.input_name(2).is_some() {
            return Err(Error::new(Code::UnsupportedOpset, format!("Clip with bounds as inputs in opset {}", c.opset))
                .hint("they came with opset 11"));
        }
        (c.attrs.float("min")?, c.attrs.float("max")?)
    } else {
        (c.constant_scalar(1)?, c.constant_scalar(2)?)
    };
    let open = |v: Option<f32>, end: f32, infinite: f64| match v {
        Some(v) if v != end => f64::from(v),
        _ => infinite,
    };
    let (lo, hi) = (open(min, f32::MIN, f64::NEG_INFINITY), open(max, f32::MAX, f64::INFINITY));
    if lo.is_nan() || hi.is_nan() {
        return Err(Error::new(Code::UnsupportedAttr, format!("Clip to {lo}..{hi}")).hint("the bounds must be numbers"));
    }
    // The standard has every element become the upper bound where the lower one is above it.
    let lo = lo.min(hi);
    c.emit("Clip", Attrs::new().with("min", lo).with("max", hi), &[x])
}

/// Softmax 1, 11 (the tensor is taken as a matrix, split before `axis`), 13 (along `axis`).
pub(super) fn softmax(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let rank = shape.len();
    let along = |axis: usize| Attrs::new().with("axis", axis);
    if c.opset >= 13 {
        let axis = c.axis(c.attrs.int_or("axis", -1)?, rank, false)?;
        return c.emit("Softmax", along(axis), &[x]);
    }
    let axis = c.axis(c.attrs.int_or("axis", 1)?, rank, false)?;
    let wide: Vec<usize> = (axis..rank).filter(|&i| shape[i] != 1).collect();
    match wide[..] {
        [] => c.emit("Softmax", along(axis), &[x]),
        // One dimension behind the split is larger than 1: the row is that dimension.
        [one] => c.emit("Softmax", along(one), &[x]),
        _ => {
            let matrix = vec![shape[..axis].iter().product::<usize>() as i64, shape[axis..].iter().product::<usize>() as i64];
            let flat = c.part("Reshape", Attrs::new().with("shape", matrix), &[x])?;
            let soft = c.part("Softmax", along(1), &[flat])?;
            c.emit("Reshape", Attrs::new().with("shape", &shape[..]), &[soft])
        }
    }
}

/// BatchNormalization 7, 9, 14, 15 in its inference form: x [N,C,...], scale, bias, mean, variance [C].
pub(super) fn batch_norm(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let inputs = (0..5).map(|i| c.input(i)).collect::<Result<Vec<_>>>()?;
    let epsilon = c.attrs.float_or("epsilon", 1e-5)?;
    c.attrs.training_only("momentum")?;
    if c.opset < 7 && c.attrs.int_or("is_test", 0)? != 1 {
        return Err(unsupported("is_test", 0).hint("export the model for inference"));
    }
    if c.opset < 9 {
        c.attrs.only("spatial", 1, "statistics for each pixel are not supported")?;
    }
    if c.opset >= 14 {
        c.attrs.only("training_mode", 0, "export the model for inference")?;
    }
    let x = c.shape(inputs[0]);
    let channels = *x.get(1).ok_or_else(|| {
        Error::new(Code::BadShape, format!("BatchNormalization on shape {x:?}")).hint("at least two dimensions are needed")
    })?;
    for (i, &v) in inputs.iter().enumerate().skip(1) {
        if c.shape(v) != [channels] {
            return Err(Error::new(
                Code::BadShape,
                format!("input {i} of BatchNormalization has shape {:?}, the tensor {channels} channels", c.shape(v)),
            )
            .hint("scale, bias, mean and variance have one element a channel"));
        }
    }
    c.emit("BatchNormalization", Attrs::new().with("epsilon", epsilon).with("axis", 1i64), &inputs)
}
