//! Functions of one value, and operators without effect.

use crate::build::{Builder, float};
use crate::constants::seed;
use mcompc_onnx::proto::AttributeProto;

fn unary(b: &mut Builder<'_>, op: &str, attributes: Vec<AttributeProto>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    Some(b.apply(op, &[x], attributes, shape))
}

macro_rules! plain {
    ($($name:ident $op:literal;)*) => {
        $(pub fn $name(b: &mut Builder<'_>) -> Option<usize> { unary(b, $op, vec![]) })*
    };
}

plain! {
    relu "Relu";
    sigmoid "Sigmoid";
    tanh "Tanh";
    hard_swish "HardSwish";
    identity "Identity";
}

/// A float attribute: its default, or another value.
fn parameter(b: &mut Builder<'_>, list: &mut Vec<AttributeProto>, name: &str, default: f32, others: &[f32]) {
    let at = b.s.below(others.len() + 1);
    let v = if at == 0 { default } else { others[at - 1] };
    b.defaulted(list, float(name, v), at == 0);
}

pub fn leaky_relu(b: &mut Builder<'_>) -> Option<usize> {
    let mut list = Vec::new();
    parameter(b, &mut list, "alpha", 0.01, &[0.1, 0.2, 0.5, 1.0, 0.0, 2.0, -0.3]);
    unary(b, "LeakyRelu", list)
}

pub fn elu(b: &mut Builder<'_>) -> Option<usize> {
    let mut list = Vec::new();
    parameter(b, &mut list, "alpha", 1.0, &[0.5, 2.0, 0.0]);
    unary(b, "Elu", list)
}

pub fn hard_sigmoid(b: &mut Builder<'_>) -> Option<usize> {
    let mut list = Vec::new();
    parameter(b, &mut list, "alpha", 0.2, &[1.0 / 6.0, 0.5, 0.05]);
    parameter(b, &mut list, "beta", 0.5, &[0.0, 0.3, 1.0]);
    unary(b, "HardSigmoid", list)
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
