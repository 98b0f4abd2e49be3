//! Slice and Split.

use crate::build::{Builder, int, ints};

/// Starts, ends and steps of some indices of a dimension of `n`, said in one of the ways that mean the same; and how many they are.
fn range(b: &mut Builder<'_>, n: usize) -> ([i64; 3], usize) {
    let size = b.s.range(1, n);
    let first = b.s.below(n - size + 1);
    let step = if b.s.chance(30) { b.s.range(1, 3) } else { 1 };
    let backwards = b.opset >= 10 && b.s.chance(20);
    let step = if b.opset >= 10 { step } else { 1 };
    let (first, last, n) = (first as i64, (first + size - 1) as i64, n as i64);
    // From the end, or beyond it, where that says the same.
    let said = |b: &mut Builder<'_>, v: i64, far: i64, open: bool| match b.s.below(3) {
        1 if (0..n).contains(&v) => v - n,
        2 if open => far,
        _ => v,
    };
    if backwards {
        // An end of -1 would count from the end.
        let start = said(b, last, i64::from(i32::MAX), last == n - 1);
        let end = if first == 0 { i64::from(i32::MIN) } else { said(b, first - 1, 0, false) };
        return ([start, end, -(step as i64)], size.div_ceil(step));
    }
    let start = said(b, first, i64::from(i32::MIN), first == 0);
    let end = said(b, last + 1, i64::from(i32::MAX), last == n - 1);
    ([start, end, step as i64], size.div_ceil(step))
}

pub fn slice(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let rank = s.len();
    let mut axes: Vec<usize> = (0..rank).filter(|&d| s[d] > 1 && b.s.chance(45)).collect();
    if axes.is_empty() {
        axes = vec![b.s.below(rank)];
    }
    if b.s.chance(25) {
        axes.reverse();
    }
    let mut shape = s.clone();
    let (mut starts, mut ends, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for &d in &axes {
        let ([start, end, step], size) = range(b, s[d]);
        shape[d] = size;
        starts.push(start);
        ends.push(end);
        steps.push(step);
    }
    let whole = axes.iter().copied().eq(0..axes.len());
    let named: Vec<i64> = axes.iter().map(|&d| b.axis(d, rank)).collect();
    if b.opset < 10 {
        let mut list = vec![ints("starts", starts), ints("ends", ends)];
        b.defaulted(&mut list, ints("axes", named), whole);
        return Some(b.apply("Slice", &[x], list, shape));
    }
    let mut inputs = vec![b.name(x), b.integers(&starts), b.integers(&ends)];
    let plain = steps.iter().all(|&k| k == 1);
    if !whole || !plain || b.s.chance(60) {
        inputs.push(if whole && b.s.chance(50) { String::new() } else { b.integers(&named) });
        if !plain || b.s.chance(50) {
            inputs.push(b.integers(&steps));
        }
    }
    Some(b.node("Slice", &inputs, vec![], shape))
}

pub fn split(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let rank = s.len();
    let axis = b.s.below(rank);
    let mut sizes = Vec::new();
    let equal = b.s.chance(40);
    let parts = b.s.range(1, s[axis].min(4));
    if equal && s[axis].is_multiple_of(parts) {
        sizes = vec![s[axis] / parts; parts];
    } else {
        let mut left = s[axis];
        for i in 1..parts {
            let size = b.s.range(1, left - (parts - i));
            sizes.push(size);
            left -= size;
        }
        sizes.push(left);
    }
    let mut list = Vec::new();
    let at = b.axis(axis, rank);
    b.defaulted(&mut list, int("axis", at), axis == 0);
    let mut inputs = vec![b.name(x)];
    let said = !equal || sizes.windows(2).any(|w| w[0] != w[1]) || b.s.chance(30);
    let numbers: Vec<i64> = sizes.iter().map(|&v| v as i64).collect();
    if said && b.opset >= 13 {
        inputs.push(b.integers(&numbers));
    } else if said {
        list.push(ints("split", numbers));
    } else if b.opset >= 18 {
        list.push(int("num_outputs", parts as i64));
    }
    let shapes = sizes.iter().map(|&n| s.iter().enumerate().map(|(d, &m)| if d == axis { n } else { m }).collect()).collect();
    let values = b.several("Split", &inputs, list, shapes);
    Some(b.s.pick(&values))
}
