//! Constants: what they hold, and in which of ONNX's forms they are stored.

use crate::build::{Builder, Origin, Val, elems, float, int, ints, tensor};
use crate::source::Prng;
use mcompc_onnx::proto::{TensorProto, attr_type, data_type};

impl Builder<'_> {
    /// Weights of a layer: output channels on axis `axis`, so many products a sum. Mostly of the size that keeps values near 1.
    pub fn weights(&mut self, shape: &[usize], axis: usize, fan_in: usize) -> Vec<f32> {
        let kind = self.s.below(24);
        let channel = self.s.below(shape[axis]);
        let mut rng = self.s.data();
        let inner: usize = shape[axis + 1..].iter().product();
        let step = 1.7 / (fan_in.max(1) as f64).sqrt();
        let one = |rng: &mut Prng, at: usize| -> f64 {
            let c = at / inner % shape[axis];
            let v = step * (2.0 * rng.unit() - 1.0);
            match kind {
                // A channel of zeros, one that is tiny, one that is large.
                14 if c == channel => 0.0,
                15 if c % 2 == channel % 2 => 0.0,
                16 if c == channel => v * 1e-7,
                17 if c == channel => v * 300.0,
                // All of one sign; few that are not zero; two values only; tiny, large; no difference between channels.
                18 => v.abs(),
                19 => -v.abs(),
                20 => {
                    if rng.below(6) == 0 {
                        v
                    } else {
                        0.0
                    }
                }
                21 => {
                    if v > 0.0 {
                        step
                    } else {
                        -step
                    }
                }
                22 => v * 1e-3,
                23 => v * 50.0,
                _ => v,
            }
        };
        (0..elems(shape)).map(|i| one(&mut rng, i) as f32).collect()
    }

    /// A bias of `n` elements: mostly of the size of the values, sometimes zero, or so low that a Relu behind it is dead.
    pub fn bias(&mut self, n: usize) -> Vec<f32> {
        let kind = self.s.below(12);
        let mut rng = self.s.data();
        let one = |rng: &mut Prng| match kind {
            8 => 0.0,
            9 => -20.0,
            10 => 6.0 * rng.normal(),
            11 => 1e-4 * rng.normal(),
            _ => 0.5 * rng.normal(),
        };
        (0..n).map(|_| one(&mut rng) as f32).collect()
    }

    /// Positive numbers near 1: variances, divisors, scales.
    pub fn positive(&mut self, n: usize) -> Vec<f32> {
        let mut rng = self.s.data();
        (0..n).map(|_| (0.25 + 1.5 * rng.unit()) as f32).collect()
    }

    /// Numbers of either sign.
    pub fn numbers(&mut self, n: usize) -> Vec<f32> {
        let mut rng = self.s.data();
        (0..n).map(|_| rng.normal() as f32).collect()
    }

    /// A value that is constant, as an operand like others.
    pub fn constant_value(&mut self, shape: Vec<usize>) -> usize {
        let data = self.numbers(elems(&shape));
        let name = self.floats(&shape, &data);
        // Constant nodes are values already.
        if let Some(at) = self.values.iter().position(|v| v.name == name) {
            return at;
        }
        self.values.push(Val { name, shape, origin: Origin::Constant, readers: 0 });
        self.values.len() - 1
    }

    /// The name of a float constant, stored in one of ONNX's ways.
    pub fn floats(&mut self, shape: &[usize], data: &[f32]) -> String {
        match self.s.below(16) {
            12 => {
                let name = self.fresh("c");
                self.tensors.push(TensorProto { float_data: data.to_vec(), ..header(&name, shape, data_type::FLOAT) });
                name
            }
            13 => {
                let t = raw("", shape, data);
                self.constant_node(vec![tensor("value", t)], shape)
            }
            14 if self.opset >= 12 && shape.is_empty() => self.constant_node(vec![float("value_float", data[0])], shape),
            14 if self.opset >= 12 && shape.len() == 1 => {
                let a = mcompc_onnx::proto::AttributeProto {
                    name: Some("value_floats".into()),
                    r#type: Some(attr_type::FLOATS),
                    floats: data.to_vec(),
                    ..Default::default()
                };
                self.constant_node(vec![a], shape)
            }
            15 => {
                // The end of a chain of nodes without an input.
                let name = self.initializer(shape, data);
                let op = if self.s.chance(50) { "Identity" } else { "Dropout" };
                let v = self.node(op, &[name], vec![], shape.to_vec());
                self.values[v].origin = Origin::Constant;
                self.name(v)
            }
            _ => self.initializer(shape, data),
        }
    }

    /// A plain initializer.
    pub fn initializer(&mut self, shape: &[usize], data: &[f32]) -> String {
        let name = self.fresh("c");
        self.tensors.push(raw(&name, shape, data));
        name
    }
    /// An integer that has no dimensions.
    pub fn integer(&mut self, v: i64) -> String {
        let name = self.fresh("i");
        self.tensors.push(TensorProto { int64_data: vec![v], ..header(&name, &[], data_type::INT64) });
        name
    }

    /// The name of a list of integers: shapes, axes, pads.
    pub fn integers(&mut self, data: &[i64]) -> String {
        let form = self.s.below(8);
        if form == 7 && self.opset >= 12 && !data.is_empty() {
            return self.constant_node(vec![ints("value_ints", data.iter().copied())], &[data.len()]);
        }
        let name = self.fresh("i");
        let t = header(&name, &[data.len()], data_type::INT64);
        let t = if form == 6 {
            let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
            TensorProto { raw_data: Some(bytes.into()), ..t }
        } else {
            TensorProto { int64_data: data.to_vec(), ..t }
        };
        self.tensors.push(t);
        name
    }

    /// An initializer of integers of any shape.
    pub fn long_tensor(&mut self, shape: &[usize], data: &[i64]) -> String {
        let name = self.fresh("i");
        let t = header(&name, shape, data_type::INT64);
        self.tensors.push(TensorProto { int64_data: data.to_vec(), ..t });
        name
    }

    /// One truth value.
    pub fn truth(&mut self, value: bool) -> String {
        let name = self.fresh("b");
        let t = header(&name, &[], data_type::BOOL);
        self.tensors.push(TensorProto { int32_data: vec![i32::from(value)], ..t });
        name
    }

    fn constant_node(&mut self, attributes: Vec<mcompc_onnx::proto::AttributeProto>, shape: &[usize]) -> String {
        let v = self.node("Constant", &[], attributes, shape.to_vec());
        let val = self.values.remove(v);
        // Lists of integers are no operands; float constants are put in the list of values by those who want that.
        val.name
    }

    /// An initializer of booleans.
    pub fn truths(&mut self, shape: &[usize], data: &[bool]) -> String {
        let name = self.fresh("b");
        let t = header(&name, shape, data_type::BOOL);
        self.tensors.push(TensorProto { int32_data: data.iter().map(|&v| v.into()).collect(), ..t });
        name
    }

    /// A scalar that is stored as an attribute or an input may be left out where it is the default.
    pub fn scalar(&mut self, v: f32) -> String {
        self.floats(&[], &[v])
    }
}

fn header(name: &str, shape: &[usize], data_type: i32) -> TensorProto {
    let name = Some(name.to_string()).filter(|n| !n.is_empty());
    TensorProto { name, dims: shape.iter().map(|&d| d as i64).collect(), data_type: Some(data_type), ..Default::default() }
}

fn raw(name: &str, shape: &[usize], data: &[f32]) -> TensorProto {
    let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto { raw_data: Some(bytes.into()), ..header(name, shape, data_type::FLOAT) }
}

/// A seed attribute, which has no influence on inference.
pub fn seed(v: i64) -> mcompc_onnx::proto::AttributeProto {
    int("seed", v)
}
