//! Operators that change the size of images.

use crate::build::{Builder, elems, float, int, ints, longs, string};

pub fn depth_to_space(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.find(|v| v.shape.len() == 4 && v.shape[1].is_multiple_of(4))?;
    let s = b.shape(x);
    let mut list = vec![int("blocksize", 2)];
    if b.opset >= 11 {
        let mode = b.s.pick(&["DCR", "CRD"]);
        b.defaulted(&mut list, string("mode", mode), mode == "DCR");
    }
    Some(b.apply("DepthToSpace", &[x], list, vec![s[0], s[1] / 4, s[2] * 2, s[3] * 2]))
}

pub fn space_to_depth(b: &mut Builder<'_>) -> Option<usize> {
    let even = |d: usize| d.is_multiple_of(2);
    let x = b.find(|v| v.shape.len() == 4 && even(v.shape[2]) && even(v.shape[3]))?;
    let s = b.shape(x);
    Some(b.apply("SpaceToDepth", &[x], vec![int("blocksize", 2)], vec![s[0], s[1] * 4, s[2] / 2, s[3] / 2]))
}

pub fn resize(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let mode = b.s.pick(&["nearest", "nearest", "linear"]);
    let out: Vec<usize> =
        s.iter().enumerate().map(|(i, &d)| if i < 2 { d } else { b.s.pick(&[2 * d, d, d + 3, 3 * d, d.div_ceil(2)]) }).collect();
    let work = if mode == "linear" { elems(&out) * (s[2] + s[3]) } else { 0 };
    if !b.room(&out, work) {
        return None;
    }
    b.work += work;
    let mut list = Vec::new();
    b.defaulted(&mut list, string("mode", mode), mode == "nearest");
    if b.opset < 11 {
        let scales: Vec<f32> = vec![1.0, 1.0, 2.0, 3.0];
        let out = vec![s[0], s[1], 2 * s[2], 3 * s[3]];
        if !b.room(&out, elems(&out) * (s[2] + s[3])) {
            return None;
        }
        let inputs = [b.name(x), b.floats(&[4], &scales)];
        return Some(b.node("Resize", &inputs, list, out));
    }
    let way = b.s.pick(&["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]);
    b.defaulted(&mut list, string("coordinate_transformation_mode", way), way == "half_pixel");
    if mode == "nearest" {
        let rule = b.s.pick(&["floor", "round_prefer_floor", "ceil"]);
        b.defaulted(&mut list, string("nearest_mode", rule), rule == "round_prefer_floor");
    }
    let inputs = [b.name(x), String::new(), String::new(), b.integers(&longs(&out))];
    // Opset 11 asks for both of those that later ones leave out.
    (b.opset >= 13).then(|| b.node("Resize", &inputs, list, out))
}

pub fn upsample(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let out = vec![s[0], s[1], 2 * s[2], 2 * s[3]];
    if b.opset >= 10 || !b.room(&out, 0) {
        return None;
    }
    let scales = [1.0, 1.0, 2.0, 2.0];
    if b.opset < 9 {
        let mut attribute = float("scales", 0.0);
        (attribute.r#type, attribute.f, attribute.floats) = (Some(mcompc_onnx::proto::attr_type::FLOATS), None, scales.to_vec());
        return Some(b.apply("Upsample", &[x], vec![attribute], out));
    }
    let inputs = [b.name(x), b.floats(&[4], &scales)];
    Some(b.node("Upsample", &inputs, vec![], out))
}

pub fn conv_transpose(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(4..=4);
    let s = b.shape(x);
    let (k, stride, pad) = (b.s.range(1, 4), b.s.range(1, 3), b.s.below(2));
    let o = b.s.range(1, 6);
    let size = |n: usize| (stride * (n - 1) + k).checked_sub(2 * pad).filter(|&m| m > 0);
    let out = vec![s[0], o, size(s[2])?, size(s[3])?];
    let work = elems(&out) * s[1] * k * k;
    if !b.room(&out, work) || !b.room(&[s[0], s[1], s[2] * stride, s[3] * stride], 0) {
        return None;
    }
    b.work += work;
    let data = b.weights(&[s[1], o, k, k], 0, s[1] * k * k);
    let mut inputs = vec![b.name(x), b.floats(&[s[1], o, k, k], &data)];
    if b.s.chance(50) {
        let bias = b.bias(o);
        inputs.push(b.floats(&[o], &bias));
    }
    let mut list = Vec::new();
    b.defaulted(&mut list, ints("strides", [stride as i64; 2]), stride == 1);
    b.defaulted(&mut list, ints("pads", [pad as i64; 4]), pad == 0);
    Some(b.node("ConvTranspose", &inputs, list, out))
}
