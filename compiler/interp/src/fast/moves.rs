//! Transposition, padding and concatenation by tables of offsets made when planning.

use super::{Kernel, Site, not_float};
use mcompc_ir::{Code, Error, Result};
use mcompc_ops::PadMode;

/// For each element of shape `to`, in order, the offset of the element of `from` that it repeats (numpy broadcasting).
pub(super) fn repeat(from: &[usize], to: &[usize]) -> Vec<u32> {
    let mut strides = vec![0; to.len()];
    let mut s = 1;
    for i in (0..to.len()).rev() {
        let d = (i + from.len()).checked_sub(to.len()).map_or(1, |j| from[j]);
        strides[i] = if d == 1 { 0 } else { s };
        s *= d as isize;
    }
    walk(to, 0, &strides)
}

/// Offsets in row-major order of `shape` under these strides, from `first` on.
pub(super) fn walk(shape: &[usize], first: isize, strides: &[isize]) -> Vec<u32> {
    let mut at = Vec::with_capacity(shape.iter().product());
    let (mut idx, mut off) = (vec![0; shape.len()], first);
    for _ in 0..shape.iter().product() {
        at.push(off as u32);
        for d in (0..shape.len()).rev() {
            idx[d] += 1;
            off += strides[d];
            if idx[d] < shape[d] {
                break;
            }
            off -= strides[d] * shape[d] as isize;
            idx[d] = 0;
        }
    }
    at
}

/// Row-major strides.
pub(super) fn strides(shape: &[usize]) -> Vec<isize> {
    let mut s = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        s[i - 1] = s[i] * shape[i] as isize;
    }
    s
}

struct Gather(Vec<u32>);

impl Kernel for Gather {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        out.iter_mut().zip(&self.0).for_each(|(y, &i)| *y = ins[0][i as usize]);
        Ok(())
    }
}

struct Scatter {
    at: Vec<u32>,
    fill: f32,
}

impl Kernel for Scatter {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        out.fill(self.fill);
        ins[0].iter().zip(&self.at).for_each(|(x, &i)| out[i as usize] = *x);
        Ok(())
    }
}

struct Concat {
    outer: usize,
}

impl Kernel for Concat {
    fn run(&self, ins: &[&[f32]], out: &mut [f32], _: &mut Vec<f32>) -> Result<()> {
        let mut rest = out;
        for o in 0..self.outer {
            for x in ins {
                let n = x.len() / self.outer;
                let (y, r) = std::mem::take(&mut rest).split_at_mut(n);
                y.copy_from_slice(&x[o * n..(o + 1) * n]);
                rest = r;
            }
        }
        Ok(())
    }
}

/// For each element of the result the element of the operand that stands there, where padding holds such.
fn padding(s: &Site<'_>) -> Result<Vec<u32>> {
    let (mode, pads) = (PadMode::of(&s.node.attrs)?, s.node.attrs.ints("pads")?);
    let mut at = vec![0u32];
    for (d, &n) in s.ins[0].shape.iter().enumerate() {
        let source = |i: usize| mode.source(n, i as i64 - pads[d]).unwrap_or(0);
        at = at.iter().flat_map(|o| (0..s.out().shape[d]).map(move |i| o * n as u32 + source(i) as u32)).collect();
    }
    Ok(at)
}

pub(super) fn plan(s: &Site<'_>) -> Result<Box<dyn Kernel>> {
    let (a, x) = (&s.node.attrs, &s.ins[0].shape);
    if s.out().elems() > u32::MAX as usize {
        return Err(Error::new(Code::Limit, "a tensor of more than 2^32 elements").hint("bind smaller dimensions"));
    }
    match s.node.op.as_str() {
        "Transpose" => {
            let from = strides(x);
            let by: Vec<isize> = a.usizes("perm")?.iter().map(|&p| from[p]).collect();
            Ok(Box::new(Gather(walk(&s.out().shape, 0, &by))))
        }
        "Slice" => {
            let from = strides(x);
            let first = a.ints("starts")?.iter().zip(&from).map(|(&at, f)| at as isize * f).sum();
            let to = &s.out().shape;
            // A step that is never taken may be as large as a file says.
            let step = |(d, &k): (usize, &i64)| if to[d] == 1 { 0 } else { k as isize * from[d] };
            let by: Vec<isize> = a.ints("steps")?.iter().enumerate().map(step).collect();
            Ok(Box::new(Gather(walk(to, first, &by))))
        }
        "Pad" if PadMode::of(a)? != PadMode::Constant => Ok(Box::new(Gather(padding(s)?))),
        "Pad" => {
            let to = strides(&s.out().shape);
            let first = a.ints("pads")?.iter().zip(&to).map(|(&p, s)| p as isize * s).sum();
            let at = walk(x, first, &to);
            Ok(Box::new(Scatter { at, fill: a.float("value")? as f32 }))
        }
        "Concat" => Ok(Box::new(Concat { outer: x[..a.int("axis")? as usize].iter().product() })),
        op => Err(not_float(op)),
    }
}
