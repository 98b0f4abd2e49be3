//! What each operator becomes, per operator set.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use mcompc_ir::{Attr, Code, Graph, Node};

fn attr<'a>(n: &'a Node, name: &str) -> &'a Attr {
    n.attrs.get(name).unwrap_or_else(|| panic!("{} has no attribute {name}", n.op))
}

#[track_caller]
fn assert_op(g: &Graph, op: &str, shape: &[usize], attrs: &[(&str, Attr)]) {
    assert_eq!((result(g).op.as_str(), out_shape(g).as_slice()), (op, shape));
    assert_eq!(g.value(g.outputs[0].value).name, "y");
    for (name, v) in attrs {
        assert_eq!(attr(result(g), name), v, "{name}");
    }
}

fn is(v: &[i64]) -> Attr {
    Attr::Ints(v.to_vec())
}

fn conv(x: &[i64], k: i64, attrs: Vec<mcompc_onnx::proto::AttributeProto>) -> Graph {
    let w = vec![0.5; (k * k) as usize];
    one(11, x, node("Conv", &["x", "w"], "y", attrs), vec![floats("w", &[1, 1, k, k], &w)]).unwrap()
}

#[test]
fn auto_pad_becomes_pads() {
    let same = |side: &str, stride: i64| vec![a_str("auto_pad", side), a_ints("strides", &[stride, stride])];
    // Even kernel: one pad, at the end for UPPER, at the beginning for LOWER.
    let g = conv(&[1, 1, 5, 5], 2, same("SAME_UPPER", 1));
    assert_op(&g, "Conv", &[1, 1, 5, 5], &[("pads", is(&[0, 0, 1, 1])), ("group", Attr::Int(1)), ("layout", Attr::Str("NCHW".into()))]);
    let g = conv(&[1, 1, 5, 5], 2, same("SAME_LOWER", 1));
    assert_op(&g, "Conv", &[1, 1, 5, 5], &[("pads", is(&[1, 1, 0, 0]))]);
    // Stride 2 over 6: three steps need 7 columns.
    let g = conv(&[1, 1, 6, 7], 3, same("SAME_UPPER", 2));
    assert_op(&g, "Conv", &[1, 1, 3, 4], &[("pads", is(&[0, 1, 1, 1])), ("strides", is(&[2, 2]))]);
    let g = conv(&[1, 1, 6, 6], 3, vec![a_str("auto_pad", "VALID")]);
    assert_op(&g, "Conv", &[1, 1, 4, 4], &[("pads", is(&[0; 4]))]);
    let mut dilated = same("SAME_UPPER", 1);
    dilated.push(a_ints("dilations", &[2, 2]));
    let g = conv(&[1, 1, 6, 6], 3, dilated);
    assert_op(&g, "Conv", &[1, 1, 6, 6], &[("pads", is(&[2, 2, 2, 2])), ("dilations", is(&[2, 2]))]);
    // A stride larger than the kernel never pads by less than nothing.
    let g = conv(&[1, 1, 6, 6], 1, same("SAME_UPPER", 2));
    assert_op(&g, "Conv", &[1, 1, 3, 3], &[("pads", is(&[0; 4]))]);
}

fn pool(opset: i64, op: &str, x: &[i64], attrs: Vec<mcompc_onnx::proto::AttributeProto>) -> Result<Graph, mcompc_ir::Error> {
    one(opset, x, node(op, &["x"], "y", attrs), vec![])
}

#[test]
fn pooling() {
    let k = |k: i64, s: i64| vec![a_ints("kernel_shape", &[k, k]), a_ints("strides", &[s, s])];
    let with = |mut v: Vec<_>, a| {
        v.push(a);
        v
    };
    let g = pool(7, "AveragePool", &[1, 2, 4, 4], k(2, 2)).unwrap();
    assert_op(&g, "AveragePool", &[1, 2, 2, 2], &[("kernel", is(&[2, 2])), ("count_include_pad", Attr::Int(0)), ("pads", is(&[0; 4]))]);
    let g = pool(7, "AveragePool", &[1, 2, 4, 4], with(k(2, 2), a_int("count_include_pad", 1))).unwrap();
    assert_op(&g, "AveragePool", &[1, 2, 2, 2], &[("count_include_pad", Attr::Int(1))]);
    // ceil_mode came with opset 10.
    let ceil = || with(k(2, 2), a_int("ceil_mode", 1));
    assert_error(pool(9, "MaxPool", &[1, 1, 5, 5], ceil()), Code::UnsupportedAttr, "the_MaxPool");
    let g = pool(10, "MaxPool", &[1, 1, 5, 5], ceil()).unwrap();
    assert_op(&g, "MaxPool", &[1, 1, 3, 3], &[("pads", is(&[0, 0, 1, 1]))]);
    // A window that would start in the padding is left out: 3 steps of 3 over 1 + 5 + 1 would start at 6.
    let g = pool(22, "MaxPool", &[1, 1, 5, 5], with(with(k(2, 3), a_int("ceil_mode", 1)), a_ints("pads", &[1, 1, 1, 1]))).unwrap();
    assert_op(&g, "MaxPool", &[1, 1, 2, 2], &[("pads", is(&[1, 1, 1, 1]))]);
    let g = pool(22, "AveragePool", &[1, 1, 5, 5], ceil()).unwrap();
    assert_op(&g, "AveragePool", &[1, 1, 3, 3], &[("pads", is(&[0, 0, 1, 1])), ("count_include_pad", Attr::Int(0))]);
    assert_error(
        pool(22, "AveragePool", &[1, 1, 5, 5], with(ceil(), a_int("count_include_pad", 1))),
        Code::UnsupportedAttr,
        "the_AveragePool",
    );
    assert_error(pool(22, "MaxPool", &[1, 1, 5, 5], with(k(2, 2), a_ints("dilations", &[2, 2]))), Code::UnsupportedAttr, "the_MaxPool");
    assert!(pool(22, "MaxPool", &[1, 1, 5, 5], with(k(2, 2), a_ints("dilations", &[1, 1]))).is_ok());
    assert_error(pool(22, "MaxPool", &[1, 1, 5, 5], with(k(2, 2), a_int("storage_order", 1))), Code::UnsupportedAttr, "the_MaxPool");
    assert_error(pool(22, "MaxPool", &[1, 1, 5, 5], with(k(2, 2), a_ints("pads", &[2, 0, 0, 0]))), Code::UnsupportedAttr, "the_MaxPool");
    assert_error(pool(22, "MaxPool", &[1, 1, 5, 5], vec![]), Code::MissingAttr, "the_MaxPool");
    assert_error(pool(22, "MaxPool", &[5, 5], k(2, 2)), Code::BadShape, "the_MaxPool");
    assert_error(pool(22, "MaxPool", &[1, 5, 5], k(2, 2)), Code::UnsupportedAttr, "the_MaxPool");
    let g = pool(22, "MaxPool", &[1, 5, 5], vec![a_ints("kernel_shape", &[3]), a_ints("pads", &[1, 0])]).unwrap();
    assert_op(&g, "MaxPool", &[1, 5, 4], &[("kernel", is(&[3])), ("pads", is(&[1, 0])), ("strides", is(&[1]))]);
    let g = pool(13, "GlobalMaxPool", &[1, 2, 4, 6, 3], vec![]).unwrap();
    assert_op(&g, "ReduceMax", &[1, 2, 1, 1, 1], &[("axes", is(&[2, 3, 4])), ("keepdims", Attr::Int(1))]);
    for (op, ir) in [("GlobalAveragePool", "AveragePool"), ("GlobalMaxPool", "MaxPool")] {
        let g = pool(13, op, &[1, 2, 4, 6], vec![]).unwrap();
        assert_op(&g, ir, &[1, 2, 1, 1], &[("kernel", is(&[4, 6])), ("strides", is(&[1, 1]))]);
    }
}

#[test]
fn clip_bounds_as_attributes_and_as_inputs() {
    let f = Attr::Float;
    let clip = |opset, inputs: &[&str], attrs, consts| one(opset, &[1, 4], node("Clip", inputs, "y", attrs), consts);
    let six = || vec![floats("lo", &[], &[0.0]), floats("hi", &[], &[6.0])];
    let g = clip(10, &["x"], vec![a_float("max", 6.0)], vec![]).unwrap();
    assert_op(&g, "Clip", &[1, 4], &[("min", f(f64::NEG_INFINITY)), ("max", f(6.0))]);
    let g = clip(13, &["x", "lo", "hi"], vec![], six()).unwrap();
    assert_op(&g, "Clip", &[1, 4], &[("min", f(0.0)), ("max", f(6.0))]);
    assert_eq!(g.len(), 2, "the bounds are attributes, not constants of the graph");
    let g = clip(13, &["x", "", "hi"], vec![], six()).unwrap();
    assert_op(&g, "Clip", &[1, 4], &[("min", f(f64::NEG_INFINITY)), ("max", f(6.0))]);
    let g = clip(6 + 1, &["x"], vec![a_float("min", f32::MIN), a_float("max", f32::MAX)], vec![]).unwrap();
    assert_op(&g, "Clip", &[1, 4], &[("min", f(f64::NEG_INFINITY)), ("max", f(f64::INFINITY))]);
    assert_error(clip(13, &["x"], vec![a_float("max", 6.0)], vec![]), Code::UnsupportedAttr, "the_Clip");
    assert_error(clip(10, &["x", "lo", "hi"], vec![], six()), Code::UnsupportedOpset, "the_Clip");
    // Where the lower bound is above the upper one the standard has every element become the upper one.
    let g = clip(13, &["x", "hi", "lo"], vec![], six()).unwrap();
    assert_op(&g, "Clip", &[1, 4], &[("min", f(0.0)), ("max", f(0.0))]);
    assert_error(clip(13, &["x", "x"], vec![], vec![]), Code::UnsupportedAttr, "the_Clip");
    assert_error(clip(13, &["x", "lo"], vec![], vec![floats("lo", &[2], &[0.0; 2])]), Code::BadShape, "the_Clip");
}

#[test]
fn softmax_before_and_after_opset_13() {
    let soft = |opset, dims: &[i64], axis: Option<i64>| {
        one(opset, dims, node("Softmax", &["x"], "y", axis.map(|a| a_int("axis", a)).into_iter().collect()), vec![])
    };
    let axis = |a| [("axis", Attr::Int(a))];
    assert_op(&soft(13, &[2, 3, 4], None).unwrap(), "Softmax", &[2, 3, 4], &axis(2));
    assert_op(&soft(13, &[2, 3, 4], Some(-2)).unwrap(), "Softmax", &[2, 3, 4], &axis(1));
    assert_op(&soft(12, &[2, 3], None).unwrap(), "Softmax", &[2, 3], &axis(1));
    assert_op(&soft(12, &[2, 3, 1, 1], None).unwrap(), "Softmax", &[2, 3, 1, 1], &axis(1));
    assert_op(&soft(12, &[2, 1, 1], None).unwrap(), "Softmax", &[2, 1, 1], &axis(1));
    // The older form takes 3 x 4 as one row of 12.
    let g = soft(12, &[2, 3, 4], None).unwrap();
    assert_op(&g, "Reshape", &[2, 3, 4], &[("shape", is(&[2, 3, 4]))]);
    let soft_node = g.ids().into_iter().find(|&i| g.node(i).op == "Softmax").unwrap();
    assert_eq!(g.node(soft_node).outs[0].shape, [2, 12]);
    assert_error(soft(13, &[2, 3], Some(2)), Code::BadShape, "the_Softmax");
    assert_error(soft(13, &[2, 3], Some(i64::MIN)), Code::BadShape, "the_Softmax");
}

#[test]
fn shapes_that_become_reshape() {
    let run = |opset, dims: &[i64], op: &str, second: Option<&[i64]>, attrs| {
        let (names, consts) = match second {
            Some(v) => (vec!["x", "s"], vec![ints("s", v)]),
            None => (vec!["x"], vec![]),
        };
        one(opset, dims, node(op, &names, "y", attrs), consts)
    };
    let to = |r: Result<Graph, mcompc_ir::Error>| {
        let g = r.unwrap();
        assert_eq!(result(&g).op, "Reshape");
        out_shape(&g)
    };
    assert_eq!(to(run(13, &[2, 3, 4], "Reshape", Some(&[0, -1]), vec![])), [2, 12]);
    assert_eq!(to(run(13, &[2, 3, 4], "Reshape", Some(&[24]), vec![])), [24]);
    for bad in [&[5, -1][..], &[-1, -1], &[-2, 12], &[7], &[0, 0, 0, 0], &[1 << 40, 1 << 40], &[2, 0]] {
        let e = run(13, &[2, 3, 4], "Reshape", Some(bad), vec![]);
        assert_error(e, Code::BadShape, "the_Reshape");
    }
    assert_error(run(14, &[2, 3, 4], "Reshape", Some(&[0, -1]), vec![a_int("allowzero", 1)]), Code::BadShape, "the_Reshape");
    assert_error(run(13, &[2, 3], "Reshape", Some(&[6]), vec![a_int("allowzero", 0)]), Code::UnsupportedAttr, "the_Reshape");
    assert_eq!(to(run(13, &[2, 3, 4], "Flatten", None, vec![])), [2, 12]);
    assert_eq!(to(run(13, &[2, 3, 4], "Flatten", None, vec![a_int("axis", 0)])), [1, 24]);
    assert_eq!(to(run(13, &[2, 3, 4], "Flatten", None, vec![a_int("axis", -1)])), [6, 4]);
    assert_eq!(to(run(13, &[2, 3, 4], "Flatten", None, vec![a_int("axis", 3)])), [24, 1]);
    assert_eq!(to(run(11, &[1, 3, 1], "Squeeze", None, vec![])), [3]);
    assert_eq!(to(run(11, &[1, 3, 1], "Squeeze", None, vec![a_ints("axes", &[-1])])), [1, 3]);
    assert_eq!(to(run(13, &[1, 3, 1], "Squeeze", Some(&[0]), vec![])), [3, 1]);
    assert_error(run(13, &[1, 3, 1], "Squeeze", None, vec![a_ints("axes", &[0])]), Code::UnsupportedAttr, "the_Squeeze");
    assert_error(run(11, &[1, 3, 1], "Squeeze", Some(&[0]), vec![]), Code::UnsupportedOpset, "the_Squeeze");
    assert_error(run(13, &[1, 3, 1], "Squeeze", Some(&[1]), vec![]), Code::BadShape, "the_Squeeze");
    assert_eq!(to(run(11, &[3], "Unsqueeze", None, vec![a_ints("axes", &[0, 2])])), [1, 3, 1]);
    assert_eq!(to(run(13, &[3], "Unsqueeze", Some(&[-1]), vec![])), [3, 1]);
    assert_error(run(13, &[3], "Unsqueeze", Some(&[2, -1]), vec![]), Code::BadShape, "the_Unsqueeze");
    assert_error(run(13, &[3], "Unsqueeze", None, vec![]), Code::MissingAttr, "the_Unsqueeze");
    // A shape that is computed at run time.
    let n = node("Reshape", &["x", "x"], "y", vec![]);
    assert_error(one(13, &[4], n, vec![]), Code::UnsupportedAttr, "the_Reshape");
}

#[test]
fn reduce_mean_axes() {
    let run = |opset, second: Option<&[i64]>, attrs| {
        let (names, consts) = match second {
            Some(v) => (vec!["x", "s"], vec![ints("s", v)]),
            None => (vec!["x"], vec![]),
        };
        one(opset, &[2, 3, 4], node("ReduceMean", &names, "y", attrs), consts)
    };
    assert_op(
        &run(13, None, vec![a_ints("axes", &[-1])]).unwrap(),
        "ReduceMean",
        &[2, 3, 1],
        &[("axes", is(&[2])), ("keepdims", Attr::Int(1))],
    );
    assert_op(&run(18, Some(&[2, 1]), vec![a_int("keepdims", 0)]).unwrap(), "ReduceMean", &[2], &[("axes", is(&[1, 2]))]);
    assert_op(&run(13, None, vec![]).unwrap(), "ReduceMean", &[1, 1, 1], &[("axes", is(&[0, 1, 2]))]);
    let g = run(18, None, vec![a_int("noop_with_empty_axes", 1)]).unwrap();
    assert_eq!(result(&g).op, "input");
    assert_error(run(18, None, vec![a_ints("axes", &[1])]), Code::UnsupportedAttr, "the_ReduceMean");
    assert_error(run(13, None, vec![a_ints("axes", &[3])]), Code::BadShape, "the_ReduceMean");
}

#[test]
fn pads_as_attribute_and_as_input() {
    let run = |opset, names: &[&str], attrs, consts| one(opset, &[1, 3], node("Pad", names, "y", attrs), consts);
    let g = run(10, &["x"], vec![a_ints("pads", &[0, 1, 0, 2]), a_float("value", 5.0)], vec![]).unwrap();
    assert_op(&g, "Pad", &[1, 6], &[("pads", is(&[0, 1, 0, 2])), ("value", Attr::Float(5.0))]);
    let g = run(13, &["x", "p", "v"], vec![], vec![ints("p", &[1, 0, 0, 0]), floats("v", &[], &[2.0])]).unwrap();
    assert_op(&g, "Pad", &[2, 3], &[("value", Attr::Float(2.0))]);
    let g = run(18, &["x", "p", "", "a"], vec![], vec![ints("p", &[1, 2]), ints("a", &[-1])]).unwrap();
    assert_op(&g, "Pad", &[1, 6], &[("pads", is(&[0, 1, 0, 2])), ("value", Attr::Float(0.0))]);
    let p = || vec![ints("p", &[0, 1, 0, 1])];
    let g = run(13, &["x", "p"], vec![a_str("mode", "reflect")], p()).unwrap();
    assert_op(&g, "Pad", &[1, 5], &[("pads", is(&[0, 1, 0, 1])), ("mode", Attr::Str("reflect".into()))]);
    let g = run(13, &["x", "p"], vec![], vec![ints("p", &[0, -1, 0, 0])]).unwrap();
    assert_op(&g, "Slice", &[1, 2], &[("starts", is(&[0, 1])), ("sizes", is(&[1, 2]))]);
    // Mirrored elements that are not there, a mode of a later operator set, nothing left.
    assert_error(run(13, &["x", "p"], vec![a_str("mode", "reflect")], vec![ints("p", &[1, 0, 0, 0])]), Code::UnsupportedAttr, "the_Pad");
    assert_error(run(13, &["x", "p"], vec![a_str("mode", "wrap")], p()), Code::UnsupportedAttr, "the_Pad");
    assert_error(run(13, &["x", "p"], vec![], vec![ints("p", &[0, -1, 0, -2])]), Code::BadShape, "the_Pad");
    assert_error(run(13, &["x", "p"], vec![], vec![ints("p", &[0, 1])]), Code::UnsupportedAttr, "the_Pad");
    assert_error(run(13, &["x", "p"], vec![], vec![ints("p", &[0, 1 << 28, 0, 1 << 28])]), Code::Limit, "the_Pad");
    assert_error(run(13, &["x"], vec![], vec![]), Code::MissingAttr, "the_Pad");
}

#[test]
fn slices_and_splits() {
    let x = [2, 5];
    let cut = |opset, starts: &[i64], ends: &[i64], steps: &[i64]| {
        let consts = vec![ints("s", starts), ints("e", ends), ints("k", steps)];
        one(opset, &x, node("Slice", &["x", "s", "e", "", "k"], "y", vec![]), consts)
    };
    let attrs = |s: &[i64], n: &[i64], k: &[i64]| [("starts", is(s)), ("sizes", is(n)), ("steps", is(k))];
    assert_op(&cut(13, &[0, -1], &[9, -9], &[1, -2]).unwrap(), "Slice", &[2, 3], &attrs(&[0, 4], &[2, 3], &[1, -2]));
    let old = vec![a_ints("starts", &[1]), a_ints("ends", &[4]), a_ints("axes", &[-1])];
    assert_op(&one(9, &x, node("Slice", &["x"], "y", old), vec![]).unwrap(), "Slice", &[2, 3], &attrs(&[0, 1], &[2, 3], &[1, 1]));
    assert_error(cut(13, &[0, 3], &[2, 3], &[1, 1]), Code::BadShape, "the_Slice");
    assert_error(cut(13, &[0, 0], &[2, 3], &[1, 0]), Code::UnsupportedAttr, "the_Slice");
    assert_error(cut(13, &[0], &[2, 3], &[1]), Code::BadShape, "the_Slice");
    let split = |opset, outputs: &[&str], attrs: Vec<mcompc_onnx::proto::AttributeProto>| {
        let mut n = node("Split", &["x"], "", attrs);
        n.output = outputs.iter().map(|o| (*o).into()).collect();
        import(&model(opset, vec![value("x", &x)], vec![free("y")], vec![], vec![n]))
    };
    let sizes = |v: &[i64]| vec![a_int("axis", 1), a_ints("split", v)];
    assert_op(&split(11, &["", "y"], sizes(&[2, 3])).unwrap(), "Slice", &[2, 3], &attrs(&[0, 2], &[2, 3], &[1, 1]));
    let three = vec![a_int("axis", -1), a_int("num_outputs", 3)];
    assert_op(&split(18, &["", "", "y"], three.clone()).unwrap(), "Slice", &[2, 1], &attrs(&[0, 4], &[2, 1], &[1, 1]));
    assert_error(split(18, &["a", "y"], three), Code::BadShape, "the_Split");
    assert_error(split(11, &["a", "y"], sizes(&[2, 2])), Code::BadShape, "the_Split");
    assert_error(split(13, &["a", "y"], vec![a_int("axis", 1)]), Code::BadShape, "the_Split");
}

#[test]
fn gemm_becomes_dense() {
    let run = |attrs, consts: Vec<_>, names: &[&str]| one(13, &[1, 2], node("Gemm", names, "y", attrs), consts).unwrap();
    let const_of = |g: &Graph, port: usize| g.const_of(g.inputs_of(g.outputs[0].value.node)[port]).unwrap().clone();
    let (w, b) = (|d: &[i64]| floats("w", d, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), |d: &[i64], v: &[f32]| floats("b", d, v));

    let g = run(vec![a_int("transB", 1)], vec![w(&[3, 2]), b(&[3], &[1.0, 2.0, 3.0])], &["x", "w", "b"]);
    assert_op(&g, "Dense", &[1, 3], &[]);
    assert_eq!(g.len(), 4);
    assert_eq!((const_of(&g, 1).shape, const_of(&g, 2).shape), (vec![3, 2], vec![3]));

    let g = run(vec![a_float("alpha", 2.0), a_float("beta", 0.5)], vec![w(&[2, 3]), b(&[1, 1], &[8.0])], &["x", "w", "b"]);
    assert_op(&g, "Dense", &[1, 3], &[]);
    assert_eq!(const_of(&g, 1).as_f32().unwrap()[..], [2.0, 8.0, 4.0, 10.0, 6.0, 12.0]);
    assert_eq!(const_of(&g, 2).as_f32().unwrap()[..], [4.0, 4.0, 4.0]);
    assert_eq!(g.len(), 4, "the constants in their old form are gone");

    let g = run(vec![], vec![w(&[2, 3])], &["x", "w"]);
    assert_eq!(g.inputs_of(g.outputs[0].value.node).len(), 2);
    let g = run(vec![a_float("beta", 0.0)], vec![w(&[2, 3]), b(&[3], &[1.0; 3])], &["x", "w", "b"]);
    assert_eq!(g.inputs_of(g.outputs[0].value.node).len(), 2);

    // A bias that differs by row is an addition.
    let m = |c: &[i64], n: usize| one(13, &[2, 2], node("Gemm", &["x", "w", "b"], "y", vec![]), vec![w(&[2, 3]), b(c, &vec![1.0; n])]);
    assert_op(&m(&[2, 3], 6).unwrap(), "Add", &[2, 3], &[]);
    assert_error(m(&[4, 3], 12), Code::BadShape, "the_Gemm");
    assert_error(m(&[1, 2, 3], 6), Code::BadShape, "the_Gemm");

    // Weights that are computed: spelt out.
    let g = one(13, &[2, 2], node("Gemm", &["x", "x"], "y", vec![a_int("transA", 1), a_int("transB", 1), a_float("alpha", 3.0)]), vec![])
        .unwrap();
    let count = |op: &str| g.ids().into_iter().filter(|&i| g.node(i).op == op).count();
    assert_eq!((count("Transpose"), count("MatMul"), count("Mul")), (2, 1, 1));
    assert_eq!((result(&g).op.as_str(), result(&g).name.as_str()), ("Mul", "the_Gemm"));
    assert_error(one(13, &[1, 3], node("Gemm", &["x", "w"], "y", vec![]), vec![w(&[2, 3])]), Code::BadShape, "the_Gemm");
    assert_error(one(13, &[3], node("Gemm", &["x", "w"], "y", vec![]), vec![w(&[3, 2])]), Code::BadShape, "the_Gemm");
}

#[test]
fn activations_and_their_defaults() {
    let run = |op: &str, attrs| one(22, &[1, 4], node(op, &["x"], "y", attrs), vec![]).unwrap();
    for op in ["Relu", "Sigmoid", "Tanh", "HardSwish"] {
        assert_op(&run(op, vec![]), op, &[1, 4], &[]);
    }
    assert_op(&run("LeakyRelu", vec![]), "LeakyRelu", &[1, 4], &[("alpha", Attr::Float(f64::from(0.01f32)))]);
    assert_op(&run("Elu", vec![a_float("alpha", 0.5)]), "Elu", &[1, 4], &[("alpha", Attr::Float(0.5))]);
    assert_op(
        &run("HardSigmoid", vec![]),
        "HardSigmoid",
        &[1, 4],
        &[("alpha", Attr::Float(f64::from(0.2f32))), ("beta", Attr::Float(0.5))],
    );
}

#[test]
fn batch_normalization_in_its_inference_form() {
    let run = |opset, attrs| {
        let c = |n: &str| floats(n, &[2], &[1.0, 2.0]);
        let n = node("BatchNormalization", &["x", "s", "b", "m", "v"], "y", attrs);
        one(opset, &[1, 2, 3, 3], n, vec![c("s"), c("b"), c("m"), c("v")])
    };
    let g = run(9, vec![a_float("epsilon", 0.5), a_float("momentum", 0.1)]).unwrap();
    assert_op(&g, "BatchNormalization", &[1, 2, 3, 3], &[("epsilon", Attr::Float(0.5)), ("axis", Attr::Int(1))]);
    assert!(run(7, vec![a_int("spatial", 1)]).is_ok());
    assert_error(run(7, vec![a_int("spatial", 0)]), Code::UnsupportedAttr, "the_BatchNormalization");
    assert_error(run(15, vec![a_int("training_mode", 1)]), Code::UnsupportedAttr, "the_BatchNormalization");
    assert_error(run(15, vec![a_int("spatial", 1)]), Code::UnsupportedAttr, "the_BatchNormalization");
    assert_error(run(15, vec![a_float("epsilon", f32::INFINITY)]), Code::UnsupportedAttr, "the_BatchNormalization");
}

#[test]
fn identity_dropout_and_constant_vanish() {
    let nodes = vec![
        node("Identity", &["x"], "a", vec![]),
        node("Dropout", &["a"], "b", vec![a_float("ratio", 0.5)]),
        node("Constant", &[], "c", vec![a_tensor("value", floats("", &[4], &[1.0, 2.0, 3.0, 4.0]))]),
        node("Identity", &["c"], "d", vec![]),
        node("Add", &["b", "d"], "y", vec![]),
    ];
    let g = import(&model(10, vec![value("x", &[4])], vec![free("y")], vec![], nodes)).unwrap();
    assert_eq!(g.len(), 3);
    assert_op(&g, "Add", &[4], &[]);

    let constant = |a| one(13, &[2], node("Constant", &[], "c", a), vec![]);
    assert_error(constant(vec![]), Code::MissingAttr, "the_Constant");
    assert_error(constant(vec![a_str("value_string", "s")]), Code::UnsupportedAttr, "the_Constant");
    assert_error(constant(vec![a_int("value_int", 1), a_float("value_float", 1.0)]), Code::MissingAttr, "the_Constant");
    // A constant list as the shape of a Reshape.
    let nodes = vec![node("Constant", &[], "s", vec![a_ints("value_ints", &[2, 2])]), node("Reshape", &["x", "s"], "y", vec![])];
    let g = import(&model(13, vec![value("x", &[4])], vec![free("y")], vec![], nodes)).unwrap();
    assert_op(&g, "Reshape", &[2, 2], &[]);
    let drop = |mode: &[f32]| {
        let t = mcompc_onnx::proto::TensorProto {
            dims: vec![],
            data_type: Some(9),
            raw_data: Some(vec![u8::from(mode[0] != 0.0)].into()),
            ..floats("t", &[], &[])
        };
        one(13, &[4], node("Dropout", &["x", "", "t"], "y", vec![a_int("seed", 1)]), vec![t])
    };
    assert!(drop(&[0.0]).is_ok());
    assert_error(drop(&[1.0]), Code::UnsupportedAttr, "the_Dropout");
}

#[test]
fn arithmetic_concat_and_transpose() {
    for op in ["Add", "Sub", "Mul", "Div"] {
        let g = one(8, &[2, 1, 3], node(op, &["x", "w"], "y", vec![]), vec![floats("w", &[4, 1], &[1.0; 4])]).unwrap();
        assert_op(&g, op, &[2, 4, 3], &[]);
    }
    let concat = |axis| one(11, &[1, 2, 3], node("Concat", &["x", "x", "x"], "y", vec![a_int("axis", axis)]), vec![]);
    assert_op(&concat(-1).unwrap(), "Concat", &[1, 2, 9], &[("axis", Attr::Int(2))]);
    assert_error(concat(3), Code::BadShape, "the_Concat");
    let transpose = |attrs| one(11, &[1, 2, 3], node("Transpose", &["x"], "y", attrs), vec![]);
    assert_op(&transpose(vec![]).unwrap(), "Transpose", &[3, 2, 1], &[("perm", is(&[2, 1, 0]))]);
    assert_op(&transpose(vec![a_ints("perm", &[0, 2, 1])]).unwrap(), "Transpose", &[1, 3, 2], &[]);
    for perm in [&[0, 1][..], &[0, 0, 1], &[0, 1, 3], &[-1, 0, 1]] {
        assert_error(transpose(vec![a_ints("perm", perm)]), Code::BadShape, "the_Transpose");
    }
    let g = one(13, &[2, 3], node("MatMul", &["x", "w"], "y", vec![]), vec![floats("w", &[3, 4], &[1.0; 12])]).unwrap();
    assert_op(&g, "MatMul", &[2, 4], &[]);
    // The same operator twice under one name: the second gets a number.
    let nodes = vec![node("Relu", &["x"], "a", vec![]), node("Relu", &["a"], "y", vec![])];
    let g = import(&model(13, vec![value("x", &[4])], vec![free("y")], vec![], nodes)).unwrap();
    assert_eq!(result(&g).name, "the_Relu#2");
}
