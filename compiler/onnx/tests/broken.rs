//! Broken and hostile files: each one is an error with code, name and hint.

mod common;

use common::*;
use mcompc_ir::Code;
use mcompc_onnx::proto::*;
use mcompc_onnx::{ImportOptions, Limits, import_bytes};
use prost::Message;
use std::path::Path;

fn relu_model() -> ModelProto {
    model(13, vec![value("x", &[1, 4])], vec![value("y", &[1, 4])], vec![], vec![node("Relu", &["x"], "y", vec![])])
}

fn add_model(w: TensorProto) -> ModelProto {
    model(13, vec![value("x", &[1, 4])], vec![free("y")], vec![w], vec![node("Add", &["x", "w"], "y", vec![])])
}

#[test]
fn truncated_at_every_byte() {
    let bytes = std::fs::read(models().join("digits/digits.onnx")).unwrap();
    let mut whole = 0;
    for n in (0..bytes.len()).step_by(7).chain(bytes.len() - 40..bytes.len()) {
        match import_bytes(bytes[..n].to_vec().into(), &ImportOptions::default()) {
            Ok(_) => whole += 1,
            Err(e) => assert!(e.hint.is_some(), "{e}"),
        }
    }
    // A cut between fields of the model message leaves a valid message; only one that still has graph and opset may pass.
    assert!(whole <= 1, "{whole} truncated files were taken");
}

#[test]
fn not_a_model() {
    assert_error(import_bytes(Vec::new().into(), &ImportOptions::default()), Code::Truncated, "");
    assert_error(import_bytes(b"PK\x03\x04 a zip file".to_vec().into(), &ImportOptions::default()), Code::Truncated, "");
    assert_error(mcompc_onnx::import(Path::new("no/such/file.onnx"), &ImportOptions::default()), Code::Io, "");
    assert_error(mcompc_onnx::import(&models(), &ImportOptions::default()), Code::Io, "");
}

#[test]
fn unknown_and_repeated_fields() {
    let mut bytes = relu_model().encode_to_vec();
    bytes.extend([0x98, 0x06, 0x01]); // field 99, varint
    assert_error(import_bytes(bytes.into(), &ImportOptions::default()), Code::Truncated, "");
    let mut bytes = relu_model().encode_to_vec();
    bytes.extend([0x08, 0x08]); // ir_version again
    assert_error(import_bytes(bytes.into(), &ImportOptions::default()), Code::Truncated, "");
}

#[test]
fn dims_that_disagree_with_data() {
    for (dims, code) in
        [(vec![5], Code::BadTensor), (vec![-4], Code::BadTensor), (vec![1 << 40, 1 << 40], Code::Limit), (vec![3], Code::BadTensor)]
    {
        let mut w = floats("w", &[4], &[1.0; 4]);
        w.dims = dims;
        assert_error(import(&add_model(w)), code, "w");
    }
    let mut w = floats("w", &[4], &[1.0; 4]);
    w.float_data = vec![1.0; 4];
    assert_error(import(&add_model(w)), Code::BadTensor, "w");
    let mut w = floats("w", &[4], &[]);
    w.raw_data = None;
    w.int32_data = vec![1; 4];
    assert_error(import(&add_model(w)), Code::BadTensor, "w");
    // Shapes that do not fit each other.
    assert_error(import(&add_model(floats("w", &[3], &[1.0; 3]))), Code::BadShape, "the_Add");
    // The declared shape of an output is a note: executors infer it anew, and exporters get it wrong.
    let mut m = relu_model();
    m.graph.as_mut().unwrap().output = vec![value("y", &[1, 5])];
    assert_eq!(out_shape(&import(&m).unwrap()), [1, 4]);
    // An input that its initializer contradicts.
    let mut m = add_model(floats("w", &[4], &[1.0; 4]));
    m.graph.as_mut().unwrap().input.push(value("w", &[2, 2]));
    assert_error(import(&m), Code::BadTensor, "w");
}

#[test]
fn conv_weights_that_do_not_fit() {
    let conv = |x: &[i64], w: &[i64], attrs| {
        let n = w.iter().product::<i64>() as usize;
        one(13, x, node("Conv", &["x", "w"], "y", attrs), vec![floats("w", w, &vec![0.5; n])])
    };
    assert!(conv(&[1, 2, 5, 5], &[4, 2, 3, 3], vec![]).is_ok());
    for (x, w, attrs) in [
        (vec![1, 3, 5, 5], vec![4, 2, 3, 3], vec![]),
        (vec![1, 2, 2, 2], vec![4, 2, 3, 3], vec![]),
        (vec![1, 2, 5], vec![4, 2, 3, 3], vec![]),
        (vec![1, 2, 5, 5], vec![4, 2, 3], vec![]),
        (vec![2, 5], vec![4, 2], vec![]),
        (vec![1, 2, 5, 5, 5, 5], vec![4, 2, 3, 3, 3, 3], vec![]),
        (vec![1, 2, 5, 5], vec![4, 2, 3, 3], vec![a_ints("kernel_shape", &[1, 1])]),
        (vec![1, 2, 5, 5], vec![4, 2, 3, 3], vec![a_int("group", 0)]),
        (vec![1, 2, 5, 5], vec![4, 2, 3, 3], vec![a_int("group", i64::MIN)]),
    ] {
        assert_error(conv(&x, &w, attrs), Code::BadShape, "the_Conv");
    }
    assert_error(conv(&[1, 2, 5, 5], &[4, 2, 0, 3], vec![]), Code::BadShape, "w");
    for attr in [
        a_ints("strides", &[0, 1]),
        a_ints("pads", &[-1, 0, 0, 0]),
        a_ints("pads", &[i64::MAX; 4]),
        a_ints("dilations", &[1]),
        a_str("auto_pad", "SOME"),
    ] {
        assert_error(conv(&[1, 2, 5, 5], &[4, 2, 3, 3], vec![attr]), Code::UnsupportedAttr, "the_Conv");
    }
}

#[test]
fn weights_that_are_not_finite() {
    for v in [f32::NAN, f32::INFINITY, f32::from_bits(0xff80_0001)] {
        assert_error(import(&add_model(floats("w", &[4], &[1.0, 2.0, v, 4.0]))), Code::NotFinite, "w");
    }
    // Minus infinity forbids where it is added, and is nothing that can be multiplied.
    let never = || floats("w", &[4], &[1.0, 2.0, f32::NEG_INFINITY, 4.0]);
    let g = import(&add_model(never())).unwrap();
    let w = g.const_of(g.inputs_of(g.outputs[0].value.node)[1]).unwrap();
    assert_eq!(*w.as_f32().unwrap(), [1.0, 2.0, -1e9, 4.0]);
    let mut m = add_model(never());
    m.graph.as_mut().unwrap().node[0].op_type = Some("Mul".into());
    assert_error(import(&m), Code::NotFinite, "w");
    assert!(import(&add_model(floats("w", &[4], &[f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0]))).is_ok());
    let clip = |v| one(13, &[1, 4], node("Clip", &["x", "lo"], "y", vec![]), vec![floats("lo", &[], &[v])]);
    assert_error(clip(f32::NAN), Code::NotFinite, "the_Clip");
    assert!(clip(f32::NEG_INFINITY).is_ok());
}

#[test]
fn a_cycle_names_a_node_on_it() {
    let m = model(
        13,
        vec![value("x", &[4])],
        vec![free("y")],
        vec![],
        vec![node("Relu", &["a"], "y", vec![]), node("Add", &["x", "b"], "a", vec![]), node("Sigmoid", &["a"], "b", vec![])],
    );
    let e = import(&m).unwrap_err();
    assert_eq!(e.code, Code::BadGraph);
    assert!(["the_Add", "the_Sigmoid"].contains(&e.node.as_deref().unwrap()), "{e}");
    let own = model(13, vec![value("x", &[4])], vec![free("y")], vec![], vec![node("Add", &["x", "y"], "y", vec![])]);
    assert_error(import(&own), Code::BadGraph, "the_Add");
}

#[test]
fn names_defined_twice_or_never() {
    let relu = |i: &str, o: &str| node("Relu", &[i], o, vec![]);
    let with = |nodes| model(13, vec![value("x", &[4])], vec![free("y")], vec![], nodes);
    assert_error(import(&with(vec![relu("x", "y"), relu("x", "y")])), Code::BadGraph, "the_Relu");
    assert_error(import(&with(vec![relu("x", "x"), relu("x", "y")])), Code::BadGraph, "the_Relu");
    assert_error(import(&with(vec![relu("nobody", "y")])), Code::BadGraph, "the_Relu");
    assert_error(import(&with(vec![relu("x", "z")])), Code::BadGraph, "y");
    let mut m = with(vec![relu("x", "y")]);
    m.graph.as_mut().unwrap().input.push(value("x", &[4]));
    assert_error(import(&m), Code::BadGraph, "x");
    let twice = vec![floats("w", &[1], &[1.0]), floats("w", &[1], &[2.0])];
    let m = model(13, vec![value("x", &[4])], vec![free("y")], twice, vec![relu("x", "y")]);
    assert_error(import(&m), Code::BadGraph, "w");
}

#[test]
fn further_outputs_may_be_declared_but_not_read() {
    let mut pool = node("MaxPool", &["x"], "y", vec![a_ints("kernel_shape", &[2, 2])]);
    pool.output.push("indices".into());
    let m = |nodes| model(13, vec![value("x", &[1, 1, 4, 4])], vec![free("y")], vec![], nodes);
    assert!(import(&m(vec![pool.clone()])).is_ok());
    assert_error(import(&m(vec![pool, node("Relu", &["indices"], "z", vec![])])), Code::UnsupportedOp, "the_MaxPool");
    // Of an operator that is refused as such, that is what is said, beside all other refusals.
    let mut split = node("Unique", &["x"], "y", vec![]);
    split.output.push("indices".into());
    let e = import(&m(vec![split, node("Relu", &["indices"], "z", vec![]), node("Det", &["x"], "w", vec![])])).unwrap_err();
    assert!(e.message.contains("2 nodes") && e.message.contains("operator Unique") && !e.message.contains("only the first"), "{e}");
    let mut none = node("Relu", &["x"], "y", vec![]);
    none.output.clear();
    assert_error(import(&m(vec![none])), Code::BadGraph, "the_Relu");
}

#[test]
fn the_order_of_nodes_in_the_file_is_free() {
    let m = model(
        13,
        vec![value("x", &[4])],
        vec![free("y")],
        vec![],
        vec![node("Tanh", &["a"], "y", vec![]), node("Relu", &["x"], "a", vec![])],
    );
    assert_eq!(result(&import(&m).unwrap()).op, "Tanh");
}

#[test]
fn operators_versions_and_attributes_outside_the_table() {
    let e = assert_error(one(13, &[1, 4], node("Det", &["x"], "y", vec![]), vec![]), Code::UnsupportedOp, "the_Det");
    assert!(e.message.contains("Det"));
    let mut n = node("Relu", &["x"], "y", vec![]);
    n.domain = Some("com.microsoft".into());
    assert_error(one(13, &[1, 4], n, vec![]), Code::UnsupportedOp, "the_Relu");
    assert_error(one(13, &[1, 4], node("HardSwish", &["x"], "y", vec![]), vec![]), Code::UnsupportedOp, "the_HardSwish");
    let e = assert_error(one(13, &[1, 4], node("Relu", &["x"], "y", vec![a_int("alpha", 7)]), vec![]), Code::UnsupportedAttr, "the_Relu");
    assert!(e.message.contains("alpha") && e.message.contains('7'), "{e}");
    for opset in [5, 28] {
        assert_error(one(opset, &[1, 4], node("Relu", &["x"], "y", vec![]), vec![]), Code::UnsupportedOpset, "");
    }
    let mut m = relu_model();
    m.ir_version = Some(99);
    assert_error(import(&m), Code::UnsupportedOpset, "");
    let mut m = relu_model();
    m.graph.as_mut().unwrap().sparse_initializer.push(SparseTensorProto { values: Some(floats("s", &[1], &[1.0])), ..Default::default() });
    assert_error(import(&m), Code::UnsupportedType, "s");
    let mut m = relu_model();
    m.opset_import.push(OperatorSetIdProto { domain: Some("ai.onnx".into()), version: Some(12) });
    assert_error(import(&m), Code::BadGraph, "");
}

#[test]
fn attributes_that_are_malformed() {
    let with = |attrs| one(13, &[1, 4], node("Elu", &["x"], "y", attrs), vec![]);
    assert_error(with(vec![a_int("alpha", 1)]), Code::UnsupportedAttr, "the_Elu");
    assert_error(with(vec![a_float("alpha", f32::NAN)]), Code::UnsupportedAttr, "the_Elu");
    assert_error(with(vec![a_float("alpha", 1.0), a_float("alpha", 1.0)]), Code::BadGraph, "the_Elu");
    let mut both = a_float("alpha", 1.0);
    both.ints = vec![1];
    assert_error(with(vec![both]), Code::BadGraph, "the_Elu");
    let mut reference = a_float("alpha", 1.0);
    reference.ref_attr_name = Some("f".into());
    assert_error(with(vec![reference]), Code::BadGraph, "the_Elu");
}

#[test]
fn types_that_are_not_taken() {
    for t in [data_type::STRING, 14, 15, 0, 77, -1] {
        let mut w = floats("w", &[4], &[1.0; 4]);
        w.data_type = Some(t);
        assert_error(import(&add_model(w)), Code::UnsupportedType, "w");
    }
    let mut x = value("x", &[1, 4]);
    x.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = Some(data_type::INT64);
    assert_error(
        import(&model(13, vec![x], vec![free("y")], vec![], vec![node("Sigmoid", &["x"], "y", vec![])])),
        Code::UnsupportedType,
        "the_Sigmoid",
    );
    let w = ints("w", &[1, 2, 3, 4]);
    assert_error(import(&add_model(w)), Code::UnsupportedType, "the_Add");
}

#[test]
fn symbolic_dimensions() {
    let m = model(13, vec![symbolic("x", &["N", "4"])], vec![symbolic("y", &["N", "4"])], vec![], vec![node("Relu", &["x"], "y", vec![])]);
    let e = assert_error(import(&m), Code::UnboundDim, "x");
    assert!(e.message.contains("`N`") && e.hint.unwrap().contains("--dim N=1"));
    let with = |dims: &[(&str, usize)]| {
        let dims = dims.iter().map(|&(n, v)| (n.to_string(), v)).collect();
        import_bytes(m.encode_to_vec().into(), &ImportOptions { dims, ..Default::default() })
    };
    assert_eq!(out_shape(&with(&[("N", 3)]).unwrap()), [3, 4]);
    assert_error(with(&[("N", 0)]), Code::BadShape, "x");
    assert_error(with(&[("N", 1), ("M", 1)]), Code::Usage, "");
    assert_error(with(&[("N", usize::MAX)]), Code::Limit, "x");
    let unnamed = model(13, vec![value("x", &[-1, 4])], vec![free("y")], vec![], vec![node("Relu", &["x"], "y", vec![])]);
    assert_error(import(&unnamed), Code::UnboundDim, "x");
    let none = model(13, vec![value("x", &[0, 4])], vec![free("y")], vec![], vec![node("Relu", &["x"], "y", vec![])]);
    let e = assert_error(import(&none), Code::UnboundDim, "x");
    assert!(e.message.contains("is 0") && !e.message.contains("symbolic") && e.hint.unwrap().contains("--dim x:0=1"), "{}", e.message);
    let opts = ImportOptions { dims: vec![("x:0".into(), 2)], ..Default::default() };
    assert_eq!(out_shape(&import_bytes(unnamed.encode_to_vec().into(), &opts).unwrap()), [2, 4]);
}

#[test]
fn a_dim_that_no_input_has() {
    let opts = |name: &str| ImportOptions { dims: vec![(name.into(), 1)], ..Default::default() };
    let fixed = model(13, vec![value("x", &[1, 4])], vec![free("y")], vec![], vec![node("Relu", &["x"], "y", vec![])]);
    let e = assert_error(import_bytes(fixed.encode_to_vec().into(), &opts("N")), Code::Usage, "");
    assert!(e.hint.unwrap().contains("a number already"));
}

#[test]
fn same_padding_that_would_crop() {
    let pool = |size: i64, stride: i64| {
        let attrs = vec![a_ints("kernel_shape", &[1, 1]), a_ints("strides", &[stride, 1]), a_str("auto_pad", "SAME_UPPER")];
        one(13, &[1, 1, size, 2], node("MaxPool", &["x"], "y", attrs), vec![])
    };
    assert_eq!(out_shape(&pool(6, 2).unwrap()), [1, 1, 3, 2]);
    let e = assert_error(pool(6, 3), Code::UnsupportedAttr, "the_MaxPool");
    assert!(e.hint.unwrap().contains("explicit pads"));
}

#[test]
fn outputs_and_inputs_that_are_left_out() {
    let import_of = |n: NodeProto| import(&model(13, vec![value("x", &[1, 1, 4, 4])], vec![free("y")], vec![], vec![n]));
    let outputs = |op: &str, names: &[&str], attrs| {
        let mut n = node(op, &["x"], "", attrs);
        n.output = names.iter().map(|s| (*s).into()).collect();
        n
    };
    let pool = || vec![a_ints("kernel_shape", &[2, 2])];
    // Indices and a mask that are left out, not there, or declared and not read.
    for names in [&["y"][..], &["y", ""], &["y", "indices"]] {
        assert_eq!(out_shape(&import_of(outputs("MaxPool", names, pool())).unwrap()), [1, 1, 3, 3]);
        assert_eq!(out_shape(&import_of(outputs("Dropout", names, vec![])).unwrap()), [1, 1, 4, 4]);
    }
    // The first one is left out, and the others are not read: the node computes nothing.
    let nodes = vec![outputs("MaxPool", &["", "indices"], pool()), outputs("Dropout", &[""], vec![]), node("Relu", &["x"], "y", vec![])];
    let g = import(&model(13, vec![value("x", &[1, 1, 4, 4])], vec![free("y")], vec![], nodes)).unwrap();
    assert_eq!(g.len(), 2);
    assert_error(import_of(outputs("MaxPool", &["", "y"], pool())), Code::UnsupportedOp, "the_MaxPool");
    let e = assert_error(import_of(outputs("Relu", &[], vec![])), Code::BadGraph, "the_Relu");
    assert!(e.message.contains("no output"), "{e}");
    // Inputs left out at the end.
    for inputs in [&["x", "", ""][..], &["x", ""], &["x"]] {
        assert!(import_of(node("Clip", inputs, "y", vec![])).is_ok());
    }
    assert!(import_of(node("Relu", &["x", ""], "y", vec![])).is_ok());
    assert_error(import_of(node("Add", &["x", ""], "y", vec![])), Code::MissingAttr, "the_Add");
}

#[test]
fn all_refusals_of_a_model_at_once() {
    let named = |name: &str, mut n: NodeProto| {
        n.name = Some(name.into());
        n
    };
    let pool = |d: i64| vec![a_ints("kernel_shape", &[2, 2]), a_ints("dilations", &[d, d])];
    let nodes = vec![
        named("first", node("MaxPool", &["x"], "a", pool(2))),
        named("fine", node("Relu", &["x"], "b", vec![])),
        named("behind", node("Det", &["a"], "c", vec![])),
        named("third", node("Det", &["b"], "d", vec![])),
        named("unknown", node("Relu", &["d"], "e", vec![])),
        named("fourth", node("Scan", &["e"], "f", vec![])),
        named("wrong shape", node("Flatten", &["c"], "y", vec![a_int("axis", 9)])),
    ];
    let e = import(&model(13, vec![value("x", &[1, 1, 4, 4])], vec![free("y")], vec![], nodes)).unwrap_err();
    assert_eq!((e.code, e.node.as_deref()), (Code::UnsupportedAttr, Some("first")), "{e}");
    for part in [
        "4 nodes are not supported (Det 2, MaxPool 1, Scan 1)",
        "`dilations` = [2, 2]",
        "2 nodes as `behind`: operator Det",
        "`fourth`: operator Scan",
        "known while compiling",
    ] {
        assert!(e.message.contains(part), "no `{part}` in {e}");
    }
    assert!(e.hint.unwrap().contains("dilated pooling"));
    // Thousands of them are no work without end.
    let nodes = (0..5000).map(|i| named(&format!("n{i}"), node("Det", &["x"], &format!("t{i}"), vec![]))).collect();
    let e = import(&model(13, vec![value("x", &[1, 4])], vec![value("t0", &[1, 4])], vec![], nodes)).unwrap_err();
    assert!(e.message.contains("5000 nodes") && e.message.len() < 400, "{e}");
}

#[test]
fn a_limit_for_everything() {
    let deep = |levels: usize| {
        let mut m = relu_model();
        for _ in 0..levels {
            let g = m.graph.take().unwrap();
            let a =
                AttributeProto { name: Some("body".into()), r#type: Some(attr_type::GRAPH), g: Some(Box::new(g)), ..Default::default() };
            m = model(13, vec![value("x", &[1, 4])], vec![free("y")], vec![], vec![node("If", &["x"], "y", vec![a])]);
        }
        m
    };
    let limited = |m: &ModelProto, set: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        set(&mut limits);
        import_bytes(m.encode_to_vec().into(), &ImportOptions { limits, ..Default::default() })
    };
    let m = add_model(floats("w", &[1, 4], &[1.0; 4]));
    assert!(limited(&m, &|_| ()).is_ok());
    assert_error(limited(&m, &|l| l.file_bytes = 10), Code::Limit, "");
    let e = assert_error(limited(&m, &|l| l.nodes = 0), Code::Limit, "");
    assert!(e.hint.unwrap().contains("`Limits::nodes`"));
    assert_error(limited(&m, &|l| l.entries = 5), Code::Limit, "");
    assert_error(limited(&m, &|l| l.depth = 3), Code::Limit, "");
    assert_error(limited(&m, &|l| l.dims = 1), Code::Limit, "");
    assert_error(limited(&m, &|l| l.elements = 3), Code::Limit, "w");
    assert_error(limited(&m, &|l| l.name_bytes = 6), Code::Limit, "");
    let typed = add_model(TensorProto { raw_data: None, float_data: vec![1.0; 4], ..floats("w", &[1, 4], &[]) });
    assert!(limited(&typed, &|l| l.folded_bytes = 16).is_ok());
    assert_error(limited(&typed, &|l| l.folded_bytes = 15), Code::Limit, "w");
    // Packed data are counted before they are decoded.
    assert_error(limited(&typed, &|l| l.elements = 3), Code::Limit, "");
    // However high the limit, the recursion ends.
    assert_error(limited(&deep(3), &|_| ()), Code::UnsupportedOp, "the_If");
    assert_error(limited(&deep(30), &|l| l.depth = usize::MAX), Code::Limit, "");
    // A value that the graph computes, not only constants.
    let m = model(
        13,
        vec![value("x", &[1 << 20])],
        vec![free("y")],
        vec![],
        vec![node("Unsqueeze", &["x", "a"], "c", vec![]), node("Mul", &["x", "c"], "y", vec![])],
    );
    let mut m2 = m.clone();
    m2.graph.as_mut().unwrap().initializer.push(ints("a", &[1]));
    assert_error(limited(&m2, &|_| ()), Code::Limit, "the_Mul");
}

#[test]
fn external_data() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("model");
    std::fs::create_dir(&inner).unwrap();
    let data: Vec<u8> = [9.0f32, 1.0, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(inner.join("w.bin"), &data).unwrap();
    std::fs::write(dir.path().join("secret.bin"), &data).unwrap();
    let run = |entries: &[(&str, &str)]| {
        let external_data = entries.iter().map(|&(k, v)| StringStringEntryProto { key: Some(k.into()), value: Some(v.into()) }).collect();
        let w = TensorProto { raw_data: None, data_location: Some(1), external_data, ..floats("w", &[4], &[]) };
        let path = inner.join("m.onnx");
        std::fs::write(&path, add_model(w).encode_to_vec()).unwrap();
        mcompc_onnx::import(&path, &ImportOptions::default())
    };
    let g = run(&[("location", "w.bin"), ("offset", "4"), ("length", "16")]).unwrap();
    let w = g.ids().into_iter().find_map(|i| g.node(i).tensor.clone()).unwrap();
    assert_eq!(w.as_f32().unwrap()[..], [1.0, 2.0, 3.0, 4.0]);
    assert!(run(&[("location", "w.bin")]).is_ok());

    let absolute = dir.path().join("secret.bin").display().to_string();
    for location in
        ["../secret.bin", "sub/../../secret.bin", &absolute, "./w.bin", "..", ".", "", "w.bin/", "none.bin", "..\\secret.bin", "C:w.bin"]
    {
        assert_error(run(&[("location", location)]), Code::ExternalData, "w");
    }
    for entries in [
        vec![("offset", "0")],
        vec![("location", "w.bin"), ("offset", "8")],
        vec![("location", "w.bin"), ("offset", "18446744073709551615")],
        vec![("location", "w.bin"), ("offset", "-4")],
        vec![("location", "w.bin"), ("length", "12")],
        vec![("location", "w.bin"), ("location", "w.bin")],
        vec![("location", "w.bin"), ("checksum", "00")],
    ] {
        assert_error(run(&entries), Code::ExternalData, "w");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret.bin", inner.join("link.bin")).unwrap();
        assert_error(run(&[("location", "link.bin")]), Code::ExternalData, "w");
    }
    let w = TensorProto {
        raw_data: None,
        data_location: Some(1),
        external_data: vec![StringStringEntryProto { key: Some("location".into()), value: Some("w.bin".into()) }],
        ..floats("w", &[4], &[])
    };
    assert_error(import(&add_model(w)), Code::ExternalData, "w");
}
