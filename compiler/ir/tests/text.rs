//! The text form gives back what was printed, and never panics on what it cannot read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::{Attr, Attrs, Code, Codes, DType, Graph, Output, Per, Quant, Tensor, Value, ValueId, parse, print, print_short};
use proptest::prelude::*;

fn dtype() -> impl Strategy<Value = DType> {
    prop::sample::select(DType::ALL)
}

fn per() -> impl Strategy<Value = Per<f64>> {
    // Zero points are whole numbers as a rule.
    let number = || prop_oneof![any::<f64>(), any::<i32>().prop_map(f64::from)];
    let list = || prop::collection::vec(number(), 0..3).prop_map(Vec::into_boxed_slice);
    prop_oneof![
        number().prop_map(Per::Tensor),
        (any::<u8>(), list()).prop_map(|(a, l)| Per::Axis(a, l)),
        (any::<u32>(), list()).prop_map(|(n, l)| Per::Runs(n, l)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let codes = (Codes::BITS, any::<bool>()).prop_map(|(bits, signed)| Codes { bits, signed });
    let quant = prop::option::of((codes, per(), per()).prop_map(|(codes, scale, zero)| Quant { codes, scale, zero }));
    (".*", dtype(), prop::collection::vec(0usize..4, 0..4), quant).prop_map(|(name, dtype, shape, quant)| Value {
        name,
        dtype,
        shape,
        quant,
    })
}

fn attr() -> impl Strategy<Value = Attr> {
    prop_oneof![
        any::<i64>().prop_map(Attr::Int),
        any::<f64>().prop_map(Attr::Float),
        Just(Attr::Float(f64::INFINITY)),
        Just(Attr::Float(f64::NAN)),
        ".*".prop_map(Attr::Str),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(Attr::Ints),
        prop::collection::vec(any::<f64>(), 0..4).prop_map(Attr::Floats),
    ]
}

fn tensor() -> impl Strategy<Value = Tensor> {
    (dtype(), prop::collection::vec(0usize..4, 0..3)).prop_flat_map(|(d, shape)| {
        let n = shape.iter().product::<usize>() * d.size();
        prop::collection::vec(any::<u8>(), n).prop_map(move |b| Tensor::new(d, shape.clone(), b.into()).unwrap())
    })
}

type Spec = (String, String, Vec<(String, Attr)>, Vec<Value>, Vec<String>, Option<Tensor>, Vec<prop::sample::Index>);

fn spec() -> impl Strategy<Value = Spec> {
    (
        ".*",
        "([a-zA-Z_][a-zA-Z0-9_.]*|.*)",
        prop::collection::vec((".*", attr()), 0..4),
        prop::collection::vec(value(), 1..3),
        prop::collection::vec(".*", 0..3),
        prop::option::of(tensor()),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    )
}

/// Edges go anywhere, also forward: the text form does not depend on what the verifier asks.
fn graph() -> impl Strategy<Value = Graph> {
    (".*", prop::collection::vec(spec(), 1..6), prop::collection::vec((".*", any::<prop::sample::Index>()), 0..3), any::<bool>()).prop_map(
        |(name, specs, outs, hole)| {
            let mut g = Graph::new(name);
            let doomed = g.add_const("doomed", Tensor::from_i8([1], &[1]).unwrap());
            let mut ids = Vec::new();
            for s in &specs {
                let attrs = Attrs(s.2.iter().cloned().collect());
                ids.push(g.add_node(&s.0, &s.1, attrs, &[], s.3.clone()));
                let n = g.node_mut(*ids.last().unwrap());
                n.fused = s.4.clone();
                n.tensor = s.5.clone();
            }
            let pick = |g: &Graph, i: &prop::sample::Index| {
                let node = *i.get(&ids);
                ValueId { node, port: g.node(node).outs.len() as u32 - 1 }
            };
            for (s, &id) in specs.iter().zip(&ids) {
                let v: Vec<ValueId> = s.6.iter().map(|i| pick(&g, i)).collect();
                g.set_inputs(id, &v);
            }
            g.outputs = outs.iter().map(|(n, i)| Output { name: n.clone(), value: pick(&g, i) }).collect();
            g.inputs = outs.iter().map(|(_, i)| *i.get(&ids)).collect();
            if hole {
                g.remove_node(doomed.node);
            }
            g
        },
    )
}

proptest! {
    #[test]
    fn print_and_parse_round_trip(g in graph()) {
        let text = print(&g);
        let back = parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        prop_assert_eq!(&text, &print(&back));
        // The text alone could lose something on both ways, so the nodes are compared too (by Debug: NaN differs from itself).
        let nodes = |g: &Graph| g.ids().into_iter().map(|i| format!("{:?}", g.node(i))).collect::<Vec<_>>();
        prop_assert_eq!(nodes(&g), nodes(&back));
        prop_assert_eq!(g.name, back.name);
    }
    #[test]
    fn damaged_text_is_an_error_not_a_panic(g in graph(), cut in any::<prop::sample::Index>(), c in any::<char>()) {
        // Only the newline at the end may be missing.
        let printed = print(&g);
        let text = printed.trim_end();
        let at = cut.get(&text.char_indices().map(|(i, _)| i).collect::<Vec<_>>()).to_owned();
        let _ = parse(&format!("{}{c}{}", &text[..at], &text[at..]));
        prop_assert!(parse(&text[..at]).is_err());
    }
}

#[test]
fn a_short_print_elides_and_says_so() {
    let mut g = Graph::new("t");
    let c = g.add_const("w", Tensor::from_f32([9], &[0.5; 9]).unwrap());
    g.outputs.push(Output { name: "w".into(), value: c });
    let s = print_short(&g);
    assert!(s.contains("0.5, .. 9 elements]"), "{s}");
    let e = parse(&s).unwrap_err();
    assert_eq!((e.code, e.message.contains("elided")), (Code::Parse, true));
}
