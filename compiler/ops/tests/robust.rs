//! No operator panics, whatever its attributes and inputs, and evaluation gives what inference says.
#![allow(clippy::unwrap_used)]

use mcompc_ir::{Attr, Attrs, Codes, DType, Node, Quant, Tensor, Value};
use mcompc_ops::{Kind, OPS, eval, infer};
use proptest::prelude::*;
use proptest::sample::select;

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 0i64..4, 2 => -3i64..40, 1 => any::<i64>(), 1 => select(vec![i64::MAX, i64::MIN, 1 << 31, 1 << 32, u32::MAX.into()])]
}

fn attr(name: &'static str, kind: Kind) -> BoxedStrategy<Attr> {
    match kind {
        Kind::Int => number().prop_map(Attr::Int).boxed(),
        Kind::Float => prop_oneof![any::<f64>(), -1.0..7.0].prop_map(Attr::Float).boxed(),
        Kind::Str => select(vec!["NHWC", "NCHW", "x"]).prop_map(|s| Attr::Str(s.into())).boxed(),
        Kind::Ints => {
            let n = match name {
                "pads" => vec![4, 4, 8, 2],
                "perm" | "shape" | "axes" | "m" => vec![0, 1, 2, 3, 4],
                _ => vec![2],
            };
            select(n).prop_flat_map(|n| prop::collection::vec(number(), n)).prop_map(Attr::Ints).boxed()
        }
    }
}

fn value(dtypes: &'static [DType]) -> impl Strategy<Value = Value> {
    let dims = prop_oneof![
        4 => prop::collection::vec(1usize..5, 4),
        2 => prop::collection::vec(1usize..5, 0..5),
        1 => prop::collection::vec(prop_oneof![3 => 0usize..3, 1 => select(vec![256, 1 << 20, 1 << 31, 1 << 40])], 0..5),
    ];
    let quant = prop::option::of((0.1f64..1.0, -128i32..128).prop_map(|(scale, zero_point)| Quant::new(Codes::I8, scale, zero_point)));
    (select(dtypes), dims, quant).prop_map(|(dtype, shape, quant)| Value {
        name: "v".into(),
        dtype,
        shape,
        quant: quant.filter(|_| matches!(dtype, DType::I8 | DType::U8)),
    })
}

fn call() -> impl Strategy<Value = (Node, Vec<Value>)> {
    (0..OPS.len()).prop_flat_map(|i| {
        let d = OPS[i];
        let floats: &'static [DType] = &[DType::F32];
        let others: &'static [DType] = &[DType::I8, DType::I8, DType::U8, DType::I32];
        let types = if d.name.starts_with("q.") { others } else { floats };
        let attrs: Vec<_> =
            d.attrs.iter().map(|a| (Just(a.name.to_string()), prop::option::weighted(0.97, attr(a.name, a.kind)))).collect();
        let out = prop::option::weighted(
            0.95,
            value(&[DType::I8]).prop_map(|v| Value { quant: v.quant.clone().or(Some(Quant::new(Codes::I8, 0.5, 1))), ..v }),
        );
        let n = d.inputs.len();
        (attrs, prop::collection::vec(value(types), n.saturating_sub(1)..n + 1), out, any::<bool>()).prop_map(
            move |(attrs, mut ins, out, tie)| {
                // Equal shapes are rare by chance, and most of what is interesting needs them.
                if tie && ins.len() > 1 {
                    ins[1].shape = ins[0].shape.clone();
                }
                let attrs = Attrs(attrs.into_iter().filter_map(|(k, v)| Some((k, v?))).collect());
                (Node { name: "n".into(), op: d.name.into(), attrs, outs: out.into_iter().collect(), tensor: None, fused: vec![] }, ins)
            },
        )
    })
}

/// Every code of u8 has its entry in a table, though the quantization says i8.
#[test]
fn codes_of_another_type() {
    let v = |dtype, n| Value { name: "v".into(), dtype, shape: vec![n], quant: Some(Quant::new(Codes::I8, 0.5, 0)) };
    let (x, table) = (v(DType::U8, 3), Value { quant: None, ..v(DType::I8, 256) });
    let node = Node { name: "n".into(), op: "q.lut".into(), attrs: Attrs::new(), outs: vec![v(DType::I8, 3)], tensor: None, fused: vec![] };
    assert!(infer(&node, &[&x, &table]).is_err_and(|e| e.message.contains("under a quantization to i8")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30_000) })]
    #[test]
    fn nothing_panics((node, ins) in call(), fill in any::<u8>()) {
        let refs: Vec<&Value> = ins.iter().collect();
        let outs = match infer(&node, &refs) {
            Ok(o) => o,
            Err(e) => {
                prop_assert_eq!((e.node.as_deref(), e.hint.is_some()), (Some("n"), true));
                return Ok(());
            }
        };
        // The values of inputs and constants are taken as they are; here they have no payload.
        if matches!(node.op.as_str(), "const" | "input") || outs.iter().chain(&ins).any(|v| v.elems() > 1 << 16) {
            return Ok(());
        }
        let tensors: Vec<Tensor> = ins.iter().map(|v| Tensor::new(v.dtype, v.shape.clone(), vec![fill; v.bytes()].into()).unwrap()).collect();
        let node = Node { outs: outs.clone(), ..node };
        if let Ok(t) = eval(&node, &refs, &tensors.iter().collect::<Vec<_>>()) {
            prop_assert_eq!(t.len(), outs.len());
            for (t, v) in t.iter().zip(&outs) {
                prop_assert_eq!((t.dtype, &t.shape), (v.dtype, &v.shape));
            }
        }
    }
}
