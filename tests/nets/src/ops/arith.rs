//! Add, Sub, Mul, Div: constants of every shape that broadcasts, tensors of one shape, gates per channel.

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
    let broadcast = b.s.chance(25);
    let other = if gate {
        b.find(|v| v.shape.len() == 4 && v.shape == [s[0], s[1], 1, 1])
    } else if broadcast {
        b.find(|v| v.shape.len() == rank && v.shape.iter().zip(&s).all(|(a, b)| a == b || *a == 1))
    } else {
        b.find(|v| v.shape == s)
    };
    let Some(y) = other else { return with_constant(b, op, x) };
    let pair = if b.s.chance(40) { [y, x] } else { [x, y] };
    Some(b.apply(op, &pair, vec![], s))
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
    let out = if shape.len() > rank { [&vec![1; shape.len() - rank][..], &s].concat() } else { s };
    let x = b.name(x);
    // Of quotients by something computed only those of one number have an integer form: docs/status.md.
    let first = (op != "Div" || n == 1 || b.beyond) && b.s.chance(30);
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
