//! The other commands on the digits net.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, mcompc, ok};
use mcompc_emu::runnable;
use serde_json::Value;

fn verify(target: &str, limit: &str) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let [model, calib, eval] = ["digits.onnx", "digits.calib.npz", "digits.eval.npz"].map(|f| digits(f).to_str().unwrap().to_string());
    let args = ["verify", &model, "--target", target, "--calib", &calib, "--data", &eval, "--input", INPUT, "--limit", limit, "--json"];
    let v = serde_json::from_str(&ok(dir.path(), args)).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "verify writes nothing");
    v
}

#[test]
fn verify_on_this_computer() {
    let v = verify("host", "1000");
    assert_eq!((&v["samples"], &v["bytes"], &v["machine"]), (&450.into(), &4500.into(), &"native".into()));
    assert_eq!(v["by_the_book"], 16);
    assert!(v["float"]["top1_agreement"].as_f64().unwrap() >= 0.97, "{v}");
    let t = &v["top1"];
    assert!(t["float"].as_f64().unwrap() >= 0.97 && t["difference"].as_f64().unwrap().abs() <= 0.01, "{v}");
    assert!(t["interval"][0].as_f64() <= t["difference"].as_f64() && t["difference"].as_f64() <= t["interval"][1].as_f64());
}

#[test]
fn verify_under_emulation() {
    for target in ["aarch64", "riscv64gc"] {
        if runnable(target).unwrap() {
            let v = verify(target, "16");
            assert_eq!((&v["samples"], &v["bytes"]), (&16.into(), &160.into()));
            assert!(v["machine"].as_str().unwrap().starts_with("qemu-"), "{v}");
        }
    }
}

#[test]
fn verify_needs_samples() {
    let dir = tempfile::tempdir().unwrap();
    let out = mcompc(dir.path(), ["verify", digits("digits.onnx").to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8(out.stderr).unwrap().contains("--data"));
}

#[test]
fn plan_shows_every_layer_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let model = digits("digits.onnx").to_str().unwrap().to_string();
    // Without calibration data: allowed, and said.
    let text = ok(dir.path(), ["plan", &model, "--target", "aarch64"]);
    assert!(text.contains("warning: no calibration data"), "{text}");
    for word in ["q.conv", "q.dense", "q.softmax", "MACs", "RAM"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let v: Value = serde_json::from_str(&ok(dir.path(), ["plan", &model, "--json"])).unwrap();
    assert_eq!(v["calibration"]["range"], "data-free");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn tables() {
    let dir = tempfile::tempdir().unwrap();
    let text = ok(dir.path(), ["targets"]);
    assert!(text.contains("cortex-m4") && text.contains("<- host"), "{text}");
    let v: Value = serde_json::from_str(&ok(dir.path(), ["targets", "--json"])).unwrap();
    assert!(v["targets"].as_array().unwrap().iter().filter(|t| t["host"] == true).count() == 1);
    assert!(ok(dir.path(), ["explain", "e201"]).starts_with("E201: "));
    assert_eq!(mcompc(dir.path(), ["explain", "E999"]).status.code(), Some(2));
    for doc in ["errors", "ops", "targets", "flags"] {
        let text = ok(dir.path(), ["dev", "docs", doc]);
        assert!(text.starts_with("# ") && text.ends_with('\n') && !text.ends_with("\n\n"), "{doc}");
    }
}

#[test]
fn every_stage_can_be_shown() {
    let dir = tempfile::tempdir().unwrap();
    let model = digits("digits.onnx").to_str().unwrap().to_string();
    for (stage, has, not) in [
        ("imported", "Relu", "q.conv"),
        ("canonical", "NHWC", "BatchNormalization"),
        ("integer", "q.softmax", "Conv "),
        ("kernel", "digits_run", "q.conv"),
    ] {
        let text = ok(dir.path(), ["dev", "show", stage, &model, "--target", "x86_64"]);
        assert!(text.contains(has) && !text.contains(not), "{stage}: {text}");
    }
}
