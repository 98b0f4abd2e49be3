//! The page is well formed, escapes names and agrees with the JSON.
#![allow(clippy::unwrap_used, clippy::panic)]

use mcompc_report::{Buffer, Calibration, Changed, Layer, Limits, Loss, Memory, Pass, Report, Spread, State, Tensor, Top1, Totals};

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
        error: Some(0.0125),
        spread: Some(Spread { codes: (-1.0, 2.0), ..Spread::new((-1.0, 3.0), [(-1.0, 5), (0.0, 7), (2.9, 1)].into_iter()) }),
    };
    Report {
        generator: "mcompc",
        version: "0.1.0".into(),
        name: "tiny".into(),
        model_sha256: "ab".repeat(32),
        target: "host".into(),
        backend: "cranelift".into(),
        level: "int8".into(),
        command: Some("mcompc compile 'a <b>.onnx' --target host".into()),
        limits: Some(Limits { flash: 1 << 20, ram: 32 }),
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
        calibration: Calibration { samples: 10, range: "mse".into(), sha256: Some("cd".repeat(32)) },
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
            changed: vec![Changed { sample: 3, position: 0, float: 7, int: 9 }],
            top1: Some(Top1 { samples: 10, float: 0.8, int: 0.7, difference: -0.1, interval: (-0.3, 0.1) }),
            ..Loss::default()
        }),
        warnings: vec!["a < b".into()],
    }
}

/// Checks that elements which need an end tag have one, in order.
fn balanced(html: &str) {
    let optional = ["meta", "p", "tr", "td", "th", "rect", "line", "polyline"];
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
    // Two layers in three charts, three bins of each one's values, one of which no code reaches.
    assert_eq!(html.matches("class=\"row\"").count(), 6);
    assert_eq!((html.matches("class=\"bar\"").count(), html.matches("class=\"over\" x").count()), (4, 2));
    // RAM is 96 bytes of 32, flash is within its limit.
    assert_eq!(html.matches("<i class=\"over\"").count(), 3);
    assert!(html.contains("mcompc compile &#39;a &lt;b&gt;.onnx&#39; --target host") && html.contains(&"cd".repeat(32)));
    assert!(html.contains("70.00 %; the float model 80.00 %; difference -10.00 points (95 % interval -30.00 to +10.00)"));
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
