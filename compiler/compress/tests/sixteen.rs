//! Activations of 16 bits: every operator that has them is within 1e-5 of its variance of the float one, where the weights are codes already.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::cases::{B, Case, a, uniform};
use mcompc_compress::{ActBits, Options};
use mcompc_ir::{Attrs, Codes, DType, ValueId};

fn sixteen() -> Options {
    Options { acts: ActBits { bits: 16, ..ActBits::default() }, ..Options::default() }
}

/// Squared errors over variances, with every value of arithmetic in 16 bits.
fn errors(b: B, flags: &[&str]) -> Vec<f64> {
    let c = Case::new(b, flags);
    let data = uniform(&c, 8);
    let int = c.ints_of(&data, &sixteen()).unwrap();
    for o in &int.graph.outputs {
        assert_eq!(int.graph.value(o.value).dtype, DType::I16, "{}", o.name);
    }
    c.errors_of(&int, &data)
}

fn close(b: B) {
    for (i, e) in errors(b, &[]).into_iter().enumerate() {
        assert!(e <= 1e-5, "output {i}: {e}");
    }
}

/// Weights that are multiples of 1/128, the largest of which is 127.
fn grid(b: &mut B, shape: &[usize]) -> ValueId {
    let n: usize = shape.iter().product();
    let row = n / shape[0];
    let one = |(i, x): (usize, f32)| if i % row == 0 { 127.0 / 128.0 } else { (x * 127.0).round() / 128.0 };
    let data: Vec<f32> = common::cases::noise(n, n as u64).into_iter().enumerate().map(one).collect();
    b.constant(shape, &data)
}

fn window(group: i64, pad: i64) -> Attrs {
    let attrs = a().with("strides", vec![1, 1]).with("pads", vec![pad; 4]).with("dilations", vec![1, 1]);
    attrs.with("group", group).with("layout", "NHWC")
}

#[test]
fn layers() {
    let mut b = B::new();
    let x = b.input("x", &[1, 6, 6, 8]);
    let (full, depth, point) = (grid(&mut b, &[5, 3, 3, 8]), grid(&mut b, &[8, 3, 3, 1]), grid(&mut b, &[9, 1, 1, 8]));
    let y = b.op("Conv", window(1, 1), &[x, full]);
    let z = b.op("Conv", window(8, 1).with("act_min", 0.0), &[x, depth]);
    let p = b.op("Conv", window(1, 0).with("act_min", 0.0).with("act_max", 6.0), &[z, point]);
    close(b.output(&[y, z, p]));
    let mut b = B::new();
    let x = b.input("x", &[3, 40]);
    let w = grid(&mut b, &[12, 40]);
    let y = b.op("Dense", a(), &[x, w]);
    close(b.output(&[y]));
}

#[test]
fn products_of_matrices() {
    let mut b = B::new();
    let (x, y) = (b.input("x", &[2, 3, 5, 16]), b.input("y", &[3, 16, 7]));
    let p = b.op("MatMul", a(), &[x, y]);
    let t = b.op("Transpose", a().with("perm", vec![0, 1, 3, 2]), &[x]);
    let own = b.op("MatMul", a(), &[x, t]);
    let row = b.input("row", &[16]);
    let q = b.op("MatMul", a(), &[row, y]);
    close(b.output(&[p, own, q]));
    // Attention.
    let mut b = B::new();
    let x = b.input("x", &[1, 6, 2, 8]);
    let keys = b.op("Transpose", a().with("perm", vec![0, 2, 3, 1]), &[x]);
    let heads = b.op("Transpose", a().with("perm", vec![0, 2, 1, 3]), &[x]);
    let s = b.op("MatMul", a(), &[heads, keys]);
    let s = b.op("Softmax", a().with("axis", 3i64), &[s]);
    let y = b.op("MatMul", a(), &[s, heads]);
    close(b.output(&[y, s]));
}

#[test]
fn sums_products_and_reductions() {
    let mut b = B::new();
    let (x, y) = (b.input("x", &[2, 5, 6]), b.input("y", &[5, 1]));
    let c = b.random(&[5, 6], 1.0);
    let mut outs = Vec::new();
    for op in ["Add", "Sub", "Mul"] {
        outs.extend([b.op(op, a(), &[x, y]), b.op(op, a(), &[x, c])]);
    }
    let axes = |list: Vec<i64>| a().with("axes", list).with("keepdims", 1i64);
    let mean = b.op("ReduceMean", axes(vec![2]), &[x]);
    let centred = b.op("Sub", a(), &[x, mean]);
    let square = b.op("Mul", a(), &[centred, centred]);
    let variance = b.op("ReduceMean", axes(vec![2]), &[square]);
    outs.extend([mean, centred, square, variance]);
    outs.extend([
        b.op("ReduceSum", axes(vec![0, 2]), &[x]),
        b.op("ReduceMax", axes(vec![1]), &[x]),
        b.op("ReduceMin", axes(vec![2]), &[x]),
    ]);
    close(b.output(&outs));
}

#[test]
fn functions_of_one_value() {
    let mut b = B::new();
    let x = b.input("x", &[4, 200]);
    let attrs = [
        ("Relu", a()),
        ("Sigmoid", a()),
        ("Tanh", a()),
        ("HardSwish", a()),
        ("Clip", a().with("min", -0.3).with("max", 0.7)),
        ("LeakyRelu", a().with("alpha", 0.1)),
        ("Elu", a().with("alpha", 1.0)),
    ];
    let outs: Vec<ValueId> = attrs.into_iter().map(|(op, attrs)| b.op(op, attrs, &[x])).collect();
    close(b.output(&outs));
}

#[test]
fn moves_and_pools() {
    let mut b = B::new();
    let x = b.input("x", &[1, 6, 6, 5]);
    let pool = a().with("kernel", vec![2, 2]).with("strides", vec![2, 2]).with("pads", vec![0; 4]).with("layout", "NHWC");
    let (m, v) = (b.op("MaxPool", pool.clone(), &[x]), b.op("AveragePool", pool.with("count_include_pad", 0i64), &[x]));
    let t = b.op("Transpose", a().with("perm", vec![0, 3, 1, 2]), &[x]);
    let s = b.op("Slice", a().with("starts", vec![0, 5, 1, 0]).with("sizes", vec![1, 3, 4, 5]).with("steps", vec![1, -2, 1, 1]), &[x]);
    let p = b.pad(x, &[0, 1, 0, 0, 0, 2, 1, 1], 0.25);
    let c = b.concat(1, &[m, v]);
    let r = b.op("Reshape", a().with("shape", vec![6, 30]), &[x]);
    close(b.output(&[m, v, t, s, p, c, r]));
}

#[test]
fn one_value_by_name() {
    let net = || {
        let mut b = B::new();
        let x = b.input("x", &[1, 40]);
        let h = b.dense(x, 24, 0.5);
        let y = b.dense(h, 8, 0.5);
        (b.g.value(h).name.clone(), b.output(&[y]))
    };
    let (name, b) = net();
    let c = Case::new(b, &[]);
    let data = uniform(&c, 8);
    let by =
        |name: &str, bits: u8| Options { acts: ActBits { by_name: vec![(name.into(), bits)], ..ActBits::default() }, ..Options::default() };
    let int = c.ints_of(&data, &by(&name, 16)).unwrap();
    let codes: Vec<Codes> = int.scheme.values.iter().map(|(_, q)| q.codes).collect();
    assert_eq!(codes, [Codes::I8, Codes::I16, Codes::I8]);
    assert!(c.errors_of(&int, &data)[0] < c.errors(&data)[0]);
    assert_eq!(c.ints_of(&data, &by("nothing", 16)).unwrap_err().code, mcompc_ir::Code::Usage);
    assert_eq!(c.ints_of(&data, &by(&name, 12)).unwrap_err().code, mcompc_ir::Code::Usage);
    // Raw bytes stay what they are.
    let (_, b) = net();
    assert!(errors(b, &["x=i8,scale=0.01,offset=3"])[0] < 1e-3);
}

/// Reals that span many octaves: magnitudes on their way to a logarithm.
#[test]
fn energies() {
    let mut b = B::new();
    let x = b.input("x", &[4, 40]);
    let [re, im] = [(); 2].map(|()| grid(&mut b, &[24, 40]));
    let parts = [re, im].map(|w| b.op("Dense", a(), &[x, w]));
    let y = b.op("Hypot", a(), &parts);
    // Bands, of which each is a thousand times as quiet as the one before.
    let band = |(i, w): (usize, f32)| w.abs() * [1.0, 1e-3, 1e-6][i / 24];
    let data: Vec<f32> = common::cases::noise(72, 5).into_iter().map(|w| (w * 127.0).round() / 128.0).enumerate().map(band).collect();
    let w = b.constant(&[3, 24], &data);
    let z = b.op("Dense", a(), &[y, w]);
    let z = b.op("Log", a(), &[z]);
    let c = Case::new(b.output(&[z]), &[]);
    let data = uniform(&c, 8);
    for options in [sixteen(), Options::default()] {
        let int = c.ints_of(&data, &options).unwrap();
        let wide =
            int.graph.ids().into_iter().filter(|&n| int.graph.value(int.graph.out(n)).quant.as_ref().is_some_and(|q| q.is_wide())).count();
        assert_eq!(wide, 4, "both parts, magnitudes and bands");
        let most = if options.acts.bits == 16 { 1e-4 } else { 1e-3 };
        let errors = c.errors_of(&int, &data);
        assert!(errors[0] <= most, "{errors:?}");
    }
}
