//! Builds ONNX models in memory for the tests.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod mutate;

use bytes::Bytes;
use mcompc_ir::{Code, Error, Graph, Node};
use mcompc_onnx::proto::*;
use mcompc_onnx::{ImportOptions, import_bytes};
use prost::Message;
use std::path::PathBuf;

pub fn floats(name: &str, dims: &[i64], data: &[f32]) -> TensorProto {
    let raw: Vec<u8> = data.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(data_type::FLOAT),
        raw_data: Some(raw.into()),
        ..Default::default()
    }
}

pub fn ints(name: &str, data: &[i64]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: vec![data.len() as i64],
        data_type: Some(data_type::INT64),
        int64_data: data.to_vec(),
        ..Default::default()
    }
}

pub fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|&d| DimensionProto { dim_value: Some(d), ..Default::default() }).collect();
    let t = TensorTypeProto { elem_type: Some(data_type::FLOAT), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(t), ..Default::default() }) }
}

/// An output whose shape is left to inference.
pub fn free(name: &str) -> ValueInfoProto {
    let t = TensorTypeProto { elem_type: Some(data_type::FLOAT), shape: None };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(t), ..Default::default() }) }
}

pub fn symbolic(name: &str, dims: &[&str]) -> ValueInfoProto {
    let mut v = value(name, &vec![1; dims.len()]);
    let shape = v.r#type.as_mut().and_then(|t| t.tensor_type.as_mut()).and_then(|t| t.shape.as_mut()).unwrap();
    for (d, s) in shape.dim.iter_mut().zip(dims) {
        *d = match s.parse() {
            Ok(n) => DimensionProto { dim_value: Some(n), ..Default::default() },
            Err(_) => DimensionProto { dim_param: Some((*s).into()), ..Default::default() },
        };
    }
    v
}

pub fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: Some(op.into()),
        name: Some(format!("the_{op}")),
        input: inputs.iter().map(|s| (*s).into()).collect(),
        output: vec![output.into()],
        attribute,
        ..Default::default()
    }
}

pub fn a_int(name: &str, v: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INT), i: Some(v), ..Default::default() }
}
pub fn a_float(name: &str, v: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::FLOAT), f: Some(v), ..Default::default() }
}
pub fn a_ints(name: &str, v: &[i64]) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::INTS), ints: v.to_vec(), ..Default::default() }
}
pub fn a_str(name: &str, v: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        r#type: Some(attr_type::STRING),
        s: Some(Bytes::copy_from_slice(v.as_bytes())),
        ..Default::default()
    }
}
pub fn a_tensor(name: &str, t: TensorProto) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::TENSOR), t: Some(Box::new(t)), ..Default::default() }
}

/// A graph attribute.
pub fn a_graph(name: &str, g: GraphProto) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::GRAPH), g: Some(Box::new(g)), ..Default::default() }
}

/// A graph of nodes with these inputs and outputs.
pub fn body(inputs: &[&str], node: Vec<NodeProto>, outputs: &[&str], initializer: Vec<TensorProto>) -> GraphProto {
    let bare = |n: &&str| ValueInfoProto { name: Some((*n).into()), ..Default::default() };
    GraphProto {
        node,
        initializer,
        input: inputs.iter().map(bare).collect(),
        output: outputs.iter().map(bare).collect(),
        ..Default::default()
    }
}

/// The body of a Loop that adds the number of the iteration, as long as that is less than `two`, which may come from around it.
pub fn counting(constants: Vec<TensorProto>) -> GraphProto {
    let nodes = vec![
        node("Cast", &["i"], "f", vec![a_int("to", 1)]),
        node("Add", &["v", "f"], "w", vec![]),
        node("Less", &["i", "two"], "go", vec![]),
    ];
    body(&["i", "c", "v"], nodes, &["go", "w"], constants)
}

pub fn model(
    opset: i64,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
    initializer: Vec<TensorProto>,
    node: Vec<NodeProto>,
) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(opset) }],
        graph: Some(GraphProto { name: Some("t".into()), node, initializer, input: inputs, output: outputs, ..Default::default() }),
        ..Default::default()
    }
}

pub fn import(m: &ModelProto) -> Result<Graph, Error> {
    import_bytes(m.encode_to_vec().into(), &ImportOptions::default())
}

/// One node between `x` of shape `dims` and `y`, with constants.
pub fn one(opset: i64, dims: &[i64], n: NodeProto, consts: Vec<TensorProto>) -> Result<Graph, Error> {
    import(&model(opset, vec![value("x", dims)], vec![free("y")], consts, vec![n]))
}

/// The operator that computes the first output.
pub fn result(g: &Graph) -> &Node {
    g.node(g.outputs[0].value.node)
}

/// Shape of the first output.
pub fn out_shape(g: &Graph) -> Vec<usize> {
    g.value(g.outputs[0].value).shape.clone()
}

/// The error has this code, a hint, and names the node or tensor.
#[track_caller]
pub fn assert_error(r: Result<Graph, Error>, code: Code, at: &str) -> Error {
    let e = r.expect_err("the import must fail");
    assert_eq!(e.code, code, "{e}");
    assert!(e.hint.as_ref().is_some_and(|h| !h.is_empty()), "no hint: {e}");
    assert_eq!(e.node.as_deref().unwrap_or(""), at, "{e}");
    e
}

/// The models folder of this repository.
pub fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

/// Folder of the public models, if the machine has them.
pub fn zoo() -> Option<PathBuf> {
    mcompc_filetest::zoo()
}

/// The form of `tests/data/operators.pb` (make_operators.py).
#[derive(Clone, PartialEq, Message)]
pub struct Cases {
    #[prost(message, repeated, tag = "1")]
    pub cases: Vec<Case>,
}

/// A model of one operator, its input, and what ONNX Runtime gives.
#[derive(Clone, PartialEq, Message)]
pub struct Case {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub model: Vec<u8>,
    #[prost(message, required, tag = "3")]
    pub x: TensorProto,
    #[prost(message, required, tag = "4")]
    pub y: TensorProto,
}

impl Cases {
    /// Those of the file that is kept.
    pub fn of_operators() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/operators.pb");
        Self::decode(std::fs::read(path).unwrap().as_slice()).unwrap()
    }
}
