//! Float graphs with values of their own: what the integer graph computes, against the float executor, as squared error over variance.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::cases::*;
use common::int::{Int, integerize, supported};
use mcompc_compress::{CalibOptions, Options, calibrate};
use mcompc_ir::{Code, Tensor};

/// On uniform inputs every output's error over variance stays below the bound.
fn holds(b: B, flags: &[&str], bound: f64) -> Int {
    let c = Case::new(b, flags);
    let data = uniform(&c, 12);
    let int = c.ints(&data).unwrap();
    let errors = c.errors_of(&int, &data);
    assert!(errors.iter().all(|&e| e < bound), "{errors:?}\n{}", mcompc_ir::print_short(&int.graph));
    int
}

fn refusal(b: B) -> mcompc_ir::Error {
    let c = Case::new(b, &[]);
    let e = supported(&c.g, &Options::default()).unwrap_err();
    let data = uniform(&c, 2);
    // Asked before and met after calibration: one definition.
    let stats = calibrate(&c.g, &data.open(), &c.inputs, &CalibOptions::default(), &mut |_, _| {});
    if let Ok(stats) = stats {
        assert_eq!(integerize(&c.g, &stats, &c.specs, &Options::default()).unwrap_err().code, e.code);
    }
    e
}

#[test]
fn constants_are_outputs() {
    let mut b = B::new();
    let x = b.input("x", &[1, 6]);
    let k = b.constant(&[1, 4], &[0.1, -0.2, 0.7, 3.0]);
    let one = b.constant(&[1, 1], &[-2.5]);
    let y = b.dense(x, 4, 1.0);
    let s = b.op("Add", a(), &[y, k]);
    let int = holds(b.output(&[s, k, one, k]), &[], 1e-3);
    let quant = |i: usize| int.graph.value(int.graph.outputs[i].value).quant.clone().unwrap();
    assert!((quant(1).step() - 3.2 / 255.0).abs() < 1e-6 && quant(1) == quant(3));
    // A single number is exact.
    assert!((quant(2).real(-128) + 2.5).abs() < 1e-9);
}

#[test]
fn a_fixed_scale_stays_where_it_is() {
    // Boxes beside probabilities.
    let mut b = B::new();
    let x = b.input("x", &[1, 8]);
    let (wide, logits) = (b.dense(x, 4, 3.0), b.dense(x, 5, 2.0));
    let p = b.op("Softmax", a().with("axis", 1i64), &[logits]);
    let y = b.concat(1, &[wide, p]);
    holds(b.output(&[y]), &[], 1e-3);
    // Features that only share an ancestor with a raw input.
    for flag in ["x=u8,scale=0.5,offset=3", "x=i8,scale=0.01,offset=0", "x=u8,scale=0.02,offset=12.5"] {
        let mut b = B::new();
        let x = b.input("x", &[1, 4, 4, 3]);
        let pool = a().with("kernel", vec![2, 2]).with("strides", vec![1, 1]).with("pads", vec![0; 4]).with("layout", "NHWC");
        let p = b.op("MaxPool", pool.clone(), &[x]);
        let f = b.conv(x, 4, 3.0);
        let f = b.op("MaxPool", pool, &[f]);
        let c = b.concat(3, &[p, f]);
        let y = b.op("Relu", a(), &[c]);
        holds(b.output(&[y, f]), &[flag], 1e-3);
    }
}

#[test]
fn probabilities_joined_stay_exact() {
    let mut b = B::new();
    let x = b.input("x", &[1, 8]);
    let (l, m) = (b.dense(x, 4, 2.0), b.dense(x, 5, 2.0));
    let (p, q) = (b.op("Softmax", a().with("axis", 1i64), &[l]), b.op("Softmax", a().with("axis", 1i64), &[m]));
    let y = b.concat(1, &[p, q]);
    let int = holds(b.output(&[y]), &[], 1e-3);
    assert_eq!(Case::count(&int, "q.rescale"), 0);
}

#[test]
fn operands_keep_their_scales_for_other_readers() {
    let mut b = B::new();
    let x = b.input("x", &[1, 4, 4, 3]);
    let (small, large) = (b.conv(x, 4, 0.02), b.conv(x, 4, 2.0));
    let c = b.concat(3, &[small, large]);
    let again = b.conv(small, 5, 1.0);
    let int = holds(b.output(&[c, again]), &[], 1e-3);
    assert_eq!(Case::count(&int, "q.rescale"), 1);
    // Like ranges share, and so does an operand that nobody else reads.
    for (scale, read) in [(1.6, true), (0.02, false)] {
        let mut b = B::new();
        let x = b.input("x", &[1, 4, 4, 3]);
        let (small, large) = (b.conv(x, 4, scale), b.conv(x, 4, 2.0));
        let c = b.concat(3, &[small, large]);
        let again = b.conv(if read { small } else { large }, 5, 1.0);
        let int = holds(b.output(&[c, again]), &[], 1e-2);
        assert_eq!(Case::count(&int, "q.rescale"), 0, "{scale}");
    }
}

#[test]
fn a_ruined_part_is_named() {
    let head = |boxes: f32| {
        let mut b = B::new();
        let x = b.input("x", &[1, 4, 4, 3]);
        let (raw, scores) = (b.conv(x, 4, boxes), b.conv(x, 2, 2.0));
        let scores = b.op("Sigmoid", a(), &[scores]);
        let name = b.g.value(scores).name.clone();
        let shape = |c: i64| a().with("shape", vec![1, 16, c]);
        let (r, s) = (b.op("Reshape", shape(4), &[raw]), b.op("Reshape", shape(2), &[scores]));
        let y = b.concat(2, &[r, s]);
        let c = Case::new(b.output(&[y]), &[]);
        let data = uniform(&c, 4);
        (c.ints(&data).unwrap().warnings, name)
    };
    let (warnings, _) = head(300.0);
    assert!(warnings.iter().any(|w| w.contains("reshape") && w.contains("output `y0`")), "{warnings:?}");
    assert!(head(2.0).0.is_empty(), "{:?}", head(2.0).0);
}

#[test]
fn constants_in_concatenations() {
    let mut b = B::new();
    let x = b.input("x", &[1, 6]);
    let k = b.constant(&[1, 2], &[1.5, -0.25]);
    let y = b.dense(x, 4, 1.0);
    let (p, q) = (b.concat(1, &[y, k, y]), b.concat(1, &[k, x]));
    holds(b.output(&[p, q, k]), &[], 1e-3);
}

#[test]
fn padding_with_any_value() {
    for (value, flag) in [(0.0, ""), (1.5, ""), (-40.0, ""), (2.0, "x=u8,scale=0.01,offset=128"), (0.5, "x=i8,scale=0.01,offset=0")] {
        let flags: Vec<&str> = [flag].into_iter().filter(|f| !f.is_empty()).collect();
        let mut b = B::new();
        let x = b.input("x", &[1, 3, 4, 2]);
        let f = b.conv(x, 2, 1.0);
        let (p, raw) = (b.pad(f, &[0, 1, 0, 1, 0, 2, 1, 0], value), b.pad(x, &[0, 0, 1, 0, 0, 0, 0, 0], value));
        let again = b.conv(f, 3, 1.0);
        holds(b.output(&[p, raw, again]), &flags, 2e-3);
    }
    // Beyond what a softmax can hold.
    let mut b = B::new();
    let x = b.input("x", &[1, 6]);
    let p = b.op("Softmax", a().with("axis", 1i64), &[x]);
    let y = b.pad(p, &[0, 1, 0, 0], -3.0);
    holds(b.output(&[y, p]), &[], 1e-3);
    let mut b = B::new();
    let x = b.input("x", &[1, 6]);
    let y = b.pad(x, &[0, 1, 0, 0], f64::NEG_INFINITY);
    let e = refusal(b.output(&[y]));
    assert!(e.code == Code::NoInteger && e.hint.unwrap().contains("pool"));
}

#[test]
fn slices_and_padding_keep_codes() {
    let cut = |starts: [i64; 4], sizes: [i64; 4], steps: [i64; 4]| {
        a().with("starts", starts.to_vec()).with("sizes", sizes.to_vec()).with("steps", steps.to_vec())
    };
    // Raw codes with a scale a channel stay raw where all channels are taken.
    for flag in ["x=f32", "x=u8,scale=0.01,offset=128", "x=u8,scale=[0.01;0.02;0.005],offset=[128;100;140]"] {
        let mut b = B::new();
        let x = b.input("x", &[1, 5, 4, 3]);
        let rows = b.op("Slice", cut([0, 4, 0, 0], [1, 3, 4, 3], [1, -2, 1, 1]), &[x]);
        let channels = b.op("Slice", cut([0, 0, 1, 1], [1, 5, 3, 2], [1, 1, 1, 1]), &[x]);
        let y = b.conv(rows, 4, 1.0);
        let pad = |mode: &str| a().with("pads", vec![0, 1, 2, 0, 0, 1, 1, 1]).with("value", 0.0).with("mode", mode);
        let padded = ["reflect", "edge", "wrap"].map(|m| b.op("Pad", pad(m), &[y]));
        holds(b.output(&[&[rows, channels, y], &padded[..]].concat()), &[flag], 2e-3);
    }
}

/// On images of two dimensions once the passes have seen them.
#[test]
fn sequences_and_volumes() {
    for shape in [&[2, 6, 20][..], &[1, 3, 5, 6, 4]] {
        let n = shape.len() - 2;
        let all = |v: i64| vec![v; n];
        for group in [1, shape[1]] {
            let mut b = B::new();
            let x = b.input("x", shape);
            let window = a().with("strides", all(1)).with("pads", vec![1; 2 * n]).with("layout", "NCHW");
            let w = b.random(&[&[2 * group, shape[1] / group][..], &vec![3; n][..]].concat(), 0.3);
            let y = b.op("Conv", window.clone().with("dilations", all(1)).with("group", group), &[x, w]);
            let p = b.op("Relu", a(), &[y]);
            let pool = || window.clone().with("kernel", all(2)).with("strides", all(2));
            let m = b.op("MaxPool", pool(), &[p]);
            let q = b.op("AveragePool", pool().with("count_include_pad", 0i64), &[p]);
            let mut b = b.output(&[y, m, q]);
            mcompc_passes::run_pipeline(&mut b.g).unwrap();
            holds(b, &[], 1e-2);
        }
    }
}

#[test]
fn operands_broadcast() {
    let shapes: &[(&[usize], &[usize])] = &[
        (&[1, 4, 5, 3], &[1, 1, 1, 3]),
        (&[1, 1, 1, 3], &[1, 4, 5, 3]),
        (&[2, 4, 5, 3], &[2, 1, 1, 3]),
        (&[2, 6], &[2, 1]),
        (&[2, 1], &[1, 6]),
        (&[3, 1, 4], &[2, 3, 5, 4]),
        (&[4], &[3, 4]),
        (&[1, 3, 1, 5], &[2, 1, 4, 5]),
        (&[1, 1], &[1, 7]),
        (&[2, 1, 3, 1, 2], &[4, 1, 5, 1]),
    ];
    for op in ["Add", "Sub", "Mul"] {
        for (s, t) in shapes {
            let mut b = B::new();
            let (x, y) = (b.input("x", s), b.input("z", t));
            let (p, q) = (b.op("Relu", a(), &[x]), b.op("Tanh", a(), &[y]));
            let (y, z) = (b.op(op, a(), &[p, q]), b.op(op, a(), &[q, p]));
            holds(b.output(&[y, z]), &[], 2e-3);
        }
    }
}

#[test]
fn constants_that_broadcast() {
    for (x, c) in [
        (vec![4, 8], vec![1, 1, 1]),
        (vec![4, 8], vec![3, 1, 8]),
        (vec![2, 3, 4], vec![3, 1]),
        (vec![1, 5], vec![4, 1]),
        (vec![5], vec![1, 5]),
    ] {
        for op in ["Add", "Sub", "Mul", "Div"] {
            for swapped in [false, true] {
                let mut b = B::new();
                let v = b.input("x", &x);
                let data: Vec<f32> = noise(c.iter().product(), 3).iter().map(|v| v.signum() * (0.5 + v.abs())).collect();
                let k = b.constant(&c, &data);
                if op == "Div" && swapped {
                    continue;
                }
                let y = b.op(op, a(), &if swapped { [k, v] } else { [v, k] });
                holds(b.output(&[y]), &[], 2e-3);
            }
        }
    }
    let mut b = B::new();
    let x = b.input("x", &[1, 4]);
    let (k, z) = (b.constant(&[4], &[1.0, 2.0, 3.0, 4.0]), b.constant(&[4], &[1.0, 0.0, 3.0, 4.0]));
    let (y, w) = (b.op("Div", a(), &[k, x]), b.op("Div", a(), &[x, z]));
    let e = refusal(b.output(&[y, w]));
    assert!(e.code == Code::NoInteger && e.message.contains("refused too (1)"), "{e}");
}

#[test]
fn any_axis() {
    for axis in 0..4i64 {
        let mut b = B::new();
        let x = b.input("x", &[2, 3, 4, 5]);
        let n = [2, 3, 4, 5][axis as usize];
        let y = b.op("Softmax", a().with("axis", axis), &[x]);
        let (s, t, m) = (b.random(&[n], 1.0), b.random(&[n], 1.0), b.random(&[n], 1.0));
        let v = b.constant(&[n], &vec![0.8; n]);
        let z = b.op("BatchNormalization", a().with("epsilon", 1e-5).with("axis", axis), &[x, s, t, m, v]);
        holds(b.output(&[y, z]).canonical(), &[], 2e-3);
    }
    for (axes, keep) in [(vec![0i64], 1i64), (vec![3], 0), (vec![1, 2], 1), (vec![0, 3], 1), (vec![1, 3], 0), (vec![0, 1, 2, 3], 0)] {
        let mut b = B::new();
        let x = b.input("x", &[2, 3, 4, 5]);
        let p = b.op("Relu", a(), &[x]);
        let ops = [("ReduceMean", p), ("ReduceSum", p), ("ReduceMax", x), ("ReduceMin", x)];
        let ys = ops.map(|(op, v)| b.op(op, a().with("axes", axes.clone()).with("keepdims", keep), &[v]));
        // The largest of all hardly varies.
        let most = if axes.len() == 4 { 2 } else { 4 };
        holds(b.output(&[&ys[..most], &[p]].concat()).canonical(), &[], 5e-3);
    }
    let mut b = B::new();
    let x = b.input("x", &[1, 3, 4, 2]);
    let y = b.op("Tanh", a(), &[x]);
    holds(b.output(&[y]), &["x=u8,scale=[0.01;0.02;0.005],offset=[128;100;140]"], 2e-3);
}

#[test]
fn one_value_twice_and_inputs_as_outputs() {
    for flag in ["x=f32", "x=u8,scale=0.01,offset=128", "x=i8,scale=0.01,offset=5"] {
        let mut b = B::new();
        let x = b.input("x", &[1, 2, 3, 4]);
        let (s, p, c) = (b.op("Add", a(), &[x, x]), b.op("Mul", a(), &[x, x]), b.concat(1, &[x, x]));
        let zero = b.op("Sub", a(), &[x, x]);
        let y = b.op("Add", a(), &[zero, s]);
        let t = b.op("Transpose", a().with("perm", vec![0, 3, 1, 2]), &[x]);
        holds(b.output(&[s, p, c, y, x, t, x]), &[flag], 2e-3);
    }
}

#[test]
fn odd_functions() {
    let forms = [
        ("LeakyRelu", a().with("alpha", 2.5)),
        ("LeakyRelu", a().with("alpha", -0.7)),
        ("HardSigmoid", a().with("alpha", -0.9).with("beta", 0.3)),
        ("Clip", a().with("min", -0.25).with("max", f64::INFINITY)),
        ("Clip", a().with("min", 0.25).with("max", 0.75)),
        ("Elu", a().with("alpha", 3.0)),
    ];
    for (op, attrs) in forms {
        let mut b = B::new();
        let x = b.input("x", &[1, 64]);
        let y = b.op(op, attrs, &[x]);
        holds(b.output(&[y]), &[], 2e-3);
    }
}

#[test]
fn refusals_come_before_calibration_and_name_every_node() {
    let mut b = B::new();
    let x = b.input("x", &[4, 4]);
    let m = b.op("Div", a(), &[x, x]);
    let r = b.op("Relu", a(), &[m]);
    let d = b.op("Div", a(), &[r, x]);
    let name = b.g.value(d).name.clone();
    let e = refusal(b.output(&[d]));
    assert_eq!(e.code, Code::NoInteger);
    assert!(e.message.contains(&format!("refused too (1): `{name}`")), "{e}");
    assert!(e.hint.unwrap().contains("by a constant"));
    // Weights that are not numbers.
    let mut b = B::new();
    let x = b.input("x", &[1, 2]);
    let w = b.constant(&[1, 2], &[1.0, f32::NAN]);
    let y = b.op("Dense", a(), &[x, w]);
    assert_eq!(refusal(b.output(&[y])).code, Code::NotFinite);
}

/// A layer whose result is, on the calibration data, next to nothing of what it can reach.
fn nearly_dead(bias: f32) -> (Case, Data) {
    let mut b = B::new();
    let x = b.input("x", &[1, 8]);
    let (w, c) = (b.random(&[6, 8], 1.0), b.constant(&[6], &[-20.0, -20.0, bias, -20.0, -20.0, -20.0]));
    let d = b.op("Dense", a().with("act_min", 0.0), &[x, w, c]);
    let (e, f) = (b.dense(d, 3, 1.0), b.dense(x, 3, 1.0));
    let y = b.op("Add", a(), &[e, f]);
    let c = Case::new(b.output(&[y]), &[]);
    // Inputs so small that the third channel alone is just above 0.
    let data = Data::new(&c.inputs, 8, |s| vec![noise(8, s as u64 + 1)]);
    (c, data)
}

#[test]
fn a_nearly_dead_layer_compiles() {
    for bias in [-20.0, 1e-12, 1e-9, 1e-6, 1e-3] {
        let (mut c, data) = nearly_dead(bias);
        // The third channel has no weights: its bias is all there is.
        let w = c.g.ids().into_iter().find(|&n| c.g.value(c.g.out(n)).shape == [6, 8]).unwrap();
        let mut t = c.g.node(w).tensor.as_ref().unwrap().as_f32().unwrap().into_owned();
        t[16..24].fill(0.0);
        c.g.node_mut(w).tensor = Some(Tensor::from_f32([6, 8], &t).unwrap());
        assert!(c.errors(&data)[0] < 2e-3, "{bias}");
    }
}

/// A channel of nothing but a large bias beside one of weights that are large for the result: the left shift that the one needs is not the
/// other's.
#[test]
fn a_channel_of_bias_beside_one_of_coarse_weights() {
    let mut b = B::new();
    let x = b.input("x", &[1, 4]);
    let w: Vec<f32> = (0..8).map(|i| if i < 4 { 1e-9 } else { 1e3 }).collect();
    let (w, bias) = (b.constant(&[2, 4], &w), b.constant(&[2], &[3.0, 0.0]));
    let y = b.op("Dense", a(), &[x, w, bias]);
    let y = b.op("Clip", a().with("min", -4.0).with("max", 4.0), &[y]);
    let c = Case::new(b.output(&[y]), &[]);
    let data = Data::new(&c.inputs, 12, |s| vec![noise(4, s as u64 + 1).iter().map(|v| v * 1e-3).collect()]);
    assert!(c.errors(&data)[0] < 2e-3);
}

#[test]
fn blank_data_are_named() {
    let mut b = B::new();
    let x = b.input("x", &[1, 4, 4, 3]);
    let d = b.conv(x, 8, 1.0);
    let r = b.op("Relu", a(), &[d]);
    let y = b.conv(r, 4, 1.0);
    let c = Case::new(b.output(&[y]), &[]);
    let n = 48;
    let blank = |v: fn(usize) -> f32| Data::new(&c.inputs, 4, |s| vec![vec![v(s); n]]);
    for data in [blank(|_| 0.0), blank(|_| 1.0), blank(|s| s as f32)] {
        let w = c.ints(&data).unwrap().warnings;
        assert!(w.len() == 1 && w[0].contains("no variance") && w[0].contains("`x`"), "{w:?}");
    }
    assert!(c.ints(&uniform(&c, 4)).unwrap().warnings.is_empty());
}

#[test]
fn a_coarse_input_is_named() {
    let mut b = B::new();
    let x = b.input("x", &[1, 12, 10]);
    let flat = b.op("Reshape", a().with("shape", vec![1, 120]), &[x]);
    let y = b.dense(flat, 4, 1.0);
    let c = Case::new(b.output(&[y]), &[]);
    // As cepstral features: the first is large, the others are small.
    let features = |small: f32| {
        Data::new(&c.inputs, 16, move |s| {
            vec![noise(120, s as u64 + 3).iter().enumerate().map(|(i, v)| if i % 10 == 0 { 40.0 * v - 10.0 } else { small * v }).collect()]
        })
    };
    let w = c.ints(&features(0.4)).unwrap().warnings;
    assert!(w.len() == 1 && w[0].starts_with("input `x` spans -49.7"), "{w:?}");
    assert!(c.ints(&features(20.0)).unwrap().warnings.is_empty());
}

#[test]
fn a_layer_of_very_many_products_takes_coarser_weights() {
    let k = 70_000;
    let mut b = B::new();
    let x = b.input("x", &[1, k]);
    let w = b.constant(&[2, k], &noise(2 * k, 9).iter().map(|v| 0.9f32.copysign(*v)).collect::<Vec<_>>());
    let y = b.op("Dense", a(), &[x, w]);
    let int = holds(b.output(&[y]), &[], 1e-3);
    assert!(int.layers[0].bound <= i32::MAX as u64);
}

#[test]
fn a_pool_of_too_many_elements_is_refused_before_calibration() {
    let mut b = B::new();
    let x = b.input("x", &[1, 3000, 3000, 1]);
    let attrs = a().with("kernel", vec![3000i64, 3000]).with("strides", vec![1i64, 1]).with("pads", vec![0i64; 4]);
    let y = b.op("AveragePool", attrs.with("count_include_pad", 0i64).with("layout", "NHWC"), &[x]);
    let c = Case::new(b.output(&[y]), &[]);
    let e = supported(&c.g, &Options::default()).unwrap_err();
    assert!(e.code == Code::Limit && e.message.contains("9000000") && e.hint.as_ref().is_some_and(|h| h.contains("two steps")), "{e}");
}

/// Few made-up samples of what is large: the work is bounded.
#[test]
fn made_up_samples_are_fewer_where_values_are_large() {
    let samples = |n: usize| {
        let mut b = B::new();
        let x = b.input("x", &[1, n]);
        let y = b.op("Relu", a(), &[x]);
        let c = Case::new(b.output(&[y]), &[]);
        mcompc_compress::calibrate_without_data(&c.g, &c.inputs).unwrap().samples
    };
    assert_eq!((samples(1 << 10), samples(1 << 25)), (16, 4));
}
