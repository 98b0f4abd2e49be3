//! If, Loop and functions of the model are imported in place where all that decides is known.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use mcompc_ir::{Code, Graph};
use mcompc_onnx::proto::*;

fn a_graph(name: &str, g: GraphProto) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(attr_type::GRAPH), g: Some(Box::new(g)), ..Default::default() }
}

fn body(inputs: &[&str], node: Vec<NodeProto>, outputs: &[&str], initializer: Vec<TensorProto>) -> GraphProto {
    let bare = |n: &&str| ValueInfoProto { name: Some((*n).into()), ..Default::default() };
    GraphProto {
        node,
        initializer,
        input: inputs.iter().map(bare).collect(),
        output: outputs.iter().map(bare).collect(),
        ..Default::default()
    }
}

fn two(n: NodeProto, more: &str) -> NodeProto {
    NodeProto { output: [n.output.clone(), vec![more.into()]].concat(), ..n }
}

fn ops(g: &Graph) -> Vec<String> {
    g.topo().unwrap().into_iter().map(|i| g.node(i).op.clone()).filter(|o| o != "const" && o != "input").collect()
}

/// An If on `x.shape[0] == 2`, whose branches read `x` and the constant around them, and both call their tensor `t`.
fn branches(rows: i64) -> ModelProto {
    let branch = |op: &str| {
        let nodes = vec![node("Mul", &["x", "k"], "t", vec![]), node(op, &["t"], "r", vec![])];
        body(&[], nodes, &["r", "x"], vec![floats("k", &[], &[3.0])])
    };
    let mut then = branch("Relu");
    // One within the other, of the same condition.
    let inner = |op: &str| body(&[], vec![node(op, &["t"], "t2", vec![])], &["t2"], vec![]);
    then.node[1] = node("If", &["c"], "r", vec![a_graph("then_branch", inner("Relu")), a_graph("else_branch", inner("NonZero"))]);
    let nodes = vec![
        node("Shape", &["x"], "s", vec![]),
        node("Gather", &["s", "zero"], "n", vec![]),
        node("Equal", &["n", "two"], "c", vec![]),
        two(node("If", &["c"], "a", vec![a_graph("then_branch", then), a_graph("else_branch", branch("Tanh"))]), "b"),
        node("Add", &["a", "b"], "y", vec![]),
    ];
    model(13, vec![value("x", &[rows, 3])], vec![free("y")], vec![ints("zero", &[0]), ints("two", &[2])], nodes)
}

#[test]
fn the_branch_of_a_known_condition() {
    assert_eq!(ops(&import(&branches(2)).unwrap()), ["Mul", "Relu", "Add"]);
    assert_eq!(ops(&import(&branches(4)).unwrap()), ["Mul", "Tanh", "Add"]);
    // A condition of the data is refused.
    let mut m = branches(2);
    m.graph.as_mut().unwrap().node[3].input[0] = "x".into();
    let e = assert_error(import(&m), Code::UnsupportedOp, "the_If");
    assert!(e.message.contains("If"), "{e}");
}

#[test]
fn iterations_are_laid_out() {
    let step = body(
        &["i", "c", "v"],
        vec![
            node("Cast", &["i"], "f", vec![a_int("to", 1)]),
            node("Add", &["v", "f"], "w", vec![]),
            node("Less", &["i", "two"], "go", vec![]),
        ],
        &["go", "w"],
        vec![TensorProto { dims: vec![], ..ints("two", &[2]) }],
    );
    let run = |count: i64, nodes: GraphProto| {
        let looped = node("Loop", &["n", "", "x"], "y", vec![a_graph("body", nodes)]);
        one(13, &[1, 4], looped, vec![ints("n", &[count])])
    };
    assert_eq!(ops(&run(2, step.clone()).unwrap()), ["Add", "Add"]);
    assert_eq!(ops(&run(9, step.clone()).unwrap()), ["Add", "Add", "Add"], "the condition ends it");
    let g = run(0, step.clone()).unwrap();
    assert!(ops(&g).is_empty() && g.outputs[0].value == g.out(g.inputs[0]));
    let mut scan = step;
    scan.output.push(ValueInfoProto { name: Some("w".into()), ..Default::default() });
    assert_error(run(2, scan), Code::UnsupportedOp, "the_Loop");
}

fn call(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto { domain: Some("local".into()), ..node(op, inputs, output, attribute) }
}

fn with_functions(opset: i64) -> ModelProto {
    let mut slope = a_float("alpha", 0.0);
    (slope.ref_attr_name, slope.f) = (Some("slope".into()), None);
    let leaky = FunctionProto {
        name: Some("Leaky".into()),
        domain: Some("local".into()),
        input: vec!["a".into(), "bias".into()],
        output: vec!["r".into()],
        attribute_proto: vec![a_float("slope", 0.5)],
        node: vec![node("Add", &["a", "bias"], "t", vec![]), node("LeakyRelu", &["t"], "r", vec![slope])],
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(opset) }],
        ..Default::default()
    };
    let twice = FunctionProto {
        name: Some("Twice".into()),
        domain: Some("local".into()),
        input: vec!["a".into()],
        output: vec!["r".into()],
        node: vec![
            node("Constant", &[], "k", vec![a_tensor("value", floats("", &[], &[1.5]))]),
            call("Leaky", &["a", "k"], "t", vec![a_float("slope", 0.25)]),
            call("Leaky", &["t", "k"], "r", vec![]),
        ],
        ..leaky.clone()
    };
    let nodes = vec![call("Twice", &["x"], "m", vec![]), call("Twice", &["m"], "y", vec![])];
    let mut m = model(13, vec![value("x", &[1, 4])], vec![free("y")], vec![], nodes);
    m.functions = vec![leaky, twice];
    m
}

#[test]
fn functions_of_the_model() {
    let g = import(&with_functions(13)).unwrap();
    assert_eq!(ops(&g), ["Add", "LeakyRelu"].repeat(4));
    let alphas: Vec<f64> =
        g.topo().unwrap().into_iter().filter(|&i| g.node(i).op == "LeakyRelu").map(|i| g.node(i).attrs.float("alpha").unwrap()).collect();
    assert_eq!(alphas, [0.25, 0.5, 0.25, 0.5]);
    assert_eq!(import(&with_functions(99)).unwrap_err().code, Code::UnsupportedOpset);
    // A function that calls itself.
    let mut m = with_functions(13);
    m.functions[0].node.push(call("Leaky", &["r", "bias"], "again", vec![]));
    assert_eq!(import(&m).unwrap_err().code, Code::Limit);
    let mut m = with_functions(13);
    m.functions[0].node[1].op_type = Some("Det".into());
    let e = import(&m).unwrap_err();
    assert!(e.code == Code::UnsupportedOp && e.message.contains("Det"), "{e}");
}
