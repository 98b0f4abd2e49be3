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
    refused(vec![q(["x", "s", "z16"], vec![])], Code::UnsupportedType, "the_QuantizeLinear", "i16 codes");
    refused(vec![q(["x", "x", "z"], vec![])], Code::UnsupportedAttr, "the_QuantizeLinear", "computed at run time");
    refused(
        vec![dq(["w", "ws", "wz"], vec![a_int("axis", 0), a_int("block_size", 3)])],
        Code::UnsupportedAttr,
        "the_DequantizeLinear",
        "block_size",
    );
    refused(vec![dq(["w", "ws", "wz"], vec![a_int("axis", 1)])], Code::BadShape, "the_DequantizeLinear", "2 scales");
    refused(vec![dq(["w", "s", "z"], vec![])], Code::UnsupportedType, "the_DequantizeLinear", "zero point");
    refused(vec![dq(["w", "s2", "x"], vec![])], Code::UnsupportedAttr, "the_DequantizeLinear", "computed at run time");
    let odd = node("DequantizeLinear", &["odd", "ws", "oddz"], "f", vec![a_int("axis", 0)]);
    let gemm = NodeProto { input: vec!["x".into(), "f".into()], ..node("Gemm", &[], "y", vec![a_int("transB", 1)]) };
    refused(vec![odd, gemm], Code::UnsupportedType, "the_Gemm", "zero point");
}
