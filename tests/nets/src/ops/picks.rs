//! Elements and rows by constant indices, running sums and products, products of any dimensions, sampled images.

use crate::build::{Builder, elems, int, ints, longs, string};

/// A constant of integers of this shape, each below `n`.
fn places(b: &mut Builder<'_>, shape: &[usize], n: impl Fn(usize) -> usize) -> String {
    let at: Vec<i64> = (0..elems(shape)).map(|k| b.s.below(n(k)) as i64).collect();
    b.long_tensor(shape, &at)
}

/// A value of few elements.
fn small(b: &mut Builder<'_>, ranks: std::ops::RangeInclusive<usize>) -> Option<(usize, Vec<usize>)> {
    let v = b.find(|v| ranks.contains(&v.shape.len()) && elems(&v.shape) <= 60);
    let v = match v {
        Some(v) => v,
        None => {
            let mut shape = vec![2; *ranks.start()];
            shape[0] = b.s.range(2, 4);
            b.input(shape)
        }
    };
    Some((v, b.shape(v)))
}

pub fn gather_elements(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = small(b, 1..=4)?;
    let at = b.s.below(s.len());
    let mut to = s.clone();
    to[at] = b.s.range(1, 3);
    let index = places(b, &to, |_| s[at]);
    let inputs = [b.name(x), index];
    let list = vec![int("axis", b.axis(at, s.len()))];
    Some(b.node("GatherElements", &inputs, list, to))
}

pub fn gather_nd(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = small(b, 2..=4)?;
    let (n, depth) = (b.s.range(1, 4), b.s.range(1, s.len()));
    let index = places(b, &[n, depth], |k| s[k % depth]);
    let inputs = [b.name(x), index];
    Some(b.node("GatherND", &inputs, vec![], [&[n], &s[depth..]].concat()))
}

fn scatter(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let (x, s) = small(b, 1..=4)?;
    let at = b.s.below(s.len());
    let mut to: Vec<usize> = s.clone();
    to[at] = 1;
    let index = places(b, &to, |_| s[at]);
    let data = b.numbers(elems(&to));
    let inputs = [b.name(x), index, b.floats(&to, &data)];
    let mut list = vec![int("axis", b.axis(at, s.len()))];
    if op == "ScatterElements" && b.opset >= 16 && b.s.chance(40) {
        list.push(string("reduction", "add"));
    }
    Some(b.node(op, &inputs, list, s))
}

pub fn scatter_elements(b: &mut Builder<'_>) -> Option<usize> {
    scatter(b, "ScatterElements")
}

/// The old name, which opset 11 took away.
pub fn old_scatter(b: &mut Builder<'_>) -> Option<usize> {
    if b.opset >= 11 { None } else { scatter(b, "Scatter") }
}

pub fn scatter_nd(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = small(b, 2..=4)?;
    let n = b.s.range(1, 3);
    let index = places(b, &[n, 1], |_| s[0]);
    let to = [&[n], &s[1..]].concat();
    let data = b.numbers(elems(&to));
    let inputs = [b.name(x), index, b.floats(&to, &data)];
    let mut list = Vec::new();
    if b.opset >= 16 && b.s.chance(40) {
        list.push(string("reduction", "add"));
    }
    Some(b.node("ScatterND", &inputs, list, s))
}

/// Newer than the networks' operator sets.
pub fn newer(_: &mut Builder<'_>) -> Option<usize> {
    None
}

pub fn compress(b: &mut Builder<'_>) -> Option<usize> {
    let (x, mut s) = small(b, 1..=4)?;
    let at = b.s.below(s.len());
    let mut kept: Vec<bool> = (0..s[at]).map(|_| b.s.chance(60)).collect();
    kept[0] = true;
    let (axis, n) = (b.axis(at, s.len()), kept.iter().filter(|k| **k).count());
    let inputs = [b.name(x), b.truths(&[kept.len()], &kept)];
    s[at] = n;
    Some(b.node("Compress", &inputs, vec![int("axis", axis)], s))
}

pub fn reverse(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = small(b, 2..=4)?;
    let batch = b.s.below(2);
    let lengths: Vec<i64> = (0..s[batch]).map(|_| b.s.range(1, s[1 - batch]) as i64).collect();
    let inputs = [b.name(x), b.integers(&lengths)];
    Some(b.node("ReverseSequence", &inputs, vec![int("batch_axis", batch as i64), int("time_axis", 1 - batch as i64)], s))
}

pub fn center(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=4);
    let s = b.shape(x);
    let to: Vec<usize> = s.iter().map(|&d| b.s.range(d.saturating_sub(2).max(1), d + 2)).collect();
    if !b.room(&to, 0) {
        return None;
    }
    let inputs = [b.name(x), b.integers(&longs(&to))];
    Some(b.node("CenterCropPad", &inputs, vec![], to))
}

pub fn cum_sum(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=4);
    let s = b.shape(x);
    let at = b.s.below(s.len());
    if !b.room(&s, elems(&s) * s[at]) {
        return None;
    }
    b.work += elems(&s) * s[at];
    let (mut list, axis) = (Vec::new(), b.axis(at, s.len()));
    let inputs = [b.name(x), b.integers(&[axis])];
    for name in ["exclusive", "reverse"] {
        let on = b.s.chance(30);
        b.defaulted(&mut list, int(name, i64::from(on)), !on);
    }
    Some(b.node("CumSum", &inputs, list, s))
}

pub fn product(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = small(b, 1..=3)?;
    let at = b.s.below(s.len());
    let axis = b.axis(at, s.len());
    let mut to = s;
    to[at] = 1;
    let mut inputs = vec![b.name(x)];
    let mut list = Vec::new();
    if b.opset >= 18 {
        let axes = b.integers(&[axis]);
        inputs.push(axes);
    } else {
        list.push(ints("axes", vec![axis]));
    }
    Some(b.node("ReduceProd", &inputs, list, to))
}

pub fn einsum(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(3..=3);
    let s = b.shape(x);
    let n = b.s.range(1, 6);
    let (equation, with, to) = match b.s.below(4) {
        0 => ("abc->cab", vec![], vec![s[2], s[0], s[1]]),
        1 => ("abc->b", vec![], vec![s[1]]),
        2 => ("abc,cd->abd", vec![s[2], n], vec![s[0], s[1], n]),
        _ => ("abc,abd->acd", vec![s[0], s[1], n], vec![s[0], s[2], n]),
    };
    let work = elems(&s) * n;
    if !b.room(&to, work) {
        return None;
    }
    b.work += work;
    let mut inputs = vec![b.name(x)];
    if !with.is_empty() {
        let data = b.weights(&with, 0, s[2]);
        inputs.push(b.floats(&with, &data));
    }
    Some(b.node("Einsum", &inputs, vec![string("equation", equation)], to))
}

pub fn lp_pool(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.find(|v| v.shape.len() == 4 && v.shape[2] >= 2 && v.shape[3] >= 2)?;
    let s = b.shape(x);
    let p = b.s.pick(&[1, 2]);
    let list = vec![ints("kernel_shape", vec![2, 2]), int("p", p)];
    Some(b.apply("LpPool", &[x], list, vec![s[0], s[1], s[2] - 1, s[3] - 1]))
}

pub fn global_lp_pool(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    Some(b.apply("GlobalLpPool", &[x], vec![], vec![s[0], s[1], 1, 1]))
}

/// Transforms of a sequence [N, length, 1].
pub fn dft(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.find(|v| v.shape.len() == 3 && v.shape[2] == 1 && v.shape[1] <= 16)?;
    let s = b.shape(x);
    let half = b.s.chance(50);
    let (mut inputs, mut list) = (vec![b.name(x)], vec![int("onesided", i64::from(half))]);
    if b.opset >= 20 {
        let axis = b.integers(&[1]);
        inputs.extend([String::new(), axis]);
    } else {
        list.push(int("axis", 1));
    }
    Some(b.node("DFT", &inputs, list, vec![s[0], if half { s[1] / 2 + 1 } else { s[1] }, 2]))
}

pub fn stft(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.find(|v| v.shape.len() == 2 && v.shape[1] >= 12)?;
    let s = b.shape(x);
    let (step, frame) = (b.s.range(2, 5), b.s.range(4, 10));
    let frames = (s[1] - frame) / step + 1;
    let to = vec![s[0], frames, frame / 2 + 1, 2];
    if !b.room(&to, elems(&to) * frame) {
        return None;
    }
    b.work += elems(&to) * frame;
    let inputs = [b.name(x), b.integer(step as i64), String::new(), b.integer(frame as i64)];
    Some(b.node("STFT", &inputs, vec![], to))
}

pub fn grid_sample(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let (h, w) = (b.s.range(1, 3), b.s.range(1, 3));
    let work = elems(&s) * h * w;
    if s[0] * s[2] * s[3] * h * w > 4000 || !b.room(&[s[0], s[1], h, w], work) {
        return None;
    }
    b.work += work;
    let grid = [s[0], h, w, 2];
    let at = b.numbers(elems(&grid));
    let inputs = [b.name(x), b.floats(&grid, &at)];
    let (mode, pad) = (b.s.pick(&["bilinear", "nearest", "bicubic"]), b.s.pick(&["zeros", "border", "reflection"]));
    let mode = if b.opset >= 20 { mode.trim_start_matches("bi") } else { mode };
    let list = vec![string("mode", mode), string("padding_mode", pad), int("align_corners", i64::from(b.s.chance(50)))];
    Some(b.node("GridSample", &inputs, list, vec![s[0], s[1], h, w]))
}

pub fn affine_grid(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.find(|v| v.shape.len() == 3 && v.shape[1] == 2 && v.shape[2] == 3)?;
    let n = b.shape(x)[0];
    let (h, w) = (b.s.range(1, 4), b.s.range(1, 4));
    let inputs = [b.name(x), b.integers(&longs(&[n, 1, h, w]))];
    let align = b.s.chance(50);
    Some(b.node("AffineGrid", &inputs, vec![int("align_corners", i64::from(align))], vec![n, h, w, 2]))
}

/// Losses of scores and constant classes, one by one: a mean divides.
fn loss(b: &mut Builder<'_>, op: &str) -> Option<usize> {
    let x = b.operand(2..=3);
    let s = b.shape(x);
    let target: Vec<usize> = [&s[..1], &s[2..]].concat();
    let classes = places(b, &target, |_| s[1]);
    let inputs = [b.name(x), classes];
    Some(b.node(op, &inputs, vec![string("reduction", "none")], target))
}

pub fn likelihood(b: &mut Builder<'_>) -> Option<usize> {
    loss(b, "NegativeLogLikelihoodLoss")
}

pub fn cross_entropy(b: &mut Builder<'_>) -> Option<usize> {
    loss(b, "SoftmaxCrossEntropyLoss")
}
