//! If, Loop and functions of the model are imported in place where all that decides is known.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use mcompc_ir::{Code, Graph};
use mcompc_onnx::proto::*;

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
    let step = counting(vec![TensorProto { dims: vec![], ..ints("two", &[2]) }]);
    let run = |count: i64, nodes: GraphProto| {
        let looped = node("Loop", &["n", "", "x"], "y", vec![a_graph("body", nodes)]);
        one(13, &[1, 4], looped, vec![ints("n", &[count])])
    };
    assert_eq!(ops(&run(2, step.clone()).unwrap()), ["Add", "Add"]);
    assert_eq!(ops(&run(9, step.clone()).unwrap()), ["Add", "Add", "Add"], "the condition ends it");
    let g = run(0, step.clone()).unwrap();
    assert!(ops(&g).is_empty() && g.outputs[0].value == g.out(g.inputs[0]));
}

/// A body of the state `v` and the element `e`: w = v + e, of which every iteration gives one.
fn running() -> GraphProto {
    body(&["v", "e"], vec![node("Add", &["v", "e"], "w", vec![])], &["w", "w"], vec![])
}

fn floats_of(g: &Graph, x: &[usize], v: &[f32]) -> Vec<f32> {
    let x = mcompc_ir::Tensor::from_f32(x, v).unwrap();
    mcompc_interp::run(g, &[x]).unwrap()[0].as_f32().unwrap().to_vec()
}

#[test]
fn what_iterations_collect() {
    let step = body(&["i", "c", "v"], vec![node("Add", &["v", "one"], "w", vec![])], &["c", "w", "w"], vec![floats("one", &[], &[1.0])]);
    for opset in [11, 13] {
        let looped = |count: i64| {
            let n = two(node("Loop", &["n", "", "x"], "last", vec![a_graph("body", step.clone())]), "y");
            import(&model(opset, vec![value("x", &[2])], vec![free("y")], vec![ints("n", &[count])], vec![n]))
        };
        assert_eq!(floats_of(&looped(3).unwrap(), &[2], &[5.0, 7.0]), [6.0, 8.0, 7.0, 9.0, 8.0, 10.0]);
        assert_error(looped(0), Code::UnsupportedOp, "the_Loop");
    }
}

#[test]
fn a_scan_is_laid_out() {
    let scan = |attrs: Vec<AttributeProto>| {
        let attrs = [vec![a_int("num_scan_inputs", 1), a_graph("body", running())], attrs].concat();
        let n = two(node("Scan", &["zeros", "x"], "last", attrs), "y");
        import(&model(16, vec![value("x", &[3, 2])], vec![free("y")], vec![floats("zeros", &[2], &[0.0, 0.0])], vec![n]))
    };
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    assert_eq!(floats_of(&scan(vec![]).unwrap(), &[3, 2], &x), [1.0, 2.0, 4.0, 6.0, 9.0, 12.0]);
    let back = vec![a_ints("scan_input_directions", &[1]), a_ints("scan_output_directions", &[1])];
    assert_eq!(floats_of(&scan(back).unwrap(), &[3, 2], &x), [9.0, 12.0, 8.0, 10.0, 5.0, 6.0]);
    // Results side by side.
    let g = scan(vec![a_ints("scan_output_axes", &[-1])]).unwrap();
    assert_eq!((out_shape(&g), floats_of(&g, &[3, 2], &x)), (vec![2, 3], vec![1.0, 4.0, 9.0, 2.0, 6.0, 12.0]));
    let e = assert_error(scan(vec![a_int("num_scan_outputs", 1)]), Code::UnsupportedAttr, "the_Scan");
    assert!(e.message.contains("num_scan_outputs"), "{e}");
}

#[test]
fn both_branches_of_a_computed_condition() {
    let branch = |op: &str| body(&[], vec![node(op, &["x"], "r", vec![])], &["r"], vec![]);
    let run = |otherwise: GraphProto| {
        let nodes = vec![
            node("ReduceSum", &["x"], "s", vec![a_int("keepdims", 0)]),
            node("Greater", &["s", "zero"], "c", vec![]),
            node("If", &["c"], "y", vec![a_graph("then_branch", branch("Relu")), a_graph("else_branch", otherwise)]),
        ];
        import(&model(13, vec![value("x", &[2])], vec![free("y")], vec![floats("zero", &[], &[0.0])], nodes))
    };
    let g = run(branch("Neg")).unwrap();
    assert_eq!(floats_of(&g, &[2], &[3.0, -1.0]), [3.0, 0.0]);
    assert_eq!(floats_of(&g, &[2], &[-3.0, 1.0]), [3.0, -1.0]);
    let e = assert_error(run(branch("Flatten")), Code::UnsupportedOp, "the_If");
    assert!(e.message.contains("unlike shapes"), "{e}");
}

#[test]
fn a_condition_is_one_element_of_any_rank() {
    let branch = |op: &str| body(&[], vec![node(op, &["s"], "r", vec![])], &["r"], vec![]);
    let run = |condition: &[&str]| {
        let nodes = vec![
            node("ReduceSum", &["x"], "s", vec![a_int("keepdims", 0)]),
            node("Greater", condition, "c", vec![]),
            node("If", &["c"], "y", vec![a_graph("then_branch", branch("Relu")), a_graph("else_branch", branch("Neg"))]),
        ];
        import(&model(13, vec![value("x", &[2])], vec![free("y")], vec![floats("zero", &[1], &[0.0])], nodes))
    };
    let g = run(&["s", "zero"]).unwrap();
    assert_eq!((out_shape(&g), floats_of(&g, &[2], &[3.0, -4.0])), (vec![], vec![1.0]));
    let e = assert_error(run(&["x", "zero"]), Code::BadGraph, "the_If");
    assert!(e.message.contains("several elements"), "{e}");
}

/// Names that the importer makes are none that a model may have.
#[test]
fn names_of_bodies_and_parts_are_apart_from_the_models() {
    // The body calls tensors as the importer calls the number of the iteration and the condition.
    let step = body(
        &["i", "c", "v"],
        vec![
            node("Cast", &["i"], "iteration", vec![a_int("to", 1)]),
            node("Identity", &["c"], "condition", vec![]),
            node("Add", &["v", "iteration"], "w", vec![]),
        ],
        &["condition", "w"],
        vec![],
    );
    let looped = node("Loop", &["n", "", "x"], "y", vec![a_graph("body", step)]);
    let g = one(13, &[2], looped, vec![ints("n", &[3])]).unwrap();
    assert_eq!(floats_of(&g, &[2], &[1.0, 2.0]), [4.0, 5.0]);
    // Parts of a sequence beside a constant that is called as one of them, and what a body gives beside one.
    let then = body(&[], vec![node("Neg", &["a"], "r", vec![])], &["r"], vec![]);
    let nodes = vec![
        node("SplitToSequence", &["x"], "s", vec![]),
        node("SequenceAt", &["s", "last"], "a", vec![]),
        node("If", &["yes"], "b", vec![a_graph("then_branch", then.clone()), a_graph("else_branch", then)]),
        node("Add", &["b", "s/0"], "d", vec![]),
        node("Add", &["d", "the_If/r"], "y", vec![]),
    ];
    let last = TensorProto { dims: vec![], ..ints("last", &[-1]) };
    let constants = vec![last, ints("yes", &[1]), floats("s/0", &[], &[100.0]), floats("the_If/r", &[], &[20.0])];
    let g = import(&model(13, vec![value("x", &[2, 1])], vec![free("y")], constants, nodes)).unwrap();
    assert_eq!(floats_of(&g, &[2, 1], &[1.0, 2.0]), [118.0]);
    assert!(g.ids().iter().all(|&id| !g.node(id).name.contains(|c: char| c.is_control())));
}

fn integers(name: &str, dims: &[i64], kind: i32) -> ValueInfoProto {
    let mut v = value(name, dims);
    v.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = Some(kind);
    v
}

/// Ids that a function or an embedding of ONNX Runtime's reads are indices.
#[test]
fn ids_are_followed_to_their_table() {
    let ids = || integers("ids", &[1, 2], data_type::INT32);
    let table = floats("t", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let rows = FunctionProto {
        name: Some("Rows".into()),
        domain: Some("local".into()),
        input: vec!["i".into(), "table".into()],
        output: vec!["r".into()],
        node: vec![node("Gather", &["table", "i"], "r", vec![])],
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(13) }],
        ..Default::default()
    };
    let mut m = model(13, vec![ids()], vec![free("y")], vec![table.clone()], vec![call("Rows", &["ids", "t"], "y", vec![])]);
    m.functions = vec![rows];
    let g = import(&m).unwrap();
    let at = mcompc_ir::Tensor::new(mcompc_ir::DType::I32, vec![1, 2], vec![2, 0, 0, 0, 0, 0, 0, 0].into()).unwrap();
    let run = |g: &Graph| mcompc_interp::run(g, std::slice::from_ref(&at)).unwrap()[0].as_f32().unwrap().to_vec();
    assert_eq!(run(&g), [5.0, 6.0, 1.0, 2.0]);
    let embed = NodeProto {
        domain: Some("com.microsoft".into()),
        ..node("EmbedLayerNormalization", &["ids", "", "t", "p", "", "g", "b"], "y", vec![a_int("mask_index_type", 1)])
    };
    let constants = vec![table, floats("p", &[2, 2], &[0.0; 4]), floats("g", &[2], &[1.0; 2]), floats("b", &[2], &[0.5; 2])];
    let g = import(&model(13, vec![ids()], vec![free("y")], constants, vec![embed])).unwrap();
    assert_eq!(run(&g), [-0.5, 1.5, -0.5, 1.5]);
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

#[test]
fn sequences_are_lists_of_names() {
    let several = |op: &str, ins: &[&str], out: &str, attrs: Vec<AttributeProto>| NodeProto {
        input: ins.iter().map(|s| s.to_string()).collect(),
        ..node(op, &[], out, attrs)
    };
    let run = |nodes: Vec<NodeProto>| {
        let constants = vec![
            ints("sizes", &[1, 2]),
            TensorProto { dims: vec![], ..ints("two", &[2]) },
            TensorProto { dims: vec![], ..ints("last", &[-1]) },
        ];
        import(&model(13, vec![value("x", &[3, 2])], vec![free("y")], constants, nodes))
    };
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let split = |ins: &[&str], attrs| several("SplitToSequence", ins, "s", attrs);
    let at = |seq: &str| several("SequenceAt", &[seq, "last"], "y", vec![]);
    assert_eq!(floats_of(&run(vec![split(&["x", "sizes"], vec![]), at("s")]).unwrap(), &[3, 2], &x), [3.0, 4.0, 5.0, 6.0]);
    assert_eq!(floats_of(&run(vec![split(&["x", "two"], vec![]), at("s")]).unwrap(), &[3, 2], &x), [5.0, 6.0]);
    let g = run(vec![split(&["x"], vec![a_int("axis", -1), a_int("keepdims", 0)]), at("s")]).unwrap();
    assert_eq!((out_shape(&g), floats_of(&g, &[3, 2], &x)), (vec![3], vec![2.0, 4.0, 6.0]));
    // Made, made longer and shorter, put together.
    let nodes = vec![
        several("Neg", &["x"], "n", vec![]),
        several("SequenceEmpty", &[], "none", vec![]),
        several("SequenceInsert", &["none", "x"], "one", vec![]),
        several("SequenceInsert", &["one", "n", "last"], "both", vec![]),
        several("SequenceConstruct", &["x", "n", "x"], "all", vec![]),
        several("SequenceErase", &["all"], "fewer", vec![]),
        several("ConcatFromSequence", &["both"], "a", vec![a_int("axis", 1)]),
        several("ConcatFromSequence", &["fewer"], "b", vec![a_int("axis", 0), a_int("new_axis", 1)]),
        several("SequenceLength", &["all"], "l", vec![]),
        several("Cast", &["l"], "f", vec![a_int("to", 1)]),
        several("ReduceSum", &["b"], "c", vec![a_int("keepdims", 0)]),
        several("Add", &["a", "f"], "d", vec![]),
        several("Add", &["d", "c"], "y", vec![]),
    ];
    let g = run(nodes).unwrap();
    let wanted = [2.0, 1.0, 4.0, 5.0, 0.0, -1.0, 6.0, 7.0, -2.0, -3.0, 8.0, 9.0];
    assert_eq!((out_shape(&g), floats_of(&g, &[3, 2], &x)), (vec![3, 4], wanted.to_vec()));
    let e = assert_error(run(vec![several("SequenceConstruct", &["x"], "y", vec![])]), Code::UnsupportedType, "y");
    assert!(e.message.contains("sequence"), "{e}");
}

#[test]
fn an_integer_input_that_is_a_number() {
    let branch = |op: &str| body(&[], vec![node(op, &["x"], "r", vec![])], &["r"], vec![]);
    let rate = integers("rate", &[], data_type::INT64);
    let which = NodeProto { input: vec!["rate".into(), "high".into()], ..node("Equal", &[], "c", vec![]) };
    let nodes = vec![which, node("If", &["c"], "y", vec![a_graph("then_branch", branch("Relu")), a_graph("else_branch", branch("Tanh"))])];
    let high = TensorProto { dims: vec![], ..ints("high", &[16000]) };
    let m = model(13, vec![value("x", &[2]), rate], vec![free("y")], vec![high], nodes);
    let with = |n: usize| {
        let opts = mcompc_onnx::ImportOptions { dims: vec![("rate".into(), n)], ..Default::default() };
        mcompc_onnx::import_bytes(prost::Message::encode_to_vec(&m).into(), &opts)
    };
    assert_eq!(ops(&with(16000).unwrap()), ["Relu"]);
    let g = with(8000).unwrap();
    assert_eq!((ops(&g), g.inputs.len()), (vec!["Tanh".to_string()], 1));
    // One that is called as a dimension is stays an input; numbers without a sign have all their bits.
    let with = |x: ValueInfoProto, k: ValueInfoProto, n: usize| {
        let name = k.name.clone().unwrap();
        let nodes = vec![node("Cast", &[&name], "f", vec![a_int("to", 1)]), node("Add", &["x", "f"], "y", vec![])];
        let m = model(13, vec![x, k], vec![free("y")], vec![], nodes);
        let opts = mcompc_onnx::ImportOptions { dims: vec![(name, n)], ..Default::default() };
        mcompc_onnx::import_bytes(prost::Message::encode_to_vec(&m).into(), &opts)
    };
    let g = with(symbolic("x", &["N"]), integers("N", &[1], data_type::INT64), 2).unwrap();
    assert_eq!((out_shape(&g), g.inputs.len()), (vec![2], 2));
    let g = with(value("x", &[2]), integers("k", &[1], data_type::UINT8), 200).unwrap();
    assert_eq!(floats_of(&g, &[2], &[1.0, 2.0]), [201.0, 202.0]);
    assert_eq!(with(value("x", &[2]), integers("k", &[1], data_type::UINT8), 256).unwrap_err().code, Code::Usage);
}
