//! Operators that only move bytes: transpose, concatenation, padding, plain copy.

use crate::copy::{CopyMode, copy_run, fill_run, unit_of};
use crate::emit::{Arg, Call};
use mcompc_ir::{Result, ValueId};
use mcompc_kernel::{Builder, Machine, MemElem, Role, Ty, Val};

const BYTES: CopyMode = CopyMode::Bytes { flip: false };

/// Plain copy of `n` bytes.
pub fn copy_kernel(m: &Machine, n: usize, x: ValueId, y: ValueId) -> Result<Call> {
    let mut b = Builder::new("copy");
    let px = b.ptr("x", Role::In, n, 1);
    let py = b.ptr("y", Role::Out, n, 1);
    copy_run(&mut b, unit_of(m), BYTES, px, py, n, false);
    Ok(Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x), Arg::Value(y)], macs: 0, in_place: vec![] })
}

/// Transpose of bytes: output dimension i is input dimension `perm[i]`.
pub fn transpose_kernel(m: &Machine, shape: &[usize], perm: &[usize], x: ValueId, y: ValueId) -> Result<Call> {
    let n: usize = shape.iter().product();
    let mut strides = vec![1usize; shape.len()];
    for i in (0..shape.len().saturating_sub(1)).rev() {
        strides[i] = strides[i + 1] * shape[i + 1];
    }
    // Output dimensions as (size, input stride); neighbours that stay neighbours merge.
    let mut dims: Vec<(usize, usize)> = Vec::new();
    for &p in perm.iter().filter(|&&p| shape[p] > 1) {
        match dims.last_mut() {
            Some(d) if d.1 == shape[p] * strides[p] => *d = (d.0 * shape[p], strides[p]),
            _ => dims.push((shape[p], strides[p])),
        }
    }
    let mut b = Builder::new("transpose");
    let px = b.ptr("x", Role::In, n, 1);
    let py = b.ptr("y", Role::Out, n, 1);
    nest(&mut b, m, &dims, px, py);
    Ok(Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x), Arg::Value(y)], macs: 0, in_place: vec![] })
}

// Returns the output pointer behind what was written.
fn nest(b: &mut Builder, m: &Machine, dims: &[(usize, usize)], src: Val, dst: Val) -> Val {
    match dims {
        [] => {
            let v = b.load(Ty::I32, MemElem::U8, src, 0);
            b.store(v, MemElem::S8, dst, 0);
            b.ptr_imm(dst, 1)
        }
        [(n, 1)] => {
            copy_run(b, unit_of(m), BYTES, src, dst, *n, false);
            b.ptr_imm(dst, *n as i32)
        }
        [(n, stride), rest @ ..] => {
            let e = b.for_loop(0, *n as i32, 1, &[src, dst], |b, _, c| {
                let d = nest(b, m, rest, c[0], c[1]);
                vec![b.ptr_imm(c[0], *stride as i32), d]
            });
            e[1]
        }
    }
}

/// Concatenation: each input is `outer` runs of `inner[i]` bytes.
pub fn concat_kernel(m: &Machine, outer: usize, inner: &[usize], xs: &[ValueId], y: ValueId) -> Result<Call> {
    let mut b = Builder::new("concat");
    let ptrs: Vec<Val> = inner.iter().map(|&n| b.ptr("x", Role::In, outer * n, 1)).collect();
    let total: usize = inner.iter().sum();
    let py = b.ptr("y", Role::Out, outer * total, 1);
    let mut carried = ptrs;
    carried.push(py);
    b.for_loop(0, outer as i32, 1, &carried, |b, _, c| {
        let out = c[inner.len()];
        let mut at = 0;
        for (i, &n) in inner.iter().enumerate() {
            let dst = b.ptr_imm(out, at as i32);
            copy_run(b, unit_of(m), BYTES, c[i], dst, n, false);
            at += n;
        }
        let mut next: Vec<Val> = inner.iter().enumerate().map(|(i, &n)| b.ptr_imm(c[i], n as i32)).collect();
        next.push(b.ptr_imm(out, total as i32));
        next
    });
    let args = xs.iter().chain([&y]).map(|&v| Arg::Value(v)).collect();
    Ok(Call { func: b.finish(), rows: vec![], args, macs: 0, in_place: vec![] })
}

/// Padding of bytes with `value`: `before` and `after` elements in each dimension of `shape`.
pub fn pad_kernel(m: &Machine, shape: &[usize], before: &[usize], after: &[usize], value: i32, x: ValueId, y: ValueId) -> Result<Call> {
    let n: usize = shape.iter().product();
    let out: Vec<usize> = (0..shape.len()).map(|i| shape[i] + before[i] + after[i]).collect();
    let mut b = Builder::new("pad");
    let px = b.ptr("x", Role::In, n, 1);
    let py = b.ptr("y", Role::Out, out.iter().product(), 1);
    pad_nest(&mut b, m, shape, before, after, value, px, py);
    Ok(Call { func: b.finish(), rows: vec![], args: vec![Arg::Value(x), Arg::Value(y)], macs: 0, in_place: vec![] })
}

#[allow(clippy::too_many_arguments)]
fn pad_nest(b: &mut Builder, m: &Machine, shape: &[usize], before: &[usize], after: &[usize], value: i32, src: Val, dst: Val) {
    let u = unit_of(m);
    let [n, rest @ ..] = shape else {
        return copy_run(b, u, BYTES, src, dst, 1, false);
    };
    let inner_in: usize = rest.iter().product();
    let inner_out: usize = (1..shape.len()).map(|i| shape[i] + before[i] + after[i]).product();
    if before[0] > 0 {
        fill_run(b, u, BYTES, dst, before[0] * inner_out, value);
    }
    let mid = b.ptr_imm(dst, (before[0] * inner_out) as i32);
    if inner_in == inner_out {
        copy_run(b, u, BYTES, src, mid, n * inner_in, false);
    } else {
        b.for_loop(0, *n as i32, 1, &[src, mid], |b, _, c| {
            pad_nest(b, m, rest, &before[1..], &after[1..], value, c[0], c[1]);
            vec![b.ptr_imm(c[0], inner_in as i32), b.ptr_imm(c[1], inner_out as i32)]
        });
    }
    if after[0] > 0 {
        let end = b.ptr_imm(mid, (n * inner_out) as i32);
        fill_run(b, u, BYTES, end, after[0] * inner_out, value);
    }
}
