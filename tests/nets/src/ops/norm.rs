//! BatchNormalization in its inference form.

use crate::build::{Builder, float, int};

pub fn batch(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=5);
    let shape = b.shape(x);
    let c = shape[1];
    let mut scale = b.positive(c);
    match b.s.below(6) {
        3 => scale.iter_mut().step_by(2).for_each(|v| *v = -*v),
        4 => scale[0] = 0.0,
        5 => scale.iter_mut().for_each(|v| *v = 1.0),
        _ => {}
    }
    let (bias, mean, var) = (b.bias(c), b.numbers(c), b.positive(c));
    let mut inputs = vec![b.name(x)];
    for data in [&scale, &bias, &mean, &var] {
        let name = b.floats(&[c], data);
        inputs.push(name);
    }
    let mut list = Vec::new();
    let epsilon = b.s.pick(&[1e-5, 1e-3, 1e-2]);
    b.defaulted(&mut list, float("epsilon", epsilon), epsilon == 1e-5);
    b.defaulted(&mut list, float("momentum", 0.9), true);
    if b.opset < 9 {
        b.defaulted(&mut list, int("spatial", 1), true);
    }
    if b.opset >= 14 {
        b.defaulted(&mut list, int("training_mode", 0), true);
    }
    Some(b.node("BatchNormalization", &inputs, list, shape))
}
