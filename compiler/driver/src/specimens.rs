//! Generated layers that cost tables are measured on: each operator in several shapes, with random constants.

use mcompc_ir::{Attrs, Codes, DType, Graph, Output, Quant, Result, Tensor, Value};

/// One generated layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specimen {
    /// Image h x w x c, o output channels, k x k window, stride; padded so that the size is divided by the stride.
    Conv(usize, usize, usize, usize, usize, usize),
    /// Image h x w x c, k x k window, stride; padded likewise.
    Depthwise(usize, usize, usize, usize, usize),
    /// Inputs, outputs.
    Dense(usize, usize),
    /// Elements.
    Add(usize),
    /// Image h x w x c over its whole area.
    Average(usize, usize, usize),
    /// Image h x w x c, 2x2 windows.
    Max(usize, usize, usize),
    /// Elements of one row.
    Softmax(usize),
    /// Elements.
    Lut(usize),
}

impl Specimen {
    /// In words, for tables.
    pub fn describe(self) -> String {
        match self {
            Self::Conv(h, w, c, o, k, s) => format!("conv {h}x{w}x{c} to {o}, {k}x{k}, stride {s}"),
            Self::Depthwise(h, w, c, k, s) => format!("depthwise {h}x{w}x{c}, {k}x{k}, stride {s}"),
            Self::Dense(k, o) => format!("dense {k} to {o}"),
            Self::Add(n) => format!("add {n}"),
            Self::Average(h, w, c) => format!("average {h}x{w}x{c}"),
            Self::Max(h, w, c) => format!("max {h}x{w}x{c}, 2x2"),
            Self::Softmax(n) => format!("softmax {n}"),
            Self::Lut(n) => format!("table {n}"),
        }
    }
}

/// What is measured: inner products long and short, few and many pixels, edges and none.
pub const SPECIMENS: &[Specimen] = &[
    Specimen::Conv(25, 5, 64, 64, 1, 1),
    Specimen::Conv(6, 6, 128, 128, 1, 1),
    Specimen::Conv(24, 24, 16, 32, 1, 1),
    Specimen::Conv(3, 3, 256, 256, 1, 1),
    Specimen::Conv(12, 12, 20, 36, 1, 1),
    Specimen::Conv(16, 16, 8, 16, 1, 1),
    Specimen::Conv(16, 16, 32, 64, 1, 2),
    Specimen::Conv(16, 16, 16, 16, 3, 1),
    Specimen::Conv(8, 8, 64, 64, 3, 1),
    Specimen::Conv(16, 16, 16, 32, 3, 2),
    Specimen::Conv(10, 10, 32, 24, 3, 1),
    Specimen::Conv(24, 24, 3, 8, 3, 2),
    Specimen::Conv(32, 32, 3, 16, 3, 1),
    Specimen::Conv(28, 28, 1, 8, 5, 1),
    Specimen::Depthwise(25, 5, 64, 3, 1),
    Specimen::Depthwise(24, 24, 16, 3, 1),
    Specimen::Depthwise(24, 24, 32, 3, 2),
    Specimen::Depthwise(6, 6, 128, 3, 1),
    Specimen::Depthwise(3, 3, 256, 3, 1),
    Specimen::Depthwise(12, 12, 24, 5, 1),
    Specimen::Dense(640, 128),
    Specimen::Dense(128, 128),
    Specimen::Dense(128, 8),
    Specimen::Dense(8, 128),
    Specimen::Dense(64, 12),
    Specimen::Dense(256, 10),
    Specimen::Add(4096),
    Specimen::Add(1000),
    Specimen::Average(25, 5, 64),
    Specimen::Average(8, 8, 64),
    Specimen::Average(3, 3, 256),
    Specimen::Max(16, 16, 16),
    Specimen::Max(8, 8, 32),
    Specimen::Softmax(12),
    Specimen::Softmax(200),
    Specimen::Lut(1024),
    Specimen::Lut(4000),
];

/// A small reproducible generator.
struct Random(u64);

impl Random {
    fn next(&mut self, lo: i64, hi: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lo + ((self.0 >> 33) as i64).rem_euclid(hi - lo + 1)
    }
    fn bytes(&mut self, n: usize) -> Vec<i8> {
        (0..n).map(|_| self.next(-i64::from(Codes::I8.max()), Codes::I8.max().into()) as i8).collect()
    }
    fn words(&mut self, n: usize, lo: i64, hi: i64) -> Vec<i32> {
        (0..n).map(|_| self.next(lo, hi) as i32).collect()
    }
}

fn rescaled() -> Attrs {
    Attrs::new().with("pre", 0i64).with("shift", 6i64).with("lo", -128i64).with("hi", 127i64)
}

fn windowed(a: Attrs, stride: usize, pads: [i64; 4]) -> Attrs {
    a.with("strides", vec![stride as i64; 2]).with("pads", pads.to_vec())
}

/// An integer graph with one input and one output a layer.
///
/// # Errors
/// Those of shape inference, for a layer that is none.
pub fn graph(layers: &[Specimen]) -> Result<Graph> {
    let mut r = Random(11);
    let mut g = Graph::new("layers");
    for (i, &layer) in layers.iter().enumerate() {
        let shape = match layer {
            Specimen::Conv(h, w, c, ..) | Specimen::Depthwise(h, w, c, ..) | Specimen::Average(h, w, c) | Specimen::Max(h, w, c) => {
                vec![1, h, w, c]
            }
            Specimen::Dense(n, _) | Specimen::Add(n) | Specimen::Softmax(n) | Specimen::Lut(n) => vec![1, n],
        };
        let x = g.add_input(Value::new(format!("x{i}"), DType::I8, shape).with_quant(0.05, Codes::I8.min()));
        let constant = |g: &mut Graph, name: &str, t: Tensor| g.add_const(format!("{name}{i}"), t);
        // Weights [o, k, k, per], biases, multipliers.
        let linear = |g: &mut Graph, shape: Vec<usize>, r: &mut Random| -> Result<Vec<_>> {
            let (o, n) = (shape[0], shape.iter().product());
            let w = Tensor::from_i8(shape, &r.bytes(n))?;
            let b = Tensor::from_i32([o], &r.words(o, -9000, 9000))?;
            let m = Tensor::from_i32([o], &r.words(o, 1 << 24, 1 << 26))?;
            Ok(vec![constant(g, "w", w), constant(g, "b", b), constant(g, "m", m)])
        };
        // Pads so that ceil(size / stride) windows fit.
        let same = |size: usize, k: usize, s: usize| ((size.div_ceil(s) - 1) * s + k).saturating_sub(size) as i64;
        let pads = |h: usize, w: usize, k: usize, s: usize| {
            let (v, u) = (same(h, k, s), same(w, k, s));
            [v / 2, u / 2, v - v / 2, u - u / 2]
        };
        let mut ins = vec![x];
        let mut quant = Quant::new(Codes::I8, 0.1, Codes::I8.min());
        let (op, attrs) = match layer {
            Specimen::Conv(h, w, c, o, k, s) => {
                ins.extend(linear(&mut g, vec![o, k, k, c], &mut r)?);
                ("q.conv", windowed(rescaled(), s, pads(h, w, k, s)).with("dilations", vec![1i64, 1]).with("group", 1i64))
            }
            Specimen::Depthwise(h, w, c, k, s) => {
                ins.extend(linear(&mut g, vec![c, k, k, 1], &mut r)?);
                ("q.conv", windowed(rescaled(), s, pads(h, w, k, s)).with("dilations", vec![1i64, 1]).with("group", c))
            }
            Specimen::Dense(k, o) => {
                ins.extend(linear(&mut g, vec![o, k], &mut r)?);
                ("q.dense", rescaled())
            }
            Specimen::Add(_) => {
                ins.push(x);
                let a = Attrs::new().with("a", 9000i64).with("b", 7000i64).with("c", 70_000i64);
                ("q.add", a.with("shift", 14i64).with("lo", -128i64).with("hi", 127i64))
            }
            Specimen::Average(h, w, _) => {
                let a = rescaled().with("kernel", vec![h as i64, w as i64]).with("m", vec![1i64 << 28; h * w]);
                ("q.avgpool", windowed(a, 1, [0; 4]))
            }
            Specimen::Max(..) => {
                quant = Quant::new(Codes::I8, 0.05, Codes::I8.min());
                ("q.maxpool", windowed(Attrs::new().with("kernel", vec![2i64, 2]), 2, [0; 4]))
            }
            Specimen::Softmax(n) => {
                let bits = 20.min(30 - i64::from(n.next_power_of_two().trailing_zeros()));
                let mut table = r.words(Codes::I8.count(), 1, 1 << bits);
                table[0] = 1 << bits;
                let table = Tensor::from_i32([Codes::I8.count()], &table)?;
                ins.push(g.add_const(format!("t{i}"), table));
                quant = Quant::PROBABILITY;
                ("q.softmax", Attrs::new().with("axis", 1i64).with("bits", bits))
            }
            Specimen::Lut(_) => {
                let table = Tensor::from_i8([Codes::I8.count()], &r.bytes(Codes::I8.count()))?;
                ins.push(g.add_const(format!("t{i}"), table));
                ("q.lut", Attrs::new())
            }
        };
        let n = mcompc_ops::add_op(&mut g, &layer.describe(), op, attrs, &ins, &format!("y{i}"), Some(quant))?;
        let value = g.out(n);
        g.outputs.push(Output { name: format!("y{i}"), value });
    }
    Ok(g)
}
