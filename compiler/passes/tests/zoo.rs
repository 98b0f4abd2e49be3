//! The pipeline keeps the meaning of real models: the graph after every pass equals the graph before it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mcompc_ir::{Graph, Tensor};

const MODELS: &[&str] = &[
    "kws_dscnn/kws_fp32.onnx",
    "ic_resnet8/ic_fp32.onnx",
    "vww_mbv1_025/vww_fp32.onnx",
    "ad_autoencoder/ad_fp32.onnx",
    "mnist_cnn/mnist8.onnx",
    "sww_streaming/sww_fp32.onnx",
];

fn inputs(g: &Graph, seed: u64) -> Vec<Tensor> {
    let mut s = seed;
    g.inputs
        .iter()
        .map(|&n| {
            let v = g.value(g.out(n));
            let data: Vec<f32> = (0..v.elems())
                .map(|_| {
                    s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    ((s >> 40) as f32) / 16_777_216.0
                })
                .collect();
            Tensor::from_f32(v.shape.clone(), &data).unwrap()
        })
        .collect()
}

fn difference(a: &[Tensor], b: &[Tensor]) -> f32 {
    let mut worst = 0f32;
    for (x, y) in a.iter().zip(b) {
        assert_eq!(x.shape, y.shape);
        let (x, y) = (x.as_f32().unwrap(), y.as_f32().unwrap());
        let top = x.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
        worst = x.iter().zip(y.iter()).fold(worst, |m, (p, q)| m.max((p - q).abs() / top));
    }
    worst
}

#[test]
fn every_pass_keeps_the_meaning_of_real_models() {
    let Some(zoo) = mcompc_filetest::zoo() else { return };
    for m in MODELS {
        let mut g = mcompc_onnx::import(&zoo.join(m), &mcompc_onnx::ImportOptions::default()).unwrap();
        let x = inputs(&g, 3);
        let want = mcompc_interp::run(&g, &x).unwrap();
        for round in 0..8 {
            let mut changes = 0;
            for p in mcompc_passes::PASSES {
                let n = (p.run)(&mut g).unwrap();
                if n == 0 {
                    continue;
                }
                changes += n;
                g.remove_dead();
                mcompc_ops::verify(&g).unwrap_or_else(|e| panic!("{m}: after {} in round {round}: {e}", p.name));
                let d = difference(&want, &mcompc_interp::run(&g, &x).unwrap());
                assert!(d < 2e-5, "{m}: {} in round {round} changes the result by {d}", p.name);
            }
            if changes == 0 {
                break;
            }
        }
        let left: Vec<&str> = g.ids().iter().map(|&n| g.node(n).op.as_str()).filter(|o| *o == "Transpose").collect();
        assert!(left.is_empty(), "{m}: {} transposes are left", left.len());
        for n in g.topo().unwrap() {
            let node = g.node(n);
            if !matches!(node.op.as_str(), "const") {
                println!(
                    "{:18} {:?} {} {:?}",
                    node.op,
                    node.outs[0].shape,
                    node.name.chars().rev().take(30).collect::<String>(),
                    node.attrs.0.get("act_min")
                );
            }
        }
    }
}
