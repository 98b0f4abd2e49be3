//! Shape arithmetic is folded while importing: what exporters compute from sizes becomes attributes.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use mcompc_ir::{Attr, Code, DType, Error, Graph, Tensor};
use mcompc_onnx::proto::*;
use mcompc_onnx::{ImportOptions, import_bytes};
use prost::Message;

fn truths(name: &str, data: &[bool]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![data.len() as i64],
        data_type: Some(data_type::BOOL),
        int32_data: data.iter().map(|&b| b.into()).collect(),
        ..Default::default()
    }
}

fn scalar(name: &str, v: i64) -> TensorProto {
    TensorProto { dims: vec![], ..ints(name, &[v]) }
}

/// `x` of shape `dims`, nodes, constants; the output `y` may be of any type.
fn graph(opset: i64, dims: &[i64], nodes: Vec<NodeProto>, consts: Vec<TensorProto>) -> Result<Graph, Error> {
    import(&model(opset, vec![value("x", dims)], vec![free("y")], consts, nodes))
}

/// The integers that a chain of nodes ending in `k` computes, read by a Reshape, an Expand or the like: here as the value of a constant that
/// Cast makes floats of.
#[track_caller]
fn folded(opset: i64, dims: &[i64], mut nodes: Vec<NodeProto>, consts: Vec<TensorProto>) -> Vec<f32> {
    nodes.push(node("Cast", &["k"], "f", vec![a_int("to", 1)]));
    nodes.push(node("Identity", &["f"], "y", vec![]));
    let g = graph(opset, dims, nodes, consts).unwrap_or_else(|e| panic!("{e}"));
    let t = g.const_of(g.outputs[0].value).unwrap();
    t.as_f32().unwrap().to_vec()
}

#[test]
fn a_flatten_as_exporters_spell_it() {
    // view(x.size(0), -1): Shape, Gather, Unsqueeze, Concat, Reshape.
    let nodes = vec![
        node("Shape", &["x"], "s", vec![]),
        node("Gather", &["s", "zero"], "n", vec![a_int("axis", 0)]),
        node("Unsqueeze", &["n", "axes"], "u", vec![]),
        node("Concat", &["u", "minus"], "shape", vec![a_int("axis", 0)]),
        node("Reshape", &["x", "shape"], "y", vec![]),
    ];
    let consts = vec![scalar("zero", 0), ints("axes", &[0]), ints("minus", &[-1])];
    let g = graph(13, &[2, 3, 4], nodes.clone(), consts.clone()).unwrap();
    assert_eq!((result(&g).op.as_str(), out_shape(&g)), ("Reshape", vec![2, 12]));
    assert_eq!(g.len(), 2, "nothing of the arithmetic is left");
    // The batch may be symbolic.
    let m = model(13, vec![symbolic("x", &["batch", "3", "4"])], vec![free("y")], consts, nodes);
    assert_error(import(&m), Code::UnboundDim, "x");
    let opts = ImportOptions { dims: vec![("batch".into(), 5)], ..Default::default() };
    let g = import_bytes(m.encode_to_vec().into(), &opts).unwrap();
    assert_eq!(out_shape(&g), [5, 12]);
}

#[test]
fn all_dimensions_that_are_not_bound_are_named_at_once() {
    let ins = vec![symbolic("x", &["batch", "3", "time"]), symbolic("z", &["batch", "width"])];
    let m = model(13, ins, vec![free("y")], vec![], vec![node("Relu", &["x"], "y", vec![])]);
    let e = assert_error(import(&m), Code::UnboundDim, "x");
    let hint = e.hint.unwrap();
    assert!(hint.contains("--dim batch=1 --dim time=1 --dim width=1"), "{hint}");
}

#[test]
fn arithmetic_on_sizes() {
    let shape = || node("Shape", &["x"], "s", vec![]);
    let two = |op: &str, attrs| folded(13, &[7, 3], vec![shape(), node(op, &["s", "c"], "k", attrs)], vec![ints("c", &[2, -2])]);
    assert_eq!(two("Add", vec![]), [9.0, 1.0]);
    assert_eq!(two("Sub", vec![]), [5.0, 5.0]);
    assert_eq!(two("Mul", vec![]), [14.0, -6.0]);
    assert_eq!(two("Div", vec![]), [3.0, -1.0], "towards zero");
    assert_eq!(two("Mod", vec![]), [1.0, -1.0], "the sign of the divisor");
    assert_eq!(two("Mod", vec![a_int("fmod", 1)]), [1.0, 1.0]);
    assert_eq!(two("Min", vec![]), [2.0, -2.0]);
    assert_eq!(two("Max", vec![]), [7.0, 3.0]);
    assert_eq!(two("Pow", vec![]), [49.0, 0.0]);
    // The root of a size, as attention scales by it: real, and of the base's type.
    let root = folded(13, &[64, 3], vec![shape(), node("Pow", &["s", "h"], "k", vec![])], vec![floats("h", &[], &[0.5])]);
    assert_eq!(root, [8.0, 1.0]);
    let least = folded(13, &[7, 3], vec![node("Pow", &["l", "c"], "k", vec![])], vec![ints("l", &[i64::MIN, -1]), ints("c", &[-1, -3])]);
    assert_eq!(least, [0.0, -1.0]);
    assert_eq!(two("Equal", vec![]), [0.0, 0.0]);
    assert_eq!(two("Greater", vec![]), [1.0, 1.0]);
    assert_eq!(two("LessOrEqual", vec![]), [0.0, 0.0]);
    let one = |op: &str, attrs| folded(13, &[7, 3], vec![shape(), node(op, &["s"], "k", attrs)], vec![]);
    assert_eq!(one("Neg", vec![]), [-7.0, -3.0]);
    assert_eq!(one("ReduceProd", vec![a_int("keepdims", 0)]), [21.0]);
    assert_eq!(one("ReduceMax", vec![]), [7.0]);
    assert_eq!(one("ReduceSum", vec![]), [10.0]);
    assert_eq!(one("ArgMin", vec![]), [1.0]);
    let e = graph(13, &[7], vec![shape(), node("Div", &["s", "c"], "y", vec![])], vec![ints("c", &[0])]).unwrap_err();
    assert_eq!((e.code, e.node.as_deref()), (Code::BadTensor, Some("the_Div")), "{e}");
    assert_eq!(folded(13, &[2, 3], vec![node("Size", &["x"], "k", vec![])], vec![]), [6.0]);
    let part =
        |start, end| folded(15, &[2, 3, 5], vec![node("Shape", &["x"], "k", vec![a_int("start", start), a_int("end", end)])], vec![]);
    assert_eq!(part(1, 9), [3.0, 5.0]);
    assert_eq!(part(-2, -1), [3.0]);
    let e = graph(13, &[2, 3], vec![node("Shape", &["x"], "y", vec![a_int("start", 1)])], vec![]).unwrap_err();
    assert_eq!(e.code, Code::UnsupportedAttr, "start came with opset 15: {e}");
}

#[test]
fn constants_that_are_made() {
    let t = |v: TensorProto| vec![a_tensor("value", v)];
    let of = |v| folded(13, &[2, 2], vec![node("ConstantOfShape", &["d"], "k", v)], vec![ints("d", &[3])]);
    assert_eq!(of(vec![]), [0.0; 3]);
    assert_eq!(of(t(ints("", &[7]))), [7.0; 3]);
    let range = |v: [i64; 3]| {
        folded(13, &[1], vec![node("Range", &["a", "b", "c"], "k", vec![])], vec![scalar("a", v[0]), scalar("b", v[1]), scalar("c", v[2])])
    };
    assert_eq!(range([1, 8, 3]), [1.0, 4.0, 7.0]);
    assert_eq!(range([5, 0, -2]), [5.0, 3.0, 1.0]);
    let reals = vec![floats("a", &[], &[0.0]), floats("b", &[], &[1.0]), floats("c", &[], &[0.25])];
    assert_eq!(folded(13, &[1], vec![node("Range", &["a", "b", "c"], "k", vec![])], reals), [0.0, 0.25, 0.5, 0.75]);
    let which = vec![node("Where", &["c", "p", "q"], "k", vec![])];
    let consts = vec![truths("c", &[true, false, true]), ints("p", &[1, 2, 3]), ints("q", &[-9])];
    assert_eq!(folded(13, &[1], which, consts), [1.0, -9.0, 3.0]);
    assert_eq!(folded(13, &[1], vec![node("NonZero", &["p"], "k", vec![])], vec![ints("p", &[0, 4, 0, 2])]), [1.0, 3.0]);
    let sums = |attrs| folded(13, &[1], vec![node("CumSum", &["p", "z"], "k", attrs)], vec![ints("p", &[1, 2, 3]), scalar("z", 0)]);
    assert_eq!(sums(vec![]), [1.0, 3.0, 6.0]);
    assert_eq!(sums(vec![a_int("exclusive", 1), a_int("reverse", 1)]), [5.0, 3.0, 0.0]);
    let hot = vec![node("OneHot", &["p", "d", "v"], "k", vec![])];
    assert_eq!(folded(13, &[1], hot, vec![ints("p", &[1, -1]), scalar("d", 3), ints("v", &[0, 5])]), [0.0, 5.0, 0.0, 0.0, 0.0, 5.0]);
    // An integer that leaves its type wraps, and reals are cut towards zero.
    let narrow = vec![node("Cast", &["p"], "k", vec![a_int("to", data_type::INT8.into())])];
    assert_eq!(folded(13, &[1], narrow, vec![ints("p", &[127, 128, -129])]), [127.0, -128.0, 127.0]);
    let cut = vec![node("Cast", &["p"], "k", vec![a_int("to", data_type::INT64.into())])];
    assert_eq!(folded(13, &[1], cut, vec![floats("p", &[3], &[1.9, -1.9, 2.0])]), [1.0, -1.0, 2.0]);
}

#[test]
fn moves_of_constants_of_any_type() {
    let shape = || node("Shape", &["x"], "s", vec![]);
    let slice = vec![shape(), node("Slice", &["s", "a", "b"], "k", vec![])];
    assert_eq!(folded(13, &[2, 3, 5, 7], slice, vec![ints("a", &[1]), ints("b", &[3])]), [3.0, 5.0]);
    let mut split = node("Split", &["s"], "p", vec![]);
    split.output.push("k".into());
    assert_eq!(folded(13, &[2, 3, 5, 7], vec![shape(), split], vec![]), [5.0, 7.0]);
    let turned = vec![shape(), node("Reshape", &["s", "d"], "r", vec![]), node("Transpose", &["r"], "k", vec![])];
    assert_eq!(folded(13, &[2, 3, 5, 7], turned, vec![ints("d", &[2, 2])]), [2.0, 5.0, 3.0, 7.0]);
    // Scales of a resize: sizes as floats, multiplied, rounded down, and back.
    let nodes = vec![
        shape(),
        node("Cast", &["s"], "r", vec![a_int("to", 1)]),
        node("Mul", &["r", "by"], "m", vec![]),
        node("Floor", &["m"], "n", vec![]),
        node("Cast", &["n"], "k", vec![a_int("to", 7)]),
    ];
    let nodes: Vec<NodeProto> = nodes.into_iter().enumerate().map(|(i, n)| NodeProto { name: Some(format!("n{i}")), ..n }).collect();
    assert_eq!(folded(13, &[5, 7], nodes, vec![floats("by", &[], &[1.5])]), [7.0, 10.0]);
}

#[test]
fn what_is_known_at_run_time_only_is_refused() {
    let e = graph(13, &[4], vec![node("NonZero", &["x"], "y", vec![])], vec![]).unwrap_err();
    assert_eq!((e.code, e.node.as_deref()), (Code::UnsupportedOp, Some("the_NonZero")));
    assert!(e.message.contains("`x` is computed at run time"), "{e}");
    // To integers it cuts.
    let back = node("Cast", &["i"], "y", vec![a_int("to", 1)]);
    let g = graph(13, &[4], vec![node("Cast", &["x"], "i", vec![a_int("to", 7)]), back], vec![]).unwrap();
    assert_eq!((g.len(), result(&g).op.as_str()), (2, "Trunc"));
    // Of floats to floats it is nothing.
    let g = graph(13, &[4], vec![node("Cast", &["x"], "r", vec![a_int("to", 10)]), node("Relu", &["r"], "y", vec![])], vec![]).unwrap();
    assert_eq!((g.len(), result(&g).op.as_str()), (2, "Relu"));
}

#[test]
fn everything_that_stands_in_the_way_is_said_at_once() {
    let mut ids = value("ids", &[4]);
    ids.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = Some(data_type::INT64);
    let named = |op: &str, x: &str, y: &str| NodeProto { name: Some(format!("the_{y}")), ..node(op, &[x], y, vec![]) };
    let nodes = vec![
        named("Det", "x", "a"),
        named("Det", "x", "b"),
        named("NonZero", "x", "c"),
        named("Sigmoid", "ids", "d"),
        named("Relu", "a", "y"),
    ];
    let m = model(13, vec![value("x", &[1, 4]), ids], vec![free("y")], vec![], nodes);
    let e = import(&m).unwrap_err();
    for part in ["Det 2", "NonZero 1", "Sigmoid 1", "operator Det", "NonZero of `x`", "(`ids`) of Sigmoid is i64"] {
        assert!(e.message.contains(part), "{part} is missing: {e}");
    }
}

#[test]
fn floats_of_other_widths_are_32_bits() {
    let half = TensorProto {
        name: Some("h".into()),
        dims: vec![2],
        data_type: Some(data_type::FLOAT16),
        raw_data: Some(vec![0x00, 0x3c, 0x00, 0xc0].into()),
        ..Default::default()
    };
    let brain = TensorProto {
        name: Some("b".into()),
        dims: vec![2],
        data_type: Some(data_type::BFLOAT16),
        int32_data: vec![0x3f80, 0xc000],
        ..Default::default()
    };
    let double = TensorProto {
        name: Some("d".into()),
        dims: vec![2],
        data_type: Some(data_type::DOUBLE),
        double_data: vec![1.0, -2.0],
        ..Default::default()
    };
    for w in [half, brain, double] {
        let name = w.name.clone().unwrap();
        let kind = w.data_type;
        let mut x = value("x", &[2]);
        let mut y = free("y");
        for v in [&mut x, &mut y] {
            v.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = kind;
        }
        let m = model(13, vec![x], vec![y], vec![w], vec![node("Mul", &["x", &name], "y", vec![])]);
        let g = import(&m).unwrap_or_else(|e| panic!("{name}: {e}"));
        let c = g.ids().into_iter().find_map(|i| g.node(i).tensor.clone()).unwrap();
        assert_eq!(c, Tensor::from_f32([2], &[1.0, -2.0]).unwrap(), "{name}");
        assert_eq!(g.value(g.outputs[0].value).dtype, DType::F32);
    }
}

#[test]
fn bounds_and_axes_may_be_computed() {
    let nodes = vec![
        node("Shape", &["x"], "s", vec![]),
        node("Cast", &["s"], "f", vec![a_int("to", 1)]),
        node("Sqrt", &["f"], "r", vec![]),
        node("Squeeze", &["r"], "top", vec![]),
        node("Clip", &["x", "", "top"], "y", vec![]),
    ];
    let g = graph(13, &[4], nodes, vec![]).unwrap();
    assert_eq!(result(&g).attrs.get("max"), Some(&Attr::Float(2.0)));
    assert_eq!(g.len(), 2);
}
