//! Quantized models: what becomes of codes, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use mcompc_ir::{Attr, Code, Error, Graph, ValueId};
use mcompc_onnx::proto::{NodeProto, TensorProto, ValueInfoProto, data_type};

fn tensor(name: &str, dims: &[i64], kind: i32, data: &[i32]) -> TensorProto {
    TensorProto { name: Some(name.into()), dims: dims.to_vec(), data_type: Some(kind), int32_data: data.to_vec(), ..Default::default() }
}

fn typed(mut v: ValueInfoProto, kind: i32) -> ValueInfoProto {
    v.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = Some(kind);
    v
}

fn constants() -> Vec<TensorProto> {
    vec![
        floats("s", &[], &[0.5]),
        tensor("z", &[], data_type::UINT8, &[3]),
        floats("s2", &[], &[0.25]),
        tensor("w", &[2, 3], data_type::INT8, &[1, -2, 127, -127, 4, 0]),
        floats("ws", &[2], &[0.5, 0.25]),
        tensor("wz", &[2], data_type::INT8, &[0, 0]),
        tensor("odd", &[2, 3], data_type::UINT8, &[0, 5, 255, 7, 8, 9]),
        tensor("oddz", &[2], data_type::UINT8, &[0, 255]),
        tensor("z16", &[], data_type::INT16, &[0]),
        tensor("z32", &[], data_type::INT32, &[0]),
        floats("turned", &[2, 2], &[-0.5, 0.0, 0.25, -4.0]),
        floats("minus", &[], &[-0.5]),
        floats("blocks", &[2, 2], &[0.5, 2.0, 0.25, 4.0]),
        floats("real", &[2, 3], &[0.4, -0.6, 9.0, 0.2, -40.0, 0.1]),
        tensor("least", &[], data_type::UINT8, &[1]),
        tensor("most", &[], data_type::UINT8, &[9]),
    ]
}

fn chain(nodes: Vec<NodeProto>) -> Result<Graph, Error> {
    import(&model(21, vec![value("x", &[1, 3])], vec![free("y")], constants(), nodes))
}

fn quantized(x: &str, y: &str) -> NodeProto {
    node("QuantizeLinear", &[x, "s", "z"], y, vec![])
}

fn real(x: &str, y: &str) -> NodeProto {
    node("DequantizeLinear", &[x, "s", "z"], y, vec![])
}

#[test]
fn a_pair_is_one_node_and_moves_keep_codes() {
    let reshape = NodeProto { input: vec!["q".into(), "to".into()], ..node("Reshape", &[], "r", vec![]) };
    let mut all = constants();
    all.push(ints("to", &[3, 1]));
    let nodes = vec![quantized("x", "q"), reshape, real("r", "y")];
    let g = import(&model(21, vec![value("x", &[1, 3])], vec![free("y")], all, nodes)).unwrap();
    assert_eq!((result(&g).op.as_str(), out_shape(&g)), ("Reshape", vec![3, 1]));
    let q = g.node(g.inputs_of(g.outputs[0].value.node)[0].node);
    assert_eq!(q.op, "Quantize");
    for (name, want) in [("scale", Attr::Float(0.5)), ("zero", Attr::Int(3)), ("codes", Attr::Str("u8".into()))] {
        assert_eq!(q.attrs.get(name), Some(&want));
    }
}

#[test]
fn constants_are_the_reals_of_their_codes() {
    let axis = vec![a_int("axis", 0)];
    let g = chain(vec![
        node("DequantizeLinear", &["w", "ws", "wz"], "f", axis),
        NodeProto { input: vec!["x".into(), "f".into()], ..node("Gemm", &[], "y", vec![a_int("transB", 1)]) },
    ])
    .unwrap();
    let w: ValueId = g.inputs_of(g.outputs[0].value.node)[1];
    assert_eq!(&*g.const_of(w).unwrap().as_f32().unwrap(), [0.5, -1.0, 63.5, -31.75, 1.0, 0.0]);
}

#[test]
fn one_tensor_under_two_scales() {
    let inputs = ["w", "s", "z0", "w", "s2", "z0", "s", "z0"].map(String::from).to_vec();
    let add = NodeProto { input: inputs, domain: Some("com.microsoft".into()), ..node("QLinearAdd", &[], "q", vec![]) };
    let mut all = constants();
    all.push(tensor("z0", &[], data_type::INT8, &[0]));
    let nodes = vec![add, node("DequantizeLinear", &["q", "s", "z0"], "f", vec![]), node("Add", &["x", "f"], "y", vec![])];
    let g = import(&model(21, vec![value("x", &[2, 3])], vec![free("y")], all, nodes)).unwrap();
    let sums: Vec<f32> = [1.0, -2.0, 127.0, -127.0, 4.0, 0.0].iter().map(|c| c * 0.75).collect();
    // Whatever is folded: what is added to x are the sums of both readings, on the result's codes.
    let x = mcompc_ir::Tensor::from_f32([2, 3], &[0.0; 6]).unwrap();
    let y = mcompc_interp::run(&g, &[x]).unwrap()[0].as_f32().unwrap().to_vec();
    let wanted: Vec<f32> = sums.iter().map(|v| ((v / 0.5 + 0.5).floor().clamp(-128.0, 127.0)) * 0.5).collect();
    assert_eq!(y, wanted);
}

#[test]
fn codes_at_the_interface() {
    let nodes = vec![real("x", "f"), node("Relu", &["f"], "r", vec![]), quantized("r", "y")];
    let ends = |kind| import(&model(21, vec![typed(value("x", &[1, 3]), kind)], vec![typed(free("y"), kind)], constants(), nodes.clone()));
    let g = ends(data_type::UINT8).unwrap();
    let given = g.node(g.users(g.out(g.inputs[0]))[0].0);
    assert_eq!((given.op.as_str(), given.attrs.int("given")), ("Quantize", Ok(1)));
    // The scale's zero point is of another type than the input.
    assert_error(ends(data_type::INT8), Code::UnsupportedType, "the_DequantizeLinear");
    // Nobody says what the codes stand for: they are numbers, and the output is declared as something else.
    let relu = vec![node("Relu", &["x"], "y", vec![])];
    let m = model(21, vec![typed(value("x", &[1, 3]), data_type::UINT8)], vec![free("y")], vec![], relu);
    assert_error(import(&m), Code::BadShape, "y");
}

#[test]
fn what_is_not_taken_is_refused() {
    let refused = |nodes: Vec<NodeProto>, code: Code, at: &str, what: &str| {
        let e = assert_error(chain(nodes), code, at);
        assert!(e.message.contains(what), "{e}");
    };
    let dq = |inputs: [&str; 3], attrs| node("DequantizeLinear", &inputs, "y", attrs);
    let q = |inputs: [&str; 3], attrs| node("QuantizeLinear", &inputs, "y", attrs);
    refused(vec![quantized("x", "q"), node("Relu", &["q"], "y", vec![])], Code::UnsupportedType, "the_Relu", "Relu of integers");
    refused(vec![quantized("x", "q"), dq(["q", "s2", "z"], vec![])], Code::UnsupportedAttr, "the_DequantizeLinear", "another scale");
    refused(vec![q(["x", "ws", "wz"], vec![])], Code::UnsupportedAttr, "the_QuantizeLinear", "2 scales");
    refused(vec![q(["x", "s", "z32"], vec![])], Code::UnsupportedType, "the_QuantizeLinear", "i32 codes");
    refused(vec![q(["x", "minus", "z"], vec![])], Code::BadTensor, "the_QuantizeLinear", "a scale of -0.5");
    refused(vec![q(["real", "minus", "z"], vec![])], Code::BadTensor, "the_QuantizeLinear", "a scale of -0.5");
    refused(vec![q(["x", "x", "z"], vec![])], Code::UnsupportedAttr, "the_QuantizeLinear", "computed at run time");
    let blocks = |attrs| vec![dq(["w", "blocks", ""], attrs)];
    refused(blocks(vec![a_int("axis", 1), a_int("block_size", 1)]), Code::BadShape, "w", "scales of shape [2, 2]");
    refused(vec![q(["x", "s", "z"], vec![a_int("block_size", 2)])], Code::UnsupportedAttr, "the_QuantizeLinear", "block_size");
    refused(vec![dq(["w", "ws", "wz"], vec![a_int("axis", 1)])], Code::BadShape, "w", "scales of shape [2]");
    refused(vec![dq(["w", "s", "z"], vec![])], Code::UnsupportedType, "the_DequantizeLinear", "zero point");
    refused(vec![dq(["w", "s2", "x"], vec![])], Code::UnsupportedAttr, "the_DequantizeLinear", "computed at run time");
}

/// The reals of the weights that a node of these inputs, called `f`, gives a Gemm.
fn weights(first: Vec<NodeProto>) -> Vec<f32> {
    let gemm = NodeProto { input: vec!["x".into(), "f".into()], ..node("Gemm", &[], "y", vec![a_int("transB", 1)]) };
    let g = chain(first.into_iter().chain([gemm]).collect()).unwrap();
    let w: ValueId = g.inputs_of(g.outputs[0].value.node)[1];
    g.const_of(w).unwrap().as_f32().unwrap().to_vec()
}

#[test]
fn blocks_have_scales_of_their_own() {
    let attrs = vec![a_int("axis", 1), a_int("block_size", 2)];
    let w = weights(vec![node("DequantizeLinear", &["w", "blocks"], "f", attrs)]);
    assert_eq!(w, [0.5, -1.0, 254.0, -31.75, 1.0, 0.0]);
    // Scales of constants may be negative, and 0: four bits reach one step farther below 0 than above.
    let attrs = vec![a_int("axis", 1), a_int("block_size", 2)];
    let w = weights(vec![node("DequantizeLinear", &["w", "turned"], "f", attrs)]);
    assert_eq!(w, [-0.5, 1.0, 0.0, -31.75, 1.0, 0.0]);
}

#[test]
fn zero_points_far_apart_are_taken() {
    let w = weights(vec![node("DequantizeLinear", &["odd", "ws", "oddz"], "f", vec![a_int("axis", 0)])]);
    assert_eq!(w, [0.0, 2.5, 127.5, -62.0, -61.75, -61.5]);
}

#[test]
fn constants_are_rounded_while_importing() {
    let axis = || vec![a_int("axis", 0)];
    let nodes = vec![
        NodeProto { output: vec!["c".into()], ..node("QuantizeLinear", &["real", "ws", "wz"], "c", axis()) },
        node("DequantizeLinear", &["c", "ws", "wz"], "f", axis()),
    ];
    // Ties go to the even code; -40 / 0.25 saturates.
    assert_eq!(weights(nodes), [0.5, -0.5, 9.0, 0.25, -32.0, 0.0]);
}

#[test]
fn codes_of_sixteen_bits_and_of_fewer() {
    let wide =
        chain(vec![node("QuantizeLinear", &["x", "s", "z16"], "q", vec![]), node("DequantizeLinear", &["q", "s", "z16"], "y", vec![])]);
    let g = wide.unwrap();
    assert_eq!(g.node(g.outputs[0].value.node).attrs.get("codes"), Some(&Attr::Str("i16".into())));
    // A Clip of codes bounds the reals: codes 1 to 9 less 3, in steps of 0.5.
    let clip = NodeProto { input: ["q", "least", "most"].map(String::from).to_vec(), ..node("Clip", &[], "c", vec![]) };
    let g = chain(vec![quantized("x", "q"), clip, real("c", "y")]).unwrap();
    let x = mcompc_ir::Tensor::from_f32([1, 3], &[-5.0, 1.1, 50.0]).unwrap();
    assert_eq!(mcompc_interp::run(&g, &[x]).unwrap()[0].as_f32().unwrap().to_vec(), [-1.0, 1.0, 3.0]);
}

#[test]
fn scales_of_run_time_are_not_needed() {
    let several = |op: &str, ins: &[&str], outs: &[&str]| NodeProto {
        input: ins.iter().map(|s| s.to_string()).collect(),
        output: outs.iter().map(|s| s.to_string()).collect(),
        ..node(op, &[], outs[0], vec![])
    };
    let dynamic = several("DynamicQuantizeLinear", &["x"], &["q", "k", "zero"]);
    let mut all = constants();
    all.push(floats("bias", &[2], &[10.0, 1.0]));
    all.push(tensor("w8", &[3, 2], data_type::INT8, &[1, -2, 3, 4, 5, -6]));
    let product = several("MatMulInteger", &["q", "w8", "zero"], &["i"]);
    let cast = node("Cast", &["i"], "f", vec![a_int("to", 1)]);
    let import = |nodes: Vec<NodeProto>| import(&model(21, vec![value("x", &[1, 3])], vec![free("y")], all.clone(), nodes));
    let whole = vec![
        dynamic.clone(),
        product.clone(),
        cast.clone(),
        several("Mul", &["k", "s2"], &["both"]),
        several("Mul", &["f", "both"], &["y"]),
    ];
    let g = import(whole).unwrap();
    let x = mcompc_ir::Tensor::from_f32([1, 3], &[1.0, 2.0, -3.0]).unwrap();
    assert_eq!(mcompc_interp::run(&g, std::slice::from_ref(&x)).unwrap()[0].as_f32().unwrap().to_vec(), [-2.0, 6.0]);
    // A bias that older tools divide by the scale and add as an integer.
    let bias = vec![
        dynamic.clone(),
        product.clone(),
        several("Div", &["bias", "k"], &["steps"]),
        several("Floor", &["steps"], &["low"]),
        node("Cast", &["low"], "whole", vec![a_int("to", 6)]),
        several("Add", &["i", "whole"], &["sum"]),
        node("Cast", &["sum"], "f", vec![a_int("to", 1)]),
        several("Mul", &["f", "k"], &["y"]),
    ];
    let g = import(bias).unwrap();
    assert_eq!(mcompc_interp::run(&g, &[x]).unwrap()[0].as_f32().unwrap().to_vec(), [2.0, 25.0]);
    let refused = |nodes: Vec<NodeProto>, code: Code, at: &str, what: &str| {
        let e = assert_error(import(nodes), code, at);
        assert!(e.message.contains(what), "{e}");
    };
    // Sums without their scale, another tensor's scale, codes read by an operator of reals, the scale as an output.
    let other = several("DynamicQuantizeLinear", &["s"], &["q2", "k2", "zero2"]);
    refused(vec![dynamic.clone(), product.clone(), several("Mul", &["i", "s2"], &["y"])], Code::UnsupportedAttr, "the_Mul", "Mul of what");
    let mixed = vec![dynamic.clone(), other, product, cast, several("Mul", &["f", "k2"], &["y"])];
    refused(mixed, Code::UnsupportedAttr, "the_Mul", "Mul of what");
    refused(vec![dynamic.clone(), several("Relu", &["q"], &["y"])], Code::UnsupportedAttr, "the_Relu", "reads `q`");
    refused(vec![several("DynamicQuantizeLinear", &["x"], &["q", "y", "zero"])], Code::UnsupportedOp, "y", "no output");
}
