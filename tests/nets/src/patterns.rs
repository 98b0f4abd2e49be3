//! Parts that networks are built of, of several nodes: residual blocks, gates, branches that meet again.

use crate::build::{Builder, elems, int, ints};

/// A part of several nodes; its result, `None` where it cannot be had here.
pub type Part = fn(&mut Builder<'_>) -> Option<usize>;

/// Every part.
pub const PARTS: &[Part] = &[residual, gate, branches, stem, separable, head, detector, spectrum];

fn same_conv(b: &mut Builder<'_>, x: usize, o: usize, kernel: usize, group: usize) -> Option<usize> {
    let s = b.shape(x);
    let out = vec![s[0], o, s[2], s[3]];
    let work = o * s[0] * s[2] * s[3] * kernel * kernel * (s[1] / group);
    if !b.room(&out, work) {
        return None;
    }
    b.work += work;
    let shape = [o, s[1] / group, kernel, kernel];
    let data = b.weights(&shape, 0, shape[1] * kernel * kernel);
    let mut inputs = vec![b.name(x), b.floats(&shape, &data)];
    if b.s.chance(60) {
        let bias = b.bias(o);
        inputs.push(b.floats(&[o], &bias));
    }
    let half = (kernel / 2) as i64;
    let list = vec![ints("pads", [half; 4]), int("group", group as i64)];
    Some(b.node("Conv", &inputs, list, out))
}

fn activation(b: &mut Builder<'_>, x: usize) -> usize {
    let shape = b.shape(x);
    let op = b.s.pick(&["Relu", "Sigmoid", "LeakyRelu", "Tanh", "Relu", "HardSigmoid"]);
    b.apply(op, &[x], vec![], shape)
}

/// y = f(x) + x, with one or two convolutions.
fn residual(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let mut y = same_conv(b, x, s[1], 3, 1)?;
    if b.s.chance(60) {
        y = activation(b, y);
        let kernel = b.s.pick(&[1, 3]);
        y = same_conv(b, y, s[1], kernel, 1)?;
    }
    let pair = if b.s.chance(50) { [x, y] } else { [y, x] };
    let op = if b.s.chance(20) { "Sub" } else { "Add" };
    let y = b.apply(op, &pair, vec![], s);
    Some(if b.s.chance(60) { activation(b, y) } else { y })
}

/// x * sigmoid(conv(relu(conv(mean(x))))), the squeeze-and-excitation block (Hu, Shen and Sun, CVPR 2018).
fn gate(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let pooled = vec![s[0], s[1], 1, 1];
    let mut y = if b.s.chance(40) {
        let list = vec![int("keepdims", 1)];
        if b.opset >= 18 {
            let inputs = vec![b.name(x), b.integers(&[2, 3])];
            b.node("ReduceMean", &inputs, list, pooled)
        } else {
            b.apply("ReduceMean", &[x], [list, vec![ints("axes", [2, 3])]].concat(), pooled)
        }
    } else {
        b.apply("GlobalAveragePool", &[x], vec![], pooled)
    };
    if b.s.chance(60) {
        let inner = b.s.range(1, s[1].min(8));
        y = same_conv(b, y, inner, 1, 1)?;
        let shape = b.shape(y);
        y = b.apply("Relu", &[y], vec![], shape);
        y = same_conv(b, y, s[1], 1, 1)?;
    }
    let op = b.s.pick(&["Sigmoid", "HardSigmoid"]);
    let shape = b.shape(y);
    y = b.apply(op, &[y], vec![], shape);
    let pair = if b.s.chance(50) { [y, x] } else { [x, y] };
    Some(b.apply("Mul", &pair, vec![], s))
}

/// Two to four branches over one value, joined along the channels or summed.
fn branches(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let sum = b.s.chance(35);
    let mut parts = Vec::new();
    for _ in 0..b.s.range(2, 4) {
        let part = match b.s.below(6) {
            0..=2 => {
                let o = if sum { s[1] } else { b.s.range(1, 8) };
                let kernel = b.s.pick(&[1, 3, 5]);
                same_conv(b, x, o, kernel, 1)?
            }
            3 => activation(b, x),
            4 => b.apply("MaxPool", &[x], vec![ints("kernel_shape", [3, 3]), ints("pads", [1; 4])], s.clone()),
            _ => x,
        };
        parts.push(part);
    }
    if sum {
        return parts.into_iter().reduce(|x, y| b.apply("Add", &[x, y], vec![], s.clone()));
    }
    let channels = parts.iter().map(|&p| b.values[p].shape[1]).sum();
    let shape = vec![s[0], channels, s[2], s[3]];
    b.room(&shape, 0).then(|| b.apply("Concat", &parts, vec![int("axis", 1)], shape))
}

/// Convolution, activation, explicit padding, pool: how many classifiers begin.
fn stem(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let o = b.s.pick(&[4, 3, 8, 16]);
    let y = same_conv(b, x, o, 3, 1)?;
    let y = activation(b, y);
    let s = b.shape(y);
    let p = b.s.range(0, 2);
    let padded = vec![s[0], s[1], s[2] + 2 * p, s[3] + 2 * p];
    let pads = [0, 0, p as i64, p as i64, 0, 0, p as i64, p as i64];
    let y = if b.opset < 11 {
        b.apply("Pad", &[y], vec![ints("pads", pads)], padded.clone())
    } else {
        let inputs = vec![b.name(y), b.integers(&pads)];
        b.node("Pad", &inputs, vec![], padded.clone())
    };
    let (h, w) = (padded[2], padded[3]);
    let kernel = 2.min(h).min(w);
    let out = vec![s[0], s[1], (h - kernel) / 2 + 1, (w - kernel) / 2 + 1];
    let op = b.s.pick(&["MaxPool", "AveragePool"]);
    Some(b.apply(op, &[y], vec![ints("kernel_shape", [kernel as i64; 2]), ints("strides", [2, 2])], out))
}

/// A depthwise and a pointwise convolution with a clamp after each.
fn separable(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let c = b.values[x].shape[1];
    let y = same_conv(b, x, c, 3, c)?;
    let y = activation(b, y);
    let o = b.s.range(1, 24);
    let y = same_conv(b, y, o, 1, 1)?;
    Some(activation(b, y))
}

/// Global mean, flatten, dense, softmax.
fn head(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let y = b.apply("GlobalAveragePool", &[x], vec![], vec![s[0], s[1], 1, 1]);
    let y = b.apply("Flatten", &[y], vec![], vec![s[0], s[1]]);
    let n = b.s.range(2, 12);
    let data = b.weights(&[s[1], n], 1, s[1]);
    let inputs = vec![b.name(y), b.floats(&[s[1], n], &data)];
    let y = b.node("MatMul", &inputs, vec![], vec![s[0], n]);
    Some(if b.s.chance(70) { b.apply("Softmax", &[y], vec![int("axis", 1)], vec![s[0], n]) } else { y })
}

/// Boxes and scores of very different ranges in one tensor.
fn detector(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let boxes = same_conv(b, x, 4, 1, 1)?;
    let scores = same_conv(b, x, 2, 1, 1)?;
    let shape = b.shape(scores);
    let scores = b.apply("Sigmoid", &[scores], vec![], shape.clone());
    let factor = b.s.pick(&[1.0, 8.0]);
    let inputs = [b.name(boxes), b.scalar(factor)];
    let boxes = b.node("Mul", &inputs, vec![], vec![shape[0], 4, shape[2], shape[3]]);
    Some(b.apply("Concat", &[boxes, scores], vec![int("axis", 1)], vec![shape[0], 6, shape[2], shape[3]]))
}

/// The magnitude of two layers, as of real and imaginary parts, and often the logarithm of sums of it: how networks on sound begin.
fn spectrum(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(2..=3);
    let s = b.shape(x);
    let (last, bins) = (s[s.len() - 1], b.s.range(1, 24));
    let out = [&s[..s.len() - 1], &[bins]].concat();
    let work = 2 * elems(&out) * last;
    if !b.room(&out, work) {
        return None;
    }
    b.work += work;
    let squared = b.s.chance(50);
    let mut parts = Vec::new();
    for _ in 0..2 {
        let data = b.weights(&[last, bins], 1, last);
        let inputs = vec![b.name(x), b.floats(&[last, bins], &data)];
        let y = b.node("MatMul", &inputs, vec![], out.clone());
        parts.push(if squared {
            let inputs = vec![b.name(y), b.scalar(2.0)];
            b.node("Pow", &inputs, vec![], out.clone())
        } else {
            b.apply("Mul", &[y, y], vec![], out.clone())
        });
    }
    let y = b.apply("Add", &parts, vec![], out.clone());
    let y = b.apply("Sqrt", &[y], vec![], out.clone());
    if b.s.chance(30) {
        return Some(y);
    }
    let bands = b.s.range(1, 12);
    let to = [&s[..s.len() - 1], &[bands]].concat();
    let data = b.positive(bins * bands);
    let inputs = vec![b.name(y), b.floats(&[bins, bands], &data)];
    let y = b.node("MatMul", &inputs, vec![], to.clone());
    let inputs = vec![b.name(y), b.scalar(0.125)];
    let y = b.node("Add", &inputs, vec![], to.clone());
    Some(b.apply("Log", &[y], vec![], to))
}
