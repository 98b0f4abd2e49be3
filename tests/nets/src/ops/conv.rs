//! Conv: dense, grouped, depthwise with and without a channel multiplier, weights shared with an earlier layer.

use super::window::{Allowed, image, window};
use crate::build::{Builder, int};

pub fn conv(b: &mut Builder<'_>) -> Option<usize> {
    let x = image(b);
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
    let mut w = window(b, &s[2..], Allowed { conv: true, ceil: false });
    let out = |o: usize, w: &super::window::Window| [&[n, o], &w.out[..]].concat();
    let work = |o: usize, w: &super::window::Window| out(o, w).iter().chain(&w.kernel).product::<usize>() * (c / group);
    while !b.room(&out(o, &w), work(o, &w)) && o > group {
        o = group * (o / group).div_ceil(2);
    }
    if !b.room(&out(o, &w), work(o, &w)) {
        return None;
    }
    b.work += work(o, &w);
    let shape = [&[o, c / group], &w.kernel[..]].concat();
    // The weights of an earlier layer, where they fit.
    let fits = |t: &&mcompc_onnx::proto::TensorProto| t.dims.iter().map(|&d| d as usize).eq(shape.iter().copied());
    let shared = b.tensors.iter().find(fits).and_then(|t| t.name.clone());
    let weights = match shared {
        Some(name) if b.s.chance(60) => name,
        _ => {
            let data = b.weights(&shape, 0, shape[1..].iter().product());
            b.floats(&shape, &data)
        }
    };
    let mut inputs = vec![b.name(x), weights];
    if b.s.chance(65) {
        let bias = b.bias(o);
        inputs.push(b.floats(&[o], &bias));
    }
    b.defaulted(&mut w.attributes, int("group", group as i64), group == 1);
    let shape = out(o, &w);
    Some(b.node("Conv", &inputs, w.attributes, shape))
}
