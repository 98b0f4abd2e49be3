//! Softmax, along an axis or, before opset 13, over everything behind one.

use crate::build::{Builder, int};

pub fn softmax(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let rank = shape.len();
    let default: i64 = if b.opset >= 13 { -1 } else { 1 };
    let axis = if b.s.chance(50) { rank - 1 } else { b.s.range(0, rank - 1) };
    let mut list = Vec::new();
    let is_default = default.rem_euclid(rank as i64) == axis as i64 && (default < 0 || rank > 1);
    let attribute = int("axis", b.axis(axis, rank));
    b.defaulted(&mut list, attribute, is_default);
    Some(b.apply("Softmax", &[x], list, shape))
}
