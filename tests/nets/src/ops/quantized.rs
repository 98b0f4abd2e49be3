//! Operators on codes. Scales are powers of two and what is quantized is an input of the graph: then every executor rounds the same number,
//! and a tie is a tie for all of them.

use crate::build::{Builder, Origin, elems, int, ints};
use mcompc_onnx::proto::{NodeProto, TensorProto, data_type};

/// A tensor in codes, with the names of its scale and zero point.
pub(super) struct Coded {
    pub codes: String,
    pub scale: String,
    pub zero: String,
    step: f32,
    signed: bool,
}

pub(super) fn whole(b: &mut Builder<'_>, kind: i32, shape: &[usize], data: Vec<i32>) -> String {
    let name = b.fresh("q");
    let dims = shape.iter().map(|&d| d as i64).collect();
    b.tensors.push(TensorProto { name: Some(name.clone()), dims, data_type: Some(kind), int32_data: data, ..Default::default() });
    name
}

fn step(b: &mut Builder<'_>, finest: i32) -> f32 {
    let exponent = b.s.range(0, 3) as i32;
    f32::from_bits(((127 + exponent + finest) as u32) << 23)
}

/// Scale and zero point of an activation, and the type of its codes.
fn affine(b: &mut Builder<'_>, step: f32, signed: bool) -> (String, String) {
    let zero = if signed { b.s.pick(&[0, -128, 7, 127]) } else { b.s.pick(&[0, 128, 3, 255]) };
    let scale = b.scalar(step);
    (scale, whole(b, if signed { data_type::INT8 } else { data_type::UINT8 }, &[], vec![zero]))
}

/// A node whose result is codes, which no other row may read.
fn raw(b: &mut Builder<'_>, op: &str, input: Vec<String>, attribute: Vec<mcompc_onnx::proto::AttributeProto>) -> String {
    let (name, out) = (b.fresh(&format!("{op}_")), b.fresh("t"));
    for v in b.values.iter_mut().filter(|v| input.contains(&v.name)) {
        v.readers += 1;
    }
    b.nodes.push(NodeProto {
        op_type: Some(op.into()),
        name: Some(name),
        input,
        output: vec![out.clone()],
        attribute,
        ..Default::default()
    });
    out
}

/// Codes of an input of the graph with so many dimensions.
fn codes(b: &mut Builder<'_>, ranks: std::ops::RangeInclusive<usize>) -> (Coded, Vec<usize>) {
    let x = b.find(|v| v.origin == Origin::Input && ranks.contains(&v.shape.len())).unwrap_or_else(|| {
        let shape = b.new_shape(&ranks);
        b.input(shape)
    });
    let (step, signed) = (step(b, -6), b.s.chance(50));
    let ((scale, zero), shape) = (affine(b, step, signed), b.shape(x));
    let input = vec![b.name(x), scale.clone(), zero.clone()];
    (Coded { codes: raw(b, "QuantizeLinear", input, vec![]), scale, zero, step, signed }, shape)
}

fn reals(b: &mut Builder<'_>, c: Coded, shape: Vec<usize>) -> Option<usize> {
    let y = b.node("DequantizeLinear", &[c.codes, c.scale, c.zero], vec![], shape);
    b.values[y].origin = Origin::Computed;
    Some(y)
}

/// Weight codes around 0 with one scale.
pub(super) fn weights(b: &mut Builder<'_>, shape: &[usize]) -> Coded {
    let most = b.s.pick(&[3, 20, 127]);
    let mut rng = b.s.data();
    let data = (0..elems(shape)).map(|_| (f64::from(most) * (2.0 * rng.unit() - 1.0)).round() as i32).collect();
    let step = step(b, -9);
    let (codes, scale, zero) = (whole(b, data_type::INT8, shape, data), b.scalar(step), whole(b, data_type::INT8, &[], vec![0]));
    Coded { codes, scale, zero, step, signed: true }
}

/// Codes of a result of sums of `x` times `w`.
fn result(
    b: &mut Builder<'_>,
    op: &str,
    x: &Coded,
    w: Coded,
    bias: Option<String>,
    attributes: Vec<mcompc_onnx::proto::AttributeProto>,
) -> Coded {
    let step = x.step * w.step * b.s.pick(&[16.0, 64.0, 256.0]);
    // ONNX Runtime has results of the operand's type only.
    let (scale, zero) = affine(b, step, x.signed);
    let mut input = vec![x.codes.clone(), x.scale.clone(), x.zero.clone(), w.codes, w.scale, w.zero, scale.clone(), zero.clone()];
    input.extend(bias);
    Coded { codes: raw(b, op, input, attributes), scale, zero, step, signed: x.signed }
}

pub fn quantize(b: &mut Builder<'_>) -> Option<usize> {
    let (c, shape) = codes(b, 1..=5);
    reals(b, c, shape)
}

/// A constant in codes, added to something.
pub fn dequantize(b: &mut Builder<'_>) -> Option<usize> {
    let x = b.operand(1..=5);
    let shape = b.shape(x);
    let n = shape.last().copied()?;
    let c = weights(b, &[n]);
    let k = b.node("DequantizeLinear", &[c.codes, c.scale, c.zero], vec![], vec![n]);
    Some(b.apply("Add", &[x, k], vec![], shape))
}

pub fn conv(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = codes(b, 4..=4);
    let (o, k) = (b.s.pick(&[1, 3, 8, 17]), b.s.range(1, 3.min(s[2]).min(s[3])));
    let pad = if k == 3 && b.s.chance(50) { 1 } else { 0 };
    let shape = vec![s[0], o, s[2] + 2 * pad - k + 1, s[3] + 2 * pad - k + 1];
    let work = elems(&shape) * s[1] * k * k;
    if !b.room(&shape, work) {
        return None;
    }
    b.work += work;
    let w = weights(b, &[o, s[1], k, k]);
    let bias = b.s.chance(60).then(|| {
        let mut rng = b.s.data();
        let data = (0..o).map(|_| (900.0 * rng.normal()) as i32).collect();
        whole(b, data_type::INT32, &[o], data)
    });
    let attributes = vec![ints("pads", [pad as i64; 4]), int("group", 1)];
    let y = result(b, "QLinearConv", &x, w, bias, attributes);
    reals(b, y, shape)
}

pub fn matmul(b: &mut Builder<'_>) -> Option<usize> {
    let (x, s) = codes(b, 2..=2);
    let n = b.s.pick(&[1, 4, 10, 17]);
    if !b.room(&[s[0], n], elems(&s) * n) {
        return None;
    }
    b.work += elems(&s) * n;
    let w = weights(b, &[s[1], n]);
    let y = result(b, "QLinearMatMul", &x, w, None, vec![]);
    reals(b, y, vec![s[0], n])
}
