//! Operators that repeat elements, or take some of them.

use crate::build::{Builder, int, longs};

pub fn expand(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=4);
    let s = b.shape(x);
    let mut out: Vec<usize> = s.iter().map(|&d| if d == 1 { b.s.range(1, 4) } else { d }).collect();
    if b.s.chance(30) {
        out.insert(0, b.s.range(1, 3));
    }
    // A dimension of 1 in the shape keeps the tensor's.
    let given: Vec<usize> = out
        .iter()
        .enumerate()
        .map(|(i, &d)| if i + s.len() >= out.len() && b.s.chance(20) { s[i + s.len() - out.len()] } else { d })
        .collect();
    let out = super::arith::together(&given, &s)?;
    if !b.room(&out, 0) {
        return None;
    }
    let inputs = [b.name(x), b.integers(&longs(&given))];
    Some(b.node("Expand", &inputs, vec![], out))
}

pub fn tile(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let times: Vec<usize> = s.iter().map(|_| b.s.pick(&[1, 1, 1, 2, 3])).collect();
    let out: Vec<usize> = s.iter().zip(&times).map(|(d, t)| d * t).collect();
    if !b.room(&out, 0) {
        return None;
    }
    let inputs = [b.name(x), b.integers(&longs(&times))];
    Some(b.node("Tile", &inputs, vec![], out))
}

pub fn gather(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let axis = b.s.below(s.len());
    let n = s[axis];
    let count = b.s.range(1, 6);
    let at: Vec<i64> = match b.s.below(3) {
        0 => (0..count.min(n) as i64).collect(),
        1 => (0..n as i64).rev().collect(),
        _ => (0..count).map(|_| b.s.below(n) as i64 - if b.opset >= 11 && b.s.chance(30) { n as i64 } else { 0 }).collect(),
    };
    let mut out = s.clone();
    out[axis] = at.len();
    if !b.room(&out, 0) {
        return None;
    }
    let list = vec![int("axis", b.axis(axis, s.len()))];
    let inputs = [b.name(x), b.integers(&at)];
    Some(b.node("Gather", &inputs, list, out))
}
