//! The fast integer executor against the reference interpreter, bit for bit.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::ints;
use mcompc_interp::{FastInt, run, run_all};
use mcompc_ir::{Attrs, Code, Codes, DType, Graph, Output, Quant, Tensor, Value, ValueId};
use proptest::prelude::*;

fn bytes(n: usize, seed: u64) -> Vec<i8> {
    common::noise(n, seed).iter().map(|v| (v * 127.9) as i8).collect()
}

struct Spec<'a> {
    op: &'a str,
    x: &'a [usize],
    w: &'a [usize],
    unsigned: bool,
    attrs: Attrs,
    bias: i32,
}

fn layer(s: Spec<'_>, seed: u64) -> (Graph, Tensor) {
    let mut g = Graph::new("g");
    let (n, o) = (s.x.iter().product(), s.w[0]);
    let dtype = if s.unsigned { DType::U8 } else { DType::I8 };
    let x = g.add_input(Value::new("x", dtype, s.x).with_quant(0.5, if s.unsigned { 200 } else { -100 }));
    let c = |g: &mut Graph, name: &str, t: Tensor| -> ValueId { g.add_const(name, t) };
    let w = c(&mut g, "w", Tensor::from_i8(s.w, &bytes(s.w.iter().product(), seed)).unwrap());
    let bias: Vec<i32> = bytes(o, seed + 1).iter().map(|&b| i32::from(b) * s.bias).collect();
    let m: Vec<i32> = bytes(o, seed + 2).iter().map(|&b| (i32::from(b) + 129) << 15).collect();
    let (b, m) = (c(&mut g, "b", Tensor::from_i32([o], &bias).unwrap()), c(&mut g, "m", Tensor::from_i32([o], &m).unwrap()));
    let a = s.attrs.with("pre", 2i64).with("shift", 3i64).with("lo", -120i64).with("hi", 125i64);
    let q = Quant::new(Codes::I8, 0.25, 7);
    let id = mcompc_ops::add_op(&mut g, "layer", s.op, a, &[x, w, b, m], "y", Some(q.clone())).unwrap();
    let table = c(&mut g, "table", Tensor::from_i8([256], &bytes(256, seed + 3)).unwrap());
    let y = g.out(id);
    let lut = mcompc_ops::add_op(&mut g, "lut", "q.lut", Attrs::new(), &[y, table], "z", Some(q.clone())).unwrap();
    g.outputs = vec![Output { name: "y".into(), value: y }, Output { name: "z".into(), value: g.out(lut) }];
    let data = bytes(n, seed + 4);
    let t = if s.unsigned { Tensor::from_u8(s.x, &data.iter().map(|&v| v as u8).collect::<Vec<_>>()) } else { Tensor::from_i8(s.x, &data) };
    (g, t.unwrap())
}

fn compare(g: &Graph, x: &Tensor) {
    let want = run_all(g, std::slice::from_ref(x)).unwrap();
    let mut seen = 0;
    let got = FastInt::new(g).unwrap().run(std::slice::from_ref(x), |v, t| {
        seen += 1;
        assert_eq!(t, &want.values[&v]);
    });
    assert_eq!(got.unwrap(), want.outputs);
    assert_eq!(seen, g.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn convolutions(
        n in 1usize..3, size in (1usize..9, 1usize..9), groups in 1usize..5, per_group in (1usize..20, 1usize..12), k in (1usize..4, 1usize..4),
        s in (1i64..4, 1i64..4), p in [0i64..3, 0..3, 0..3, 0..3], d in (1i64..3, 1i64..3), depthwise in any::<bool>(), unsigned in any::<bool>(),
        seed in any::<u32>(),
    ) {
        let (ci, co) = if depthwise { (1, per_group.1 % 3 + 1) } else { per_group };
        prop_assume!(size.0 as i64 + p[0] + p[2] > (k.0 as i64 - 1) * d.0 && size.1 as i64 + p[1] + p[3] > (k.1 as i64 - 1) * d.1);
        let attrs = Attrs::new().with("strides", ints(&[s.0, s.1])).with("pads", ints(&p)).with("dilations", ints(&[d.0, d.1])).with("group", groups);
        let (x, w) = ([n, size.0, size.1, groups * ci], [groups * co, k.0, k.1, ci]);
        let (g, x) = layer(Spec { op: "q.conv", x: &x, w: &w, unsigned, attrs, bias: 500 }, seed.into());
        compare(&g, &x);
    }
    #[test]
    fn dense(n in 1usize..20, k in 1usize..300, o in 1usize..20, unsigned in any::<bool>(), seed in any::<u32>()) {
        let (g, x) = layer(Spec { op: "q.dense", x: &[n, k], w: &[o, k], unsigned, attrs: Attrs::new(), bias: 500 }, seed.into());
        compare(&g, &x);
    }
}

#[test]
fn both_refuse_an_overflow() {
    let (g, x) = layer(Spec { op: "q.dense", x: &[1, 300], w: &[40, 300], unsigned: true, attrs: Attrs::new(), bias: 1 << 24 }, 3);
    let slow = run(&g, std::slice::from_ref(&x)).unwrap_err();
    let fast = FastInt::new(&g).err().unwrap();
    assert_eq!((slow.code, slow.node.as_deref()), (Code::Overflow, Some("layer")));
    assert_eq!((fast.code, fast.node), (Code::Overflow, slow.node));
}
