//! The same elements under another shape.

use crate::build::{Builder, elems, int, ints};

pub fn reshape(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let from = b.shape(x);
    let n = elems(&from);
    // A shape with as many elements: factors of what is left, dimension by dimension.
    let rank = b.s.pick(&[2, 1, 3, 4, 5]);
    let mut shape = Vec::new();
    let mut rest = n;
    for i in 0..rank {
        let keep = i == 0 && rest.is_multiple_of(from[0]);
        let factors: Vec<usize> = (1..=rest).filter(|&f| rest.is_multiple_of(f)).collect();
        let d = if i + 1 == rank {
            rest
        } else if keep && b.s.chance(60) {
            from[0]
        } else {
            b.s.pick(&factors)
        };
        rest /= d;
        shape.push(d);
    }
    let mut want: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
    let mut list = Vec::new();
    match b.s.below(4) {
        1 => {
            let at = b.s.below(rank);
            want[at] = -1;
        }
        2 => (0..rank).filter(|&i| from.get(i) == Some(&shape[i])).for_each(|i| want[i] = 0),
        3 if b.opset >= 14 => list.push(int("allowzero", i64::from(!want.contains(&0)))),
        _ => {}
    }
    let inputs = vec![b.name(x), b.integers(&want)];
    Some(b.node("Reshape", &inputs, list, shape))
}

pub fn flatten(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let axis = if b.s.chance(25) { b.s.range(0, s.len()) } else { 1 };
    let mut list = Vec::new();
    let written = if axis < s.len() { b.axis(axis, s.len()) } else { axis as i64 };
    b.defaulted(&mut list, int("axis", written), axis == 1 && written == 1);
    Some(b.apply("Flatten", &[x], list, vec![elems(&s[..axis]), elems(&s[axis..])]))
}

/// Adds the axes as an attribute, or from opset 13 on as an input.
fn with_axes(b: &mut Builder<'_>, op: &str, x: usize, axes: Vec<i64>, shape: Vec<usize>) -> Option<usize> {
    if b.opset < 13 {
        return Some(b.apply(op, &[x], vec![ints("axes", axes)], shape));
    }
    let inputs = vec![b.name(x), b.integers(&axes)];
    Some(b.node(op, &inputs, vec![], shape))
}

pub fn squeeze(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.find(|v| v.shape.len() > 1 && v.shape.contains(&1))?;
    let s = b.shape(x);
    let ones: Vec<usize> = (0..s.len()).filter(|&i| s[i] == 1).collect();
    let mut gone: Vec<usize> = ones.iter().copied().filter(|_| !b.s.chance(40)).collect();
    // Something must be left: operators here have at least one dimension.
    if gone.len() == s.len() {
        gone.pop();
    }
    let all = gone == ones && b.s.chance(50);
    let shape: Vec<usize> = (0..s.len()).filter(|i| !gone.contains(i)).map(|i| s[i]).collect();
    if all {
        return Some(b.apply("Squeeze", &[x], vec![], shape));
    }
    if gone.is_empty() {
        return None;
    }
    let axes = gone.iter().map(|&a| b.axis(a, s.len())).collect();
    with_axes(b, "Squeeze", x, axes, shape)
}

pub fn unsqueeze(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.find(|v| v.shape.len() < 5)?;
    let s = b.shape(x);
    let rank = s.len() + b.s.range(1, (5 - s.len()).min(2));
    let mut new = Vec::new();
    while new.len() < rank - s.len() {
        let at = b.s.below(rank);
        let at = (at..rank).chain(0..at).find(|a| !new.contains(a))?;
        new.push(at);
    }
    let mut old = s.iter();
    let shape: Vec<usize> = (0..rank).map(|i| if new.contains(&i) { 1 } else { old.next().copied().unwrap_or(1) }).collect();
    let axes = new.iter().map(|&a| b.axis(a, rank)).collect();
    with_axes(b, "Unsqueeze", x, axes, shape)
}
