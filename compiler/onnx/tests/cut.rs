//! A part of a model: `--inputs`, `--outputs`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::*;
use mcompc_ir::{Code, Error, Graph};
use mcompc_onnx::{Cut, ImportOptions, import_bytes};
use prost::Message;

/// x -> Relu a -> Tanh b -> NonZero y, which is refused; z is read by the NonZero's part only.
fn part(inputs: &[&str], outputs: &[&str]) -> Result<Graph, Error> {
    let nodes = vec![
        node("Relu", &["x"], "a", vec![]),
        node("Tanh", &["a"], "b", vec![]),
        node("Add", &["b", "z"], "c", vec![]),
        node("NonZero", &["c"], "y", vec![]),
    ];
    let mut m = model(13, vec![value("x", &[1, 4]), value("z", &[1, 4])], vec![free("y")], vec![], nodes);
    m.graph.as_mut().unwrap().value_info.push(value("a", &[1, 4]));
    let list = |v: &[&str]| v.iter().map(|s| s.to_string()).collect();
    let cut = Cut { inputs: list(inputs), outputs: list(outputs) };
    import_bytes(m.encode_to_vec().into(), &ImportOptions { cut, ..Default::default() })
}

fn names(g: &Graph) -> (Vec<String>, Vec<String>) {
    let ins = g.inputs.iter().map(|&i| g.value(g.out(i)).name.clone()).collect();
    (ins, g.outputs.iter().map(|o| o.name.clone()).collect())
}

#[test]
fn what_lies_behind_is_left_out() {
    assert_eq!(part(&[], &[]).unwrap_err().code, Code::UnsupportedOp);
    let g = part(&[], &["b", "a"]).unwrap();
    assert_eq!(names(&g), (vec!["x".into()], vec!["b".into(), "a".into()]));
    assert_eq!(g.len(), 3);
    assert_eq!(names(&part(&[], &["c"]).unwrap()).0, ["x", "z"]);
}

#[test]
fn what_lies_in_front_is_left_out() {
    let g = part(&["a"], &["b"]).unwrap();
    assert_eq!((names(&g), g.len()), ((vec!["a".into()], vec!["b".into()]), 2));
    assert_eq!(names(&part(&["z", "a"], &["c"]).unwrap()).0, ["z", "a"]);
}

#[test]
fn names_that_do_not_fit() {
    for (inputs, outputs, code, text) in [
        (&[][..], &["bb"][..], Code::Usage, "no tensor `bb`"),
        (&["q"], &["b"], Code::Usage, "no tensor `q`"),
        (&["z"], &["c"], Code::Usage, "leaves out `x`"),
        (&["b", "z"], &["c"], Code::UnboundDim, "`b`"),
    ] {
        let e = part(inputs, outputs).unwrap_err();
        assert!(e.code == code && e.message.contains(text) && e.hint.is_some(), "{e}");
    }
}
