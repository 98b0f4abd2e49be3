//! The fast executor against the reference interpreter: every operator, both layouts, every value.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Net, conv, ints, window};
use mcompc_interp::{FastExec, run_all};
use mcompc_ir::{Attrs, Code, Graph, ValueId};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Compares every observed value within 1e-4 of the largest magnitude in it.
fn compare(net: &Net, seed: u64) {
    let inputs = net.samples(seed);
    let want = run_all(&net.g, &inputs).unwrap();
    let exec = FastExec::new(&net.g).unwrap();
    let mut scratch = exec.scratch();
    let data: Vec<Vec<f32>> = inputs.iter().map(|t| t.as_f32().unwrap().into_owned()).collect();
    let slices: Vec<&[f32]> = data.iter().map(Vec::as_slice).collect();
    // Twice, since the second run meets buffers that the first has used.
    for _ in 0..2 {
        let mut seen: BTreeMap<ValueId, Vec<f32>> = BTreeMap::new();
        let outs = exec.run(&mut scratch, &slices, |v, x| assert!(seen.insert(v, x.to_vec()).is_none())).unwrap();
        for (v, got) in &seen {
            let want = want.values[v].as_f32().unwrap();
            close(got, &want, &format!("{} in\n{}", net.g.value(*v).name, mcompc_ir::print_short(&net.g)));
        }
        for id in net.g.ids() {
            assert!(net.g.node(id).op == "const" || seen.contains_key(&net.g.out(id)), "{} was not observed", net.g.node(id).name);
        }
        for (o, w) in outs.iter().zip(&want.outputs) {
            close(o, &w.as_f32().unwrap(), "an output");
        }
    }
}

fn close(got: &[f32], want: &[f32], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let top = want.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
    let worst = got.iter().zip(want).map(|(g, w)| (g - w).abs()).fold(0f32, |m, d| if d.is_nan() { f32::INFINITY } else { m.max(d) });
    assert!(worst <= 1e-4 * top, "{worst:e} off, largest {top:e}: {what}");
}

const LAYOUTS: [&str; 2] = ["NHWC", "NCHW"];

fn image(layout: &str, n: usize, h: usize, w: usize, c: usize) -> [usize; 4] {
    if layout == "NHWC" { [n, h, w, c] } else { [n, c, h, w] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn convolutions(
        layout in prop::sample::select(&LAYOUTS[..]), n in 1usize..3, size in (1usize..12, 1usize..12), groups in 1usize..4,
        per_group in (1usize..20, 1usize..20), k in (1usize..4, 1usize..4), s in (1i64..4, 1i64..4), p in [0i64..3, 0..3, 0..3, 0..3],
        d in (1i64..3, 1i64..3), bias in any::<bool>(), act in any::<bool>(), depthwise in any::<bool>(),
    ) {
        let (ci, co) = if depthwise { (1, per_group.1 % 3 + 1) } else { per_group };
        let groups = if depthwise { per_group.0 + 16 * (groups - 1) } else { groups };
        let (kh, kw) = (k.0, k.1);
        prop_assume!(size.0 as i64 + p[0] + p[2] > (kh as i64 - 1) * d.0 && size.1 as i64 + p[1] + p[3] > (kw as i64 - 1) * d.1);
        let mut net = Net::new();
        let x = net.input(&image(layout, n, size.0, size.1, groups * ci));
        let w = net.weight(&image(layout, groups * co, kh, kw, ci), 1.0);
        let mut ins = vec![x, w];
        if bias {
            ins.push(net.weight(&[groups * co], 1.0));
        }
        let mut a = conv([s.0, s.1], p, [d.0, d.1], groups as i64, layout);
        if act {
            a = a.with("act_min", 0.0).with("act_max", 0.5);
        }
        let y = net.op("Conv", a, &ins);
        net.output(y);
        compare(&net, 7);
    }
    #[test]
    fn pools(
        layout in prop::sample::select(&LAYOUTS[..]), n in 1usize..3, size in (1usize..10, 1usize..10), c in 1usize..9, k in (1i64..5, 1i64..5),
        s in (1i64..4, 1i64..4), p in [0i64..4, 0..4, 0..4, 0..4], include in 0i64..2,
    ) {
        let p = [p[0] % k.0, p[1] % k.1, p[2] % k.0, p[3] % k.1];
        prop_assume!(size.0 as i64 + p[0] + p[2] >= k.0 && size.1 as i64 + p[1] + p[3] >= k.1);
        let mut net = Net::new();
        let x = net.input(&image(layout, n, size.0, size.1, c));
        let a = window([s.0, s.1], p, layout).with("kernel", ints(&[k.0, k.1]));
        let m = net.op("MaxPool", a.clone(), &[x]);
        let y = net.op("AveragePool", a.with("count_include_pad", include), &[x]);
        net.output(m);
        net.output(y);
        compare(&net, 3);
    }
    #[test]
    fn broadcasts(shape in prop::collection::vec(1usize..5, 0..5), mask in any::<u8>(), cut in 0usize..5, swap in any::<bool>()) {
        let b: Vec<usize> = shape.iter().enumerate().map(|(i, &d)| if mask >> i & 1 == 1 { 1 } else { d }).skip(cut).collect();
        let mut net = Net::new();
        let (x, y) = (net.input(&shape), net.input(&b));
        let (x, y) = if swap { (y, x) } else { (x, y) };
        let add = Attrs::new().with("act_min", -0.5);
        for (op, a) in [("Add", add), ("Sub", Attrs::new()), ("Mul", Attrs::new()), ("Div", Attrs::new())] {
            let v = net.op(op, a, &[x, y]);
            net.output(v);
        }
        compare(&net, 11);
    }
    #[test]
    fn matrices(lead in prop::collection::vec(1usize..4, 0..3), cut in 0usize..3, m in 1usize..20, k in 1usize..40, n in 1usize..20) {
        let mut net = Net::new();
        let a: Vec<usize> = lead.iter().copied().chain([m, k]).collect();
        let b: Vec<usize> = lead.iter().copied().skip(cut).chain([k, n]).collect();
        let (a, b) = (net.input(&a), net.input(&b));
        let row = net.input(&[k]);
        let x = net.input(&[m, k]);
        let (w, bias) = (net.weight(&[n, k], 1.0), net.weight(&[n], 1.0));
        let one = net.input(&[1, k]);
        for v in [
            net.op("MatMul", Attrs::new(), &[a, b]),
            net.op("MatMul", Attrs::new(), &[row, b]),
            net.op("MatMul", Attrs::new(), &[a, row]),
            net.op("MatMul", Attrs::new(), &[row, row]),
            net.op("Dense", Attrs::new().with("act_max", 0.25), &[x, w, bias]),
            net.op("Dense", Attrs::new(), &[one, w]),
        ] {
            net.output(v);
        }
        compare(&net, 5);
    }
    #[test]
    fn moves_and_rows(s in [1usize..5, 1..5, 1..5, 1..5], perm in Just(vec![0i64, 1, 2, 3]).prop_shuffle(), axis in 0usize..4, axes in 0u8..16,
                      pads in prop::collection::vec(0i64..3, 8)) {
        let mut net = Net::new();
        let x = net.input(&s);
        let t = net.op("Transpose", Attrs::new().with("perm", perm), &[x]);
        let r = net.op("Reshape", Attrs::new().with("shape", ints(&[s.iter().product::<usize>() as i64])), &[t]);
        let r2 = net.op("Reshape", Attrs::new().with("shape", s.map(|d| d as i64).to_vec()), &[r]);
        let p = net.op("Pad", Attrs::new().with("pads", pads).with("value", -0.75), &[r2]);
        let c = net.op("Concat", Attrs::new().with("axis", axis), &[x, r2, x]);
        let q = net.op("Softmax", Attrs::new().with("axis", axis), &[c]);
        let list: Vec<i64> = (0..4).filter(|i| axes >> i & 1 == 1).collect();
        let m = net.op("ReduceMean", Attrs::new().with("axes", list.clone()).with("keepdims", 1i64), &[q]);
        let m2 = net.op("ReduceMean", Attrs::new().with("axes", list).with("keepdims", 0i64), &[r2]);
        let ch = [s[axis]];
        let (a, b, mean, var) = (net.weight(&ch, 1.0), net.weight(&ch, 1.0), net.weight(&ch, 1.0), net.weight(&ch, 1.0));
        let var = net.op("Mul", Attrs::new(), &[var, var]);
        let bn = net.op("BatchNormalization", Attrs::new().with("axis", axis).with("epsilon", 1e-3), &[r2, a, b, mean, var]);
        for v in [p, m, m2, bn] {
            net.output(v);
        }
        compare(&net, 13);
    }
}

#[test]
fn activations() {
    let mut net = Net::new();
    let x = net.input(&[2, 300]);
    let x6 = net.weight(&[1], 0.0);
    let six = net.op("Clip", Attrs::new().with("min", 12.0).with("max", 12.0), &[x6]);
    let x = net.op("Mul", Attrs::new(), &[x, six]);
    let a = Attrs::new;
    for (op, at) in [
        ("Relu", a()),
        ("Sigmoid", a()),
        ("Tanh", a()),
        ("HardSwish", a()),
        ("Clip", a().with("min", f64::NEG_INFINITY).with("max", 6.0)),
        ("LeakyRelu", a().with("alpha", 0.1)),
        ("Elu", a().with("alpha", 1.5)),
        ("HardSigmoid", a().with("alpha", 0.2).with("beta", 0.5)),
    ] {
        let v = net.op(op, at, &[x]);
        net.output(v);
    }
    compare(&net, 17);
}

#[test]
fn threads_share_one_plan() {
    use rayon::prelude::*;
    let mut net = Net::new();
    let x = net.input(&[1, 8, 8, 4]);
    let w = net.weight(&[16, 3, 3, 4], 0.3);
    let y = net.op("Conv", conv([1, 1], [1, 1, 1, 1], [1, 1], 1, "NHWC"), &[x, w]);
    net.output(y);
    let exec = FastExec::new(&net.g).unwrap();
    let one = |seed: u64, s: &mut mcompc_interp::Scratch| exec.run(s, &[&common::noise(256, seed)], |_, _| {}).unwrap();
    let alone: Vec<_> = (0..32).map(|i| one(i, &mut exec.scratch())).collect();
    let shared: Vec<_> = (0..32u64).into_par_iter().map_init(|| exec.scratch(), |s, i| one(i, s)).collect();
    assert_eq!(alone, shared);
}

#[test]
fn wrong_inputs_and_integer_graphs_are_errors() {
    let mut net = Net::new();
    let x = net.input(&[4]);
    let y = net.op("Relu", Attrs::new(), &[x]);
    net.output(y);
    let exec = FastExec::new(&net.g).unwrap();
    let e = exec.run(&mut exec.scratch(), &[&[0.0; 3]], |_, _| {}).unwrap_err();
    assert_eq!((e.code, e.node.as_deref()), (Code::BadShape, Some("in0")));
    assert_eq!(exec.run(&mut exec.scratch(), &[], |_, _| {}).unwrap_err().code, Code::BadShape);
    let mut g = Graph::new("i");
    let x = g.add_input(mcompc_ir::Value::new("x", mcompc_ir::DType::I8, [4]).with_quant(0.5, 0));
    g.outputs.push(mcompc_ir::Output { name: "y".into(), value: x });
    assert_eq!(FastExec::new(&g).err().map(|e| e.code), Some(Code::UnsupportedType));
}
