//! Reductions over height and width, or over any axes.

use crate::build::{Builder, int, ints};

/// `since` is the operator set that made the axes an input.
fn reduce(b: &mut Builder<'_>, op: &str, since: i64) -> Option<usize> {
    let any = b.s.chance(50);
    let x = if any { b.operand(1..=5) } else { b.operand(4..=4) };
    let shape = b.shape(x);
    let rank = shape.len();
    let mut axes: Vec<usize> = if any { (0..rank).filter(|_| b.s.chance(50)).collect() } else { vec![2, 3] };
    if b.s.chance(30) {
        axes.reverse();
    }
    let keep = b.s.chance(60);
    let mut list = Vec::new();
    b.defaulted(&mut list, int("keepdims", i64::from(keep)), keep);
    // The logarithm of a sum is real where all is positive.
    let x = if op == "ReduceLogSum" { super::functions::clip_to(b, x, shape.clone(), Some(0.25), Some(8.0)) } else { x };
    let mut inputs = vec![b.name(x)];
    let given: Vec<i64> = axes.iter().map(|&a| b.axis(a, rank)).collect();
    if b.opset >= since {
        if b.s.chance(5) {
            // No axes, which here means that nothing is reduced.
            list.push(int("noop_with_empty_axes", 1));
            return Some(b.node(op, &inputs, list, shape));
        }
        let name = b.integers(&given);
        inputs.push(name);
        b.defaulted(&mut list, int("noop_with_empty_axes", 0), true);
    } else {
        list.push(ints("axes", given));
    }
    if axes.is_empty() {
        axes = (0..rank).collect();
        if b.opset < since {
            list.retain(|a| a.name.as_deref() != Some("axes"));
        }
    }
    let out = (0..rank).filter(|i| keep || !axes.contains(i)).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect();
    Some(b.node(op, &inputs, list, out))
}

pub fn mean(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceMean", 18)
}

pub fn sum(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceSum", 13)
}

pub fn max(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceMax", 18)
}

pub fn min(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceMin", 18)
}

pub fn l1(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceL1", 18)
}

pub fn l2(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceL2", 18)
}

pub fn log_sum(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceLogSum", 18)
}

pub fn log_sum_exp(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceLogSumExp", 18)
}

pub fn sum_square(b: &mut Builder<'_>) -> Option<usize> {
    reduce(b, "ReduceSumSquare", 18)
}
