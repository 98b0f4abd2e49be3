//! Concat, Pad, Transpose.

use crate::build::{Builder, float, int, ints, longs, string};

pub fn transpose(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let rank = s.len();
    let mut perm: Vec<usize> = (0..rank).rev().collect();
    let mut list = Vec::new();
    match b.s.below(5) {
        0 => b.defaulted(&mut list, ints("perm", longs(&perm)), true),
        form => {
            perm = match form {
                1 if rank == 4 => vec![0, 2, 3, 1],
                2 if rank == 4 => vec![0, 3, 1, 2],
                _ => {
                    let mut left: Vec<usize> = (0..rank).collect();
                    (0..rank).map(|_| left.remove(b.s.below(left.len()))).collect()
                }
            };
            list.push(ints("perm", longs(&perm)));
        }
    }
    Some(b.apply("Transpose", &[x], list, perm.iter().map(|&p| s[p]).collect()))
}

pub fn concat(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let rank = s.len();
    let axis = if rank > 1 && !b.s.chance(25) { 1 } else { b.s.below(rank) };
    let mut parts = vec![x];
    for _ in 0..b.s.range(0, 3) {
        let like = |v: &crate::build::Val| v.shape.len() == rank && (0..rank).all(|i| i == axis || v.shape[i] == s[i]);
        let other = match b.s.below(10) {
            // Itself once more; a constant; a part with another range.
            7 => Some(x),
            8 => {
                let mut shape = s.clone();
                shape[axis] = b.s.range(1, 3);
                Some(b.constant_value(shape))
            }
            9 => {
                let scale = b.s.pick(&[0.05, 20.0]);
                let factor = b.scalar(scale);
                let inputs = [b.name(x), factor];
                b.room(&s, 0).then(|| b.node("Mul", &inputs, vec![], s.clone()))
            }
            _ => b.find(like),
        };
        parts.extend(other);
    }
    if b.s.chance(30) {
        parts.reverse();
    }
    let mut shape = s.clone();
    shape[axis] = parts.iter().map(|&p| b.values[p].shape[axis]).sum();
    if !b.room(&shape, 0) {
        return None;
    }
    let attribute = int("axis", b.axis(axis, rank));
    Some(b.apply("Concat", &parts, vec![attribute], shape))
}

pub fn pad(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let rank = s.len();
    let everywhere = b.s.chance(25);
    let mode = b.s.pick(&["constant", "constant", "constant", "reflect", "edge", "wrap"]);
    let mode = if mode == "wrap" && b.opset < 19 { "edge" } else { mode };
    let most = |n: usize| match mode {
        "reflect" => n - 1,
        "wrap" => n,
        _ => usize::MAX,
    };
    let mut pads = vec![0usize; 2 * rank];
    for (i, pad) in pads.iter_mut().enumerate() {
        // Rows and columns mostly, channels and batch rarely.
        if i % rank >= 2 || rank < 3 || everywhere {
            *pad = b.s.pick(&[0, 1, 0, 2, 3]).min(most(s[i % rank]));
        }
    }
    let shape: Vec<usize> = (0..rank).map(|i| s[i] + pads[i] + pads[rank + i]).collect();
    if !b.room(&shape, 0) {
        return None;
    }
    let value = if mode == "constant" { b.s.pick(&[0.0, 0.0, 1.0, -0.5]) } else { 0.0 };
    let mut list = Vec::new();
    b.defaulted(&mut list, string("mode", mode), mode == "constant");
    if b.opset < 11 {
        list.push(ints("pads", longs(&pads)));
        b.defaulted(&mut list, float("value", value), value == 0.0);
        return Some(b.apply("Pad", &[x], list, shape));
    }
    let some = b.opset >= 18 && b.s.chance(30);
    let axes: Vec<usize> = (0..rank).filter(|&i| !some || pads[i] + pads[rank + i] > 0).collect();
    if axes.is_empty() {
        return None;
    }
    let given: Vec<i64> = axes.iter().map(|&a| pads[a] as i64).chain(axes.iter().map(|&a| pads[rank + a] as i64)).collect();
    let mut inputs = vec![b.name(x), b.integers(&given)];
    let named = value != 0.0 || b.s.chance(40);
    if named || some {
        inputs.push(if named { b.scalar(value) } else { String::new() });
    }
    if some {
        let axes: Vec<i64> = axes.iter().map(|&a| b.axis(a, rank)).collect();
        let name = b.integers(&axes);
        inputs.push(name);
    }
    Some(b.node("Pad", &inputs, list, shape))
}
