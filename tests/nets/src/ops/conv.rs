//! Conv: dense, grouped, depthwise with and without a channel multiplier, weights shared with an earlier layer.

use super::window::{Allowed, window};
use crate::build::{Builder, int};

pub fn conv(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let (n, c) = (s[0], s[1]);
    let divisors: Vec<usize> = (2..c).filter(|&g| c.is_multiple_of(g)).collect();
    let (group, mut o) = match b.s.below(10) {
        6 | 7 => (c, c * b.s.pick(&[1, 1, 2, 3])),
        8 if !divisors.is_empty() => {
            let g = b.s.pick(&divisors);
            (g, g * b.s.range(1, 6))
        }
        9 => (1, 1),
        _ => (1, b.s.pick(&[1, 2, 3, 4, 5, 8, 7, 9, 13, 16, 17, 20, 24, 32, 33])),
    };
    let mut w = window(b, [s[2], s[3]], Allowed { conv: true, ceil: false });
    let work = |o: usize, w: &super::window::Window| n * o * w.out[0] * w.out[1] * w.kernel[0] * w.kernel[1] * (c / group);
    while !b.room(&[n, o, w.out[0], w.out[1]], work(o, &w)) && o > group {
        o = group * (o / group).div_ceil(2);
    }
    if !b.room(&[n, o, w.out[0], w.out[1]], work(o, &w)) {
        return None;
    }
    b.work += work(o, &w);
    let shape = [o, c / group, w.kernel[0], w.kernel[1]];
    // The weights of an earlier layer, where they fit.
    let fits = |t: &&mcompc_onnx::proto::TensorProto| t.dims.iter().map(|&d| d as usize).eq(shape);
    let shared = b.tensors.iter().find(fits).and_then(|t| t.name.clone());
    let weights = match shared {
        Some(name) if b.s.chance(60) => name,
        _ => {
            let data = b.weights(&shape, 0, shape[1] * shape[2] * shape[3]);
            b.floats(&shape, &data)
        }
    };
    let mut inputs = vec![b.name(x), weights];
    if b.s.chance(65) {
        let bias = b.bias(o);
        inputs.push(b.floats(&[o], &bias));
    }
    b.defaulted(&mut w.attributes, int("group", group as i64), group == 1);
    Some(b.node("Conv", &inputs, w.attributes, vec![n, o, w.out[0], w.out[1]]))
}
