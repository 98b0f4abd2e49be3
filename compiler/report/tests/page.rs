//! The page is well formed, escapes names and agrees with the JSON.
#![allow(clippy::unwrap_used, clippy::panic)]

use mcompc_report::{Buffer, Calibration, Layer, Loss, Memory, Pass, Report, State, Tensor, Totals};

fn report() -> Report {
    let tensor = |name: &str| Tensor {
        name: name.into(),
        identifier: "x".into(),
        dtype: "i8".into(),
        shape: vec![1, 4],
        scale: vec![0.5],
        zero_point: vec![-3.0],
    };
    let layer = |name: &str, macs| Layer {
        name: name.into(),
        op: "q.conv".into(),
        fused: vec!["relu".into()],
        kernel: "conv".into(),
        shape: vec![1, 2, 2, 8],
        macs,
        forecast: None,
        weight_bytes: macs / 2,
        uncoded_bytes: Some(macs),
        dtype: "i8".into(),
        scale: Some(0.1),
        zero_point: Some(-128),
        pre: Some(0),
        shift: Some(9),
        accumulator: Some(1 << 20),
        multiplier: Some((1 << 20, 1 << 30)),
        bits: Some(4),
        bits_why: Some("first <layer>".into()),
        group: None,
    };
    Report {
        generator: "mcompc",
        version: "0.1.0".into(),
        name: "tiny".into(),
        model_sha256: "ab".repeat(32),
        target: "host".into(),
        backend: "cranelift".into(),
        level: "int8".into(),
        inputs: vec![tensor("<script>alert(1)</script>")],
        outputs: vec![tensor("out")],
        states: vec![State { input: "in".into(), output: "out".into(), bytes: 24 }],
        totals: Totals { macs: 30_000, weight_bytes: 15_000, arena_bytes: 64, ..Totals::default() },
        layers: vec![layer("conv & co", 20_000), layer("dense", 10_000)],
        memory: Memory {
            arena_bytes: 64,
            arena_align: 16,
            steps: 2,
            buffers: vec![Buffer { name: "t".into(), offset: 0, bytes: 32, first: 0, last: 1 }],
            live: vec![32, 64],
        },
        calibration: Calibration { samples: 10, range: "mse".into() },
        scheme: "scheme 1\nvalue \"<x>\" i8 scale 0.5 zero 0\n".into(),
        allocation: None,
        passes: vec![Pass { name: "fold".into(), changes: 3 }],
        check: Some(mcompc_report::Check { samples: vec!["s".into()], layers: 2, in_part: vec![], native: true }),
        loss: Some(Loss {
            data: "calibration".into(),
            samples: 10,
            top1_agreement: 0.9,
            expected_loss: 1.25,
            expected_within: 0.5,
            predictions: 10,
            error_over_variance: 0.003,
            limit: Some(12.5),
            ..Loss::default()
        }),
        warnings: vec!["a < b".into()],
    }
}

/// Checks that elements which need an end tag have one, in order.
fn balanced(html: &str) {
    let optional = ["meta", "p", "tr", "td", "th", "rect", "line", "polyline", "br"];
    let mut stack = Vec::new();
    for part in html.split('<').skip(1) {
        let tag: String = part.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if tag.is_empty() || optional.contains(&&*tag) {
            continue;
        }
        if part.starts_with('/') {
            assert_eq!(stack.pop(), Some(tag));
        } else if !part.split('>').next().unwrap().ends_with('/') {
            stack.push(tag);
        }
    }
    assert!(stack.is_empty(), "{stack:?}");
}

#[test]
fn page_is_self_contained_and_escaped() {
    let html = report().html();
    balanced(&html);
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("conv &amp; co") && html.contains("a &lt; b"));
    assert!(!html.contains("http") && !html.contains("src="));
    assert!(html.contains("first &lt;layer&gt;") && html.contains("1.25 expected points of top-1 (limit 12.5)"));
    assert!(html.contains("90.00 %") && html.contains("20.0 k"));
    assert_eq!(html.matches("class=\"bar\"").count(), 4);
    assert_eq!(html.matches("class=\"buf\"").count(), 1);
}

#[test]
fn json_has_the_same_figures() {
    let json = report().json().unwrap();
    let v: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(v["generator"], "mcompc");
    assert_eq!(v["layers"][0]["multiplier"][1], 1 << 30);
    assert_eq!(v["memory"]["live"][1], 64);
    assert_eq!(v["loss"]["top1_agreement"], 0.9);
    assert_eq!((v["loss"]["criterion"].as_str(), v["loss"]["limit"].as_f64()), (Some("top1"), Some(12.5)));
    assert_eq!(v["layers"][1]["bits"], 4);
    assert_eq!(json, report().json().unwrap());
}
