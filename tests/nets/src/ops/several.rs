//! Element-wise operators of several operands, and those that choose.

use super::arith::together;
use super::functions::clip_to;
use crate::build::{Builder, elems};

/// A value, and up to two more to which it broadcasts: computed ones, constants, numbers. Before operator set 8 all have one shape.
fn operands(b: &mut Builder<'_>) -> Option<(Vec<String>, Vec<usize>)> {
    let x = b.operand(1..=5);
    let mut shape = b.shape(x);
    let mut inputs = vec![b.name(x)];
    let alike = b.opset < 8;
    for _ in 0..b.s.range(0, 2) {
        let with = shape.clone();
        match b.s.below(4) {
            0 if !alike => {
                let v = b.s.pick(&[0.5, -0.25, 0.0]);
                inputs.push(b.scalar(v));
            }
            1 if !alike => {
                let last = vec![shape[shape.len() - 1]];
                let data = b.numbers(last[0]);
                inputs.push(b.floats(&last, &data));
            }
            _ => {
                if let Some(y) = b.find(|v| if alike { v.shape == with } else { together(&v.shape, &with).is_some_and(|t| t.len() <= 5) }) {
                    shape = together(&b.shape(y), &with)?;
                    inputs.push(b.name(y));
                }
            }
        }
    }
    let n = inputs.len();
    b.room(&shape, 2 * n * elems(&shape)).then_some((inputs, shape))
}

fn of(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let (inputs, shape) = operands(b)?;
    b.work += inputs.len() * elems(&shape);
    Some(b.node(op, &inputs, vec![], shape))
}

pub fn sum(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Sum")
}

pub fn mean(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Mean")
}

pub fn max(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Max")
}

pub fn min(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Min")
}

pub fn pow(b: &mut Builder<'_>) -> Option<usize> {
    let mut x = b.operand(1..=5);
    let shape = b.shape(x);
    let exponent = b.s.pick(&[2.0, 0.5, 3.0, 1.0, -1.0, -0.5]);
    if exponent < 2.0 {
        x = clip_to(b, x, shape.clone(), Some(0.25), Some(8.0));
    }
    let e = b.scalar(exponent);
    let inputs = [b.name(x), e];
    Some(b.node("Pow", &inputs, vec![], shape))
}

pub fn prelu(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=5);
    let shape = b.shape(x);
    let mut slopes = vec![1; shape.len() - 1];
    match b.s.below(3) {
        0 => slopes = vec![1],
        1 => slopes[0] = shape[1],
        _ => slopes = shape.clone(),
    }
    let data = b.numbers(elems(&slopes));
    let slopes = b.floats(&slopes, &data);
    let inputs = [b.name(x), slopes];
    b.work += 3 * elems(&shape);
    Some(b.node("PRelu", &inputs, vec![], shape))
}

pub fn choose(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let y = match b.find(|v| v.shape == shape) {
        Some(y) if b.s.chance(60) => b.name(y),
        _ => b.scalar(0.5),
    };
    let of_last = shape[shape.len() - 1..].to_vec();
    let truths: Vec<bool> = (0..of_last[0]).map(|_| b.s.chance(50)).collect();
    let c = b.truths(&of_last, &truths);
    let mut pair = [b.name(x), y];
    if b.s.chance(30) {
        pair.reverse();
    }
    let [p, q] = pair;
    b.work += 3 * elems(&shape);
    Some(b.node("Where", &[c, p, q], vec![], shape))
}
