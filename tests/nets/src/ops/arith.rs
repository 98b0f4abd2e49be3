//! Add, Sub, Mul, Div: constants of every shape that broadcasts, tensors of one shape or of two that broadcast, gates per channel.

use super::functions::clip_to;
use crate::build::{Builder, elems, tensor};
use mcompc_onnx::proto::{TensorProto, data_type};

fn binary(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    if b.s.chance(50) {
        return with_constant(b, op, x);
    }
    // A quotient of computed tensors has no integer form: docs/status.md.
    if op == "Div" && !b.beyond {
        return with_constant(b, op, x);
    }
    let rank = s.len();
    let gate = op == "Mul" && rank == 4 && b.s.chance(35);
    let broadcast = b.s.chance(35);
    let other = if gate {
        b.find(|v| v.shape.len() == 4 && v.shape == [s[0], s[1], 1, 1])
    } else if broadcast {
        b.find(|v| together(&v.shape, &s).is_some_and(|t| t.len() <= 5))
    } else {
        b.find(|v| v.shape == s)
    };
    let Some(y) = other else { return with_constant(b, op, x) };
    let pair = if b.s.chance(40) { [y, x] } else { [x, y] };
    let shape = together(&b.shape(y), &s)?;
    if !b.room(&shape, 0) {
        return None;
    }
    Some(b.apply(op, &pair, vec![], shape))
}

/// The shape to which two broadcast.
pub fn together(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let dim = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |j| s[j]);
    (0..rank)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (x, y) if x == y || y == 1 => Some(x),
            (1, y) => Some(y),
            _ => None,
        })
        .collect()
}

fn with_constant(b: &mut Builder<'_>, op: &str, x: usize) -> Option<usize> {
    let s = b.shape(x);
    let rank = s.len();
    let channels = |at: usize| (at..rank).map(|i| if i == at { s[i] } else { 1 }).collect::<Vec<usize>>();
    let shape = match b.s.below(12) {
        0 | 1 => vec![],
        2 => vec![1],
        // Channels first; channels last; the whole tensor; some dimensions; a scalar with as many dimensions, or with more.
        3 | 4 if rank >= 2 => channels(1),
        5 if rank >= 2 => [&[1], &channels(1)[..]].concat(),
        6 => vec![s[rank - 1]],
        7 => s.clone(),
        8 => s.iter().map(|&d| if b.s.chance(50) { d } else { 1 }).collect(),
        9 => vec![1; rank],
        10 if rank < 5 => vec![1; rank + 1],
        _ => s[b.s.range(0, rank - 1)..].to_vec(),
    };
    let n = elems(&shape);
    let mut data = match op {
        "Mul" | "Div" => {
            let mut v = b.positive(n);
            if b.s.chance(25) {
                v.iter_mut().step_by(2).for_each(|v| *v = -*v);
            }
            v
        }
        _ => b.numbers(n),
    };
    match b.s.below(10) {
        7 => data.iter_mut().for_each(|v| *v *= 20.0),
        8 => data.iter_mut().for_each(|v| *v *= 0.02),
        9 if op != "Div" => data.fill(if op == "Mul" { 1.0 } else { 0.0 }),
        _ => {}
    }
    let c = b.floats(&shape, &data);
    let out = if shape.len() > rank { [&vec![1; shape.len() - rank][..], &s].concat() } else { s.clone() };
    // Of quotients by something computed only those of one number have an integer form: docs/status.md.
    let first = (op != "Div" || n == 1 || b.beyond) && b.s.chance(30);
    // Away from the pole, whose neighbourhood no code has room for.
    let x = if first && op == "Div" { clip_to(b, x, s, Some(0.25), Some(8.0)) } else { x };
    let x = b.name(x);
    let inputs = if first { [c, x] } else { [x, c] };
    Some(b.node(op, &inputs, vec![], out))
}

pub fn add(b: &mut Builder<'_>) -> Option<usize> {
    binary(b, "Add")
}

pub fn sub(b: &mut Builder<'_>) -> Option<usize> {
    binary(b, "Sub")
}

pub fn mul(b: &mut Builder<'_>) -> Option<usize> {
    binary(b, "Mul")
}

pub fn div(b: &mut Builder<'_>) -> Option<usize> {
    binary(b, "Div")
}

/// A Constant node that is added to a value.
pub fn constant(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let s = b.shape(x);
    let data = b.numbers(s[s.len() - 1]);
    let t =
        TensorProto { dims: vec![data.len() as i64], data_type: Some(data_type::FLOAT), float_data: data.clone(), ..Default::default() };
    let c = b.node("Constant", &[], vec![tensor("value", t)], vec![data.len()]);
    Some(b.apply("Add", &[x, c], vec![], s))
}
