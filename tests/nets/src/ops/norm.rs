//! Normalizations.

use crate::build::{Builder, elems, float, int, ints};

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

/// Work of a normalization that is spelt out.
fn spelt_out(b: &mut Builder<'_>, shape: &[usize]) -> bool {
    let work = 8 * elems(shape);
    b.work += work;
    b.room(shape, 0)
}

/// Names of vectors of `n`: a scale, and a bias.
fn affine(b: &mut Builder<'_>, n: usize) -> [String; 2] {
    let (scale, bias) = (b.positive(n), b.bias(n));
    [b.floats(&[n], &scale), b.floats(&[n], &bias)]
}

pub fn instance(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(3..=5);
    let shape = b.shape(x);
    let [scale, bias] = affine(b, shape[1]);
    let inputs = [b.name(x), scale, bias];
    spelt_out(b, &shape).then(|| b.node("InstanceNormalization", &inputs, vec![float("epsilon", 0.01)], shape))
}

pub fn layer(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=5);
    let shape = b.shape(x);
    let [scale, bias] = affine(b, shape[shape.len() - 1]);
    let mut inputs = vec![b.name(x), scale];
    if b.s.chance(60) {
        inputs.push(bias);
    }
    let axis = shape.len() - 1 - b.s.below(2);
    let mut list = vec![float("epsilon", 0.01)];
    b.defaulted(&mut list, int("axis", axis as i64), axis + 1 == shape.len());
    spelt_out(b, &shape).then(|| b.node("LayerNormalization", &inputs, list, shape))
}

pub fn rms(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=5);
    let shape = b.shape(x);
    let [scale, _] = affine(b, shape[shape.len() - 1]);
    let inputs = [b.name(x), scale];
    spelt_out(b, &shape).then(|| b.node("RMSNormalization", &inputs, vec![float("epsilon", 0.01)], shape))
}

pub fn group(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(3..=5);
    let shape = b.shape(x);
    let c = shape[1];
    let divisors: Vec<usize> = (1..=c).filter(|&g| c.is_multiple_of(g)).collect();
    let groups = b.s.pick(&divisors);
    let [scale, bias] = affine(b, if b.opset < 21 { groups } else { c });
    let inputs = [b.name(x), scale, bias];
    let list = vec![float("epsilon", 0.01), int("num_groups", groups as i64)];
    spelt_out(b, &shape).then(|| b.node("GroupNormalization", &inputs, list, shape))
}

pub fn mean_variance(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let shape = b.shape(x);
    // Of one number there is no variance.
    if shape[2] * shape[3] < 2 {
        return None;
    }
    let mut list = Vec::new();
    let all = b.s.chance(50);
    b.defaulted(&mut list, ints("axes", if all { vec![0, 2, 3] } else { vec![2, 3] }), all);
    spelt_out(b, &shape).then(|| b.apply("MeanVarianceNormalization", &[x], list, shape))
}

pub fn local_response(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let shape = b.shape(x);
    let size = b.s.pick(&[3, 5]);
    let list = vec![int("size", size), float("alpha", 0.1), float("beta", 0.5)];
    spelt_out(b, &shape).then(|| b.apply("LRN", &[x], list, shape))
}

pub fn of_a_norm(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=5);
    let shape = b.shape(x);
    let mut list = vec![int("p", b.s.pick(&[1, 2]))];
    let axis = b.s.below(shape.len());
    b.defaulted(&mut list, int("axis", axis as i64), axis + 1 == shape.len());
    spelt_out(b, &shape).then(|| b.apply("LpNormalization", &[x], list, shape))
}

pub fn log_softmax(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=5);
    let shape = b.shape(x);
    let axis = b.s.below(shape.len());
    spelt_out(b, &shape).then(|| b.apply("LogSoftmax", &[x], vec![int("axis", axis as i64)], shape))
}
