//! Operators that only move bytes: transpose, concatenation, padding, plain copy.

use crate::copy::{CopyMode, copy_run, fill_run, unit_of};
use crate::emit::{Arg, Call};
use crate::nest::{Dim, merged, nest, strides};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Builder, Machine, MemElem, Role, Ty, Val};

const BYTES: CopyMode = CopyMode::Bytes { flip: false };

/// How elements of so many bytes are moved.
fn bytes(size: usize) -> CopyMode {
    if size == 2 { CopyMode::Halves } else { BYTES }
}

/// A shape, or what else is said of its dimensions, with the bytes of an element as the last one.
fn and<T: Copy>(size: usize, s: &[T], last: T) -> Vec<T> {
    let mut s = s.to_vec();
    s.extend((size > 1).then_some(last));
    s
}

/// Plain copy of `n` bytes.
pub fn copy_kernel(m: &Machine, n: usize, x: ValueId, y: ValueId) -> Result<Call> {
    let mut b = Builder::new("copy");
    let px = b.ptr("x", Role::In, n, 1);
    let py = b.ptr("y", Role::Out, n, 1);
    copy_run(&mut b, unit_of(m), BYTES, px, py, n, false);
    Ok(Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x), Arg::Value(y)], macs: 0, in_place: vec![] })
}

/// What a nest of source and result does in its last dimension: runs are copied at a time, all else byte by byte.
/// Elements have `size` bytes.
fn copies(m: &Machine, size: usize) -> impl FnMut(&mut Builder, &Dim, &[Val]) -> Vec<Option<Val>> {
    let (unit, mode) = (unit_of(m), bytes(size));
    move |b, d, at| {
        let byte = |b: &mut Builder, src: Val, dst: Val| {
            let v = b.load(Ty::I32, MemElem::U8, src, 0);
            b.store(v, MemElem::S8, dst, 0);
        };
        match (&d.steps[..], d.size) {
            ([1, 1], n) | ([_, _], n @ 1) => {
                copy_run(b, unit, mode, at[0], at[1], n, false);
                vec![None; 2]
            }
            ([from, to], n) => {
                let ends = b.for_loop(0, n as i32, 1, at, |b, _, p| {
                    byte(b, p[0], p[1]);
                    let dst = b.ptr_imm(p[1], *to);
                    vec![b.ptr_imm(p[0], *from), dst]
                });
                ends.into_iter().map(Some).collect()
            }
            _ => vec![None; 2],
        }
    }
}

/// How a result is found in its operand: from byte `first` on, by `steps` in the dimensions `to` of the result.
struct Strided<'a> {
    first: usize,
    to: &'a [usize],
    steps: Vec<i32>,
    /// Bytes of an element; the last dimension where they are several.
    size: usize,
}

fn strided(name: &str, m: &Machine, n: usize, s: Strided<'_>, [x, y]: [ValueId; 2]) -> Call {
    let mut b = Builder::new(name);
    let px = b.ptr("x", Role::In, n, s.size as u8);
    let py = b.ptr("y", Role::Out, s.to.iter().product(), s.size as u8);
    let src = b.ptr_imm(px, s.first as i32);
    let dims = s.to.iter().zip(s.steps).zip(strides(s.to)).map(|((&size, from), to)| Dim { size, steps: vec![from, to] }).collect();
    nest(&mut b, &merged(2, dims), &[src, py], &mut copies(m, s.size));
    Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x), Arg::Value(y)], macs: 0, in_place: vec![] }
}

/// Transpose: output dimension i is input dimension `perm[i]`.
pub fn transpose_kernel(m: &Machine, shape: &[usize], perm: &[usize], size: usize, [x, y]: [ValueId; 2]) -> Result<Call> {
    let (shape, perm) = (and(size, shape, size), and(size, perm, shape.len()));
    let from = strides(&shape);
    let (to, steps): (Vec<usize>, Vec<i32>) = perm.iter().map(|&p| (shape[p], from[p])).unzip();
    Ok(strided("transpose", m, shape.iter().product(), Strided { first: 0, to: &to, steps, size }, [x, y]))
}

/// Slice: index i of a dimension is index `starts + i * steps` of the operand's.
pub fn slice_kernel(
    m: &Machine,
    shape: &[usize],
    [starts, to]: [&[usize]; 2],
    steps: &[i64],
    size: usize,
    [x, y]: [ValueId; 2],
) -> Result<Call> {
    let (shape, starts, to, steps) = (and(size, shape, size), and(size, starts, 0), and(size, to, size), and(size, steps, 1));
    let from = strides(&shape);
    let first = starts.iter().zip(&from).map(|(&s, &f)| s * f as usize).sum();
    // A step that is never taken may be as large as a file says.
    let step = |d: usize| if to[d] == 1 { 0 } else { steps[d] as i32 * from[d] };
    let steps: Vec<i32> = (0..shape.len()).map(step).collect();
    Ok(strided("slice", m, shape.iter().product(), Strided { first, to: &to, steps, size }, [x, y]))
}

/// Concatenation: each input is `outer` runs of `inner[i]` elements.
pub fn concat_kernel(m: &Machine, outer: usize, inner: &[usize], size: usize, xs: &[ValueId], y: ValueId) -> Result<Call> {
    let inner: Vec<usize> = inner.iter().map(|n| n * size).collect();
    let mut b = Builder::new("concat");
    let ptrs: Vec<Val> = inner.iter().map(|&n| b.ptr("x", Role::In, outer * n, size as u8)).collect();
    let total: usize = inner.iter().sum();
    let py = b.ptr("y", Role::Out, outer * total, size as u8);
    let mut carried = ptrs;
    carried.push(py);
    b.for_loop(0, outer as i32, 1, &carried, |b, _, c| {
        let out = c[inner.len()];
        let mut at = 0;
        for (i, &n) in inner.iter().enumerate() {
            let dst = b.ptr_imm(out, at as i32);
            copy_run(b, unit_of(m), bytes(size), c[i], dst, n, false);
            at += n;
        }
        let mut next: Vec<Val> = inner.iter().enumerate().map(|(i, &n)| b.ptr_imm(c[i], n as i32)).collect();
        next.push(b.ptr_imm(out, total as i32));
        next
    });
    let args = xs.iter().chain([&y]).map(|&v| Arg::Value(v)).collect();
    Ok(Call { func: b.finish(), rows: vec![], args, macs: 0, in_place: vec![] })
}

/// What padding holds: a byte, or what the dimension has at its end, mirrored there, or at its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Padding {
    Constant(i32),
    Edge,
    Reflect,
    Wrap,
}

/// Padding: `before` and `after` elements in each dimension of `shape`.
pub fn pad_kernel(
    m: &Machine,
    shape: &[usize],
    [before, after]: [&[usize]; 2],
    padding: Padding,
    size: usize,
    [x, y]: [ValueId; 2],
) -> Result<Call> {
    let (shape, before, after) = (and(size, shape, size), and(size, before, 0), and(size, after, 0));
    let n: usize = shape.iter().product();
    let out: Vec<usize> = (0..shape.len()).map(|i| shape[i] + before[i] + after[i]).collect();
    let mut b = Builder::new("pad");
    let px = b.ptr("x", Role::In, n, size as u8);
    let py = b.ptr("y", Role::Out, out.iter().product(), size as u8);
    pad_nest(&mut b, m, &shape, [&before, &after], (padding, size), px, py);
    Ok(Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x), Arg::Value(y)], macs: 0, in_place: vec![] })
}

fn pad_nest(
    b: &mut Builder,
    m: &Machine,
    shape: &[usize],
    [before, after]: [&[usize]; 2],
    (padding, es): (Padding, usize),
    src: Val,
    dst: Val,
) {
    let (u, mode) = (unit_of(m), bytes(es));
    let [n, rest @ ..] = shape else {
        return copy_run(b, u, BYTES, src, dst, 1, false);
    };
    let inner_in: usize = rest.iter().product();
    let inner_out: usize = (1..shape.len()).map(|i| shape[i] + before[i] + after[i]).product();
    if let (Padding::Constant(value), true) = (padding, before[0] > 0) {
        fill_run(b, u, mode, dst, before[0] * inner_out, value);
    }
    let mid = b.ptr_imm(dst, (before[0] * inner_out) as i32);
    if inner_in == inner_out {
        copy_run(b, u, mode, src, mid, n * inner_in, false);
    } else {
        b.for_loop(0, *n as i32, 1, &[src, mid], |b, _, c| {
            pad_nest(b, m, rest, [&before[1..], &after[1..]], (padding, es), c[0], c[1]);
            vec![b.ptr_imm(c[0], inner_in as i32), b.ptr_imm(c[1], inner_out as i32)]
        });
    }
    // Other padding repeats rows of the result itself, once they are there.
    let (n, row) = (*n as i32, inner_out as i32);
    let rows = |b: &mut Builder, size: usize, from: i32, step: i32, to: i32| {
        if size > 0 {
            let at = [b.ptr_imm(mid, from * row), b.ptr_imm(mid, to * row)];
            let dims = vec![Dim { size, steps: vec![step * row, row] }, Dim { size: inner_out, steps: vec![1, 1] }];
            nest(b, &merged(2, dims), &at, &mut copies(m, es));
        }
    };
    let front = -(before[0] as i32);
    match padding {
        Padding::Constant(value) if after[0] > 0 => {
            let end = b.ptr_imm(mid, n * row);
            fill_run(b, u, mode, end, after[0] * inner_out, value);
        }
        Padding::Constant(_) => {}
        Padding::Edge => {
            rows(b, before[0], 0, 0, front);
            rows(b, after[0], n - 1, 0, n);
        }
        Padding::Reflect => {
            rows(b, before[0], -front, -1, front);
            rows(b, after[0], n - 2, -1, n);
        }
        Padding::Wrap => {
            rows(b, before[0], n + front, 1, front);
            rows(b, after[0], 0, 1, n);
        }
    }
}
