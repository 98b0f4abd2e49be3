//! Discrete Fourier transforms, as products with matrices of cosines and sines, and what is made of them.

use crate::node::Ctx;
use mcompc_ir::{Result, ValueId};
use std::f64::consts::PI;

/// Elements of a transform at most: its matrices have the square of that.
const LONGEST: usize = 1 << 12;

/// [n, m] matrices of cos and of sin of 2 pi k j / turn, times a factor a column.
fn matrices(c: &mut Ctx<'_, '_, '_>, [n, m]: [usize; 2], turn: usize, by: impl Fn(usize, usize) -> f64) -> Result<(ValueId, ValueId)> {
    let angle = |k: usize, j: usize| 2.0 * PI * ((k * j) % turn) as f64 / turn as f64;
    let all = |f: fn(f64) -> f64| -> Vec<f32> { (0..n * m).map(|i| (f(angle(i / m, i % m)) * by(i / m, i % m)) as f32).collect() };
    let (cos, sin) = (all(libm::cos), all(libm::sin));
    Ok((c.reals("cos", &[n, m], &cos)?, c.reals("sin", &[n, m], &sin)?))
}

/// A tensor [.., n] of real parts, and of imaginary ones where there are any, as [.., m, 2] of its transform.
fn transform(c: &mut Ctx<'_, '_, '_>, re: ValueId, im: Option<ValueId>, turn: usize, m: usize, inverse: bool) -> Result<ValueId> {
    let shape = c.shape(re);
    let n = shape.last().copied().unwrap_or(1);
    let by = if inverse { 1.0 / turn as f64 } else { 1.0 };
    let (cos, sin) = matrices(c, [n, m], turn, |_, _| by)?;
    // exp(-i a), or exp(i a) for the inverse.
    let (mut y_re, y_im) = (c.plain("MatMul", &[re, cos])?, c.plain("MatMul", &[re, sin])?);
    let mut y_im = if inverse { y_im } else { c.plain("Neg", &[y_im])? };
    if let Some(im) = im {
        let (a, b) = (c.plain("MatMul", &[im, sin])?, c.plain("MatMul", &[im, cos])?);
        y_re = c.plain(if inverse { "Sub" } else { "Add" }, &[y_re, a])?;
        y_im = c.plain("Add", &[y_im, b])?;
    }
    let column = [&shape[..shape.len() - 1], &[m, 1]].concat();
    let (a, b) = (c.reshaped(y_re, &column)?, c.reshaped(y_im, &column)?);
    c.joined(&[a, b], column.len() - 1)
}

/// `x` with `n` elements along an axis: cut, or with zeros behind.
fn resized(c: &mut Ctx<'_, '_, '_>, x: ValueId, axis: usize, n: usize) -> Result<ValueId> {
    let shape = c.shape(x);
    if shape[axis] >= n {
        return c.sliced(x, axis, 0, n);
    }
    let mut pads = vec![0; 2 * shape.len()];
    pads[shape.len() + axis] = n - shape[axis];
    c.part("Pad", mcompc_ir::Attrs::new().with("pads", &pads[..]).with("value", 0.0), &[x])
}

/// DFT 17 (attribute axis), 20 (input axis): of [.., 1] real or [.., 2] complex numbers.
pub(super) fn dft(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let shape = c.shape(x);
    let rank = shape.len();
    let given = if c.opset >= 20 { c.constant_number(2)?.map(|v| v as i64).unwrap_or(-2) } else { c.attrs.int_or("axis", 1)? };
    let axis = c.axis(given, rank, false)?;
    let (inverse, onesided) = (c.attrs.flag("inverse", false)?, c.attrs.flag("onesided", false)?);
    let parts = shape[rank - 1];
    if axis + 1 == rank || !(1..=2).contains(&parts) {
        return c.misfit(format!("numbers of {parts} parts along axis {axis} of {shape:?}"));
    }
    let half = inverse && onesided;
    let turn = c.constant_number(1)?.map_or(if half { 2 * (shape[axis] - 1) } else { shape[axis] }, |v| v.max(1.0) as usize);
    if turn > LONGEST || turn == 0 {
        return c.not_built(&format!("of {turn} elements"), &format!("{LONGEST} are the most"));
    }
    let x = resized(c, x, axis, if half { turn / 2 + 1 } else { turn })?;
    // The axis comes last, behind the parts.
    let mut perm: Vec<usize> = (0..rank).filter(|&d| d != axis && d != rank - 1).collect();
    perm.extend([rank - 1, axis]);
    let x = c.transposed(x, &perm)?;
    let n = c.shape(x)[rank - 1];
    let lead = c.shape(x)[..rank - 2].to_vec();
    let flat = [&lead[..], &[n]].concat();
    let part = |c: &mut Ctx<'_, '_, '_>, i: usize| {
        let v = c.sliced(x, rank - 2, i, 1)?;
        c.reshaped(v, &flat)
    };
    let re = part(c, 0)?;
    let im = if parts == 2 { Some(part(c, 1)?) } else { None };
    let y = if half {
        // The other half is the conjugate of this: its elements count twice, and what comes out is real.
        let Some(im) = im else { return c.misfit("a one-sided inverse of real numbers") };
        let twice = |k: usize, _: usize| if k == 0 || 2 * k == turn { 1.0 } else { 2.0 } / turn as f64;
        let (cos, sin) = matrices(c, [n, turn], turn, twice)?;
        let (a, b) = (c.plain("MatMul", &[re, cos])?, c.plain("MatMul", &[im, sin])?);
        let y = c.plain("Sub", &[a, b])?;
        c.reshaped(y, &[&lead[..], &[turn, 1]].concat())?
    } else {
        transform(c, re, im, turn, if onesided { turn / 2 + 1 } else { turn }, inverse)?
    };
    // [.., m, parts] with the axis back in its place.
    let mut back: Vec<usize> = (0..rank - 2).collect();
    back.insert(axis, rank - 2);
    back.push(rank - 1);
    let y = c.transposed(y, &back)?;
    c.result(y);
    Ok(())
}

/// STFT 17 of real signals: frames of the signal, a window, their transforms.
pub(super) fn stft(c: &mut Ctx<'_, '_, '_>) -> Result<()> {
    let x = c.input(0)?;
    let s = c.shape(x);
    let step = c.constant_number(1)?.filter(|&v| v >= 1.0).map(|v| v as usize);
    let onesided = c.attrs.flag("onesided", true)?;
    let window = c.optional(2)?;
    let frame = c.constant_number(3)?.map(|v| v.max(1.0) as usize).or(window.map(|w| c.shape(w).iter().product()));
    let (Some(step), Some(frame), true) = (step, frame, s.len() == 2 || s.len() == 3 && s[2] == 1) else {
        return c.misfit(format!("a signal of shape {s:?}, real and with steps and frames of known length, is needed"));
    };
    let (batch, n) = (s[0], s[1]);
    if frame > n || frame > LONGEST {
        return c.misfit(format!("frames of {frame} in {n} samples"));
    }
    let frames = (n - frame) / step + 1;
    if frames > 1 << 8 {
        return c.not_built(&format!("of {frames} frames"), "256 are the most; give the frames as a Conv");
    }
    let flat = c.reshaped(x, &[batch, 1, n])?;
    let all = (0..frames).map(|i| c.sliced(flat, 2, i * step, frame)).collect::<Result<Vec<_>>>()?;
    let mut v = c.joined(&all, 1)?;
    if let Some(w) = window {
        let w = c.reshaped(w, &[1, 1, frame])?;
        v = c.plain("Mul", &[v, w])?;
    }
    let y = transform(c, v, None, frame, if onesided { frame / 2 + 1 } else { frame }, false)?;
    c.result(y);
    Ok(())
}
