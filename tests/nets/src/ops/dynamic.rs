//! Products of codes whose scale is computed at run time. What is quantized lies on a grid from end to end, so that the scale of run time is the
//! grid's step and rounds nothing: the compiler, which chooses scales itself, rounds nothing there either.

use super::quantized::{weights, whole};
use crate::build::{Builder, Origin, elems, int, ints};
use mcompc_onnx::proto::{AttributeProto, data_type};

/// Reals on a grid of 256 steps, both ends among them at the end of each row; with their shape.
fn gridded(b: &mut Builder<'_>, rank: usize) -> (String, Vec<usize>) {
    let x = b.find(|v| v.origin == Origin::Input && v.shape.len() == rank).unwrap_or_else(|| {
        let shape = b.shape_of_rank(rank);
        b.input(shape)
    });
    let mut shape = b.shape(x);
    let step = b.s.pick(&[1.0 / 64.0, 1.0 / 32.0]);
    let (scale, zero) = (b.scalar(step), whole(b, data_type::INT8, &[], vec![0]));
    let codes = b.hidden("QuantizeLinear", &[b.name(x), scale.clone(), zero.clone()], vec![], shape.clone());
    let reals = b.hidden("DequantizeLinear", &[codes, scale, zero], vec![], shape.clone());
    let mut ends = shape.clone();
    ends[rank - 1] = 2;
    let data: Vec<f32> = (0..elems(&ends)).map(|i| if i % 2 == 0 { -128.0 * step } else { 127.0 * step }).collect();
    let ends = b.floats(&ends, &data);
    shape[rank - 1] += 2;
    (b.hidden("Concat", &[reals, ends], vec![int("axis", rank as i64 - 1)], shape.clone()), shape)
}

/// DynamicQuantizeLinear, an integer product with weights of shape `w`, and the scales taken back.
fn product(
    b: &mut Builder<'_>,
    op: &str,
    x: String,
    shape: &[usize],
    w: &[usize],
    attributes: Vec<AttributeProto>,
    out: Vec<usize>,
) -> Option<usize> {
    if b.opset < 11 || !b.room(&out, 0) {
        return None;
    }
    let coded = weights(b, w);
    let (codes, scale, zero) = (b.fresh("q"), b.fresh("s"), b.fresh("z"));
    b.hidden("DynamicQuantizeLinear", &[x], vec![], shape.to_vec());
    b.nodes.last_mut()?.output = vec![codes.clone(), scale.clone(), zero.clone()];
    let sums = b.hidden(op, &[codes, coded.codes, zero, coded.zero], attributes, out.clone());
    let floats = b.hidden("Cast", &[sums], vec![int("to", data_type::FLOAT.into())], out.clone());
    let factor = b.hidden("Mul", &[scale, coded.scale], vec![], vec![]);
    let y = b.node("Mul", &[floats, factor], vec![], out);
    b.values[y].origin = Origin::Computed;
    Some(y)
}

pub fn matmul(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = gridded(b, 2);
    let n = b.s.pick(&[1, 4, 10, 17]);
    b.work += elems(&s) * n;
    product(b, "MatMulInteger", x, &s, &[s[1], n], vec![], vec![s[0], n])
}

pub fn conv(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = gridded(b, 4);
    let o = b.s.pick(&[1, 3, 8, 17]);
    let k = if s[2] >= 3 && b.s.chance(50) { 3 } else { 1 };
    let out = vec![s[0], o, s[2], s[3]];
    b.work += elems(&out) * s[1] * k * k;
    let pad = if k == 3 { 1 } else { 0 };
    product(b, "ConvInteger", x, &s, &[o, s[1], k, k], vec![ints("pads", [pad; 4])], out)
}
