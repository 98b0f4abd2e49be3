//! Functions of one value, and operators without effect.

use crate::build::{Builder, float, int, string};
use crate::constants::seed;
use mcompc_onnx::proto::data_type;
use mcompc_ops::Default;

pub fn relu(b: &mut Builder<'_>) -> Option<usize> {
    of(b, "Relu")
}

pub fn identity(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    Some(b.apply("Identity", &[x], vec![], shape))
}

/// A change of type, between floats.
pub fn cast(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    Some(b.apply("Cast", &[x], vec![int("to", data_type::FLOAT.into())], shape))
}

/// A change to the type of another tensor.
pub fn cast_like(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let like = b.scalar(1.0);
    let inputs = [b.name(x), like];
    Some(b.node("CastLike", &inputs, vec![], shape))
}

/// A function of one value: the ones that networks are made of more often than the others.
pub fn function(b: &mut Builder<'_>) -> Option<usize> {
    let usual = ["Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "LeakyRelu", "Elu"];
    let all: Vec<&str> = mcompc_ops::functions().filter(|f| f.since.is_some_and(|n| n <= b.opset)).map(|f| f.op.name).collect();
    let op = if b.s.chance(60) { b.s.pick(&usual) } else { b.s.pick(&all) };
    all.contains(&op).then(|| of(b, op)).flatten()
}

fn of(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let f = mcompc_ops::functions().find(|f| f.op.name == op)?;
    let mut x = b.operand(1..=5);
    let shape = b.shape(x);
    let (lo, hi) = f.domain;
    if lo.is_finite() {
        x = clip_to(b, x, shape.clone(), Some(lo as f32), Some(hi as f32));
    }
    let mut list = Vec::new();
    for (a, d) in f.op.attrs.iter().zip(f.defaults) {
        match *d {
            Default::Number(v) => {
                // The default, or another value near it.
                let factor = b.s.pick(&[1.0, 0.5, 1.0, 2.0, 0.75]);
                b.defaulted(&mut list, float(a.name, v * factor), factor == 1.0);
            }
            Default::Word(words) => {
                let word = b.s.pick(words);
                b.defaulted(&mut list, string(a.name, word), word == words[0]);
            }
        }
    }
    Some(b.apply(op, &[x], list, shape))
}

pub fn clip(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let bounds = [
        (Some(0.0), Some(6.0)),
        (Some(0.0), None),
        (None, Some(6.0)),
        (None, None),
        (Some(-1.0), Some(1.0)),
        (Some(-0.5), Some(0.25)),
        (Some(0.5), Some(2.0)),
        (Some(-2.0), Some(-0.25)),
        (Some(f32::MIN), Some(1.0)),
        (Some(0.25), Some(0.25)),
        // Bounds that cross have a meaning only where they are inputs.
        (Some(1.0), Some(-0.5)),
    ];
    let known = bounds.len() - usize::from(b.opset < 11);
    let (min, max) = b.s.pick(&bounds[..known]);
    Some(clip_to(b, x, shape, min, max))
}

/// Clip in the form of the operator set.
pub fn clip_to(b: &mut Builder<'_>, x: usize, shape: Vec<usize>, min: Option<f32>, max: Option<f32>) -> usize {
    if b.opset < 11 {
        let list = [("min", min), ("max", max)].into_iter().filter_map(|(n, v)| Some(float(n, v?))).collect();
        return b.apply("Clip", &[x], list, shape);
    }
    let mut inputs = vec![b.name(x)];
    inputs.push(min.map_or(String::new(), |v| b.scalar(v)));
    inputs.push(max.map_or(String::new(), |v| b.scalar(v)));
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    b.node("Clip", &inputs, vec![], shape)
}

pub fn dropout(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let (mut inputs, mut list) = (vec![b.name(x)], Vec::new());
    if b.opset < 12 {
        b.defaulted(&mut list, float("ratio", 0.5), true);
    } else {
        match b.s.below(4) {
            1 => inputs.push(b.scalar(0.25)),
            2 => {
                let (ratio, training) = (b.scalar(0.5), b.truth(false));
                inputs.extend([ratio, training]);
            }
            3 => list.push(seed(3)),
            _ => {}
        }
    }
    let y = b.node("Dropout", &inputs, list, shape);
    if b.s.chance(25) {
        // Declared, and read by nobody.
        let mask = b.fresh("mask");
        if let Some(node) = b.nodes.last_mut() {
            node.output.push(mask);
        }
    }
    Some(y)
}
