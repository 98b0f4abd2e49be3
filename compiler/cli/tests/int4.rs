//! `-O int4` through the binary: what it writes, what it refuses, what `plan` and `verify` say of it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, mcompc, ok, tree};
use serde_json::Value;
use std::path::Path;

fn arguments<'a>(command: &'a [&'a str], more: &'a [&'a str]) -> Vec<String> {
    let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let fixed = [model.to_str().unwrap(), "--target", "host", "--calib", calib.to_str().unwrap(), "--input", INPUT];
    command.iter().chain(&fixed).chain(more).map(ToString::to_string).collect()
}

fn json(dir: &Path, command: &[&str], more: &[&str]) -> Value {
    serde_json::from_str(&ok(dir, arguments(command, &[more, &["--json"]].concat()))).unwrap()
}

/// Runs, expects an error with this code, and nothing on the disk.
fn refused(dir: &Path, command: &[&str], more: &[&str], status: i32, code: &str) -> String {
    let out = mcompc(dir, arguments(command, more));
    let text = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(status), "{more:?}: {text}");
    assert!(text.starts_with(&format!("error[{code}]")) && text.contains("\n  hint: "), "{text}");
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0, "something was left behind");
    text
}

fn weights(v: &Value) -> u64 {
    v["totals"]["weight_bytes"].as_u64().unwrap()
}

fn bits(v: &Value) -> Vec<u64> {
    v["layers"].as_array().unwrap().iter().filter_map(|l| l["bits"].as_u64()).collect()
}

/// Bits that a weight takes in the object, on average.
fn average(v: &Value) -> f64 {
    let count: u64 = v["allocation"]["layers"].as_array().unwrap().iter().map(|l| l["weights"].as_u64().unwrap()).sum();
    8.0 * v["totals"]["stored_weight_bytes"].as_f64().unwrap() / count as f64
}

#[test]
fn the_digits_net_in_four_bits() {
    let dir = tempfile::tempdir().unwrap();
    let eight = json(dir.path(), &[], &["-O", "int8", "-o", "eight"]);
    let four = json(dir.path(), &[], &["-O", "int4", "-o", "out"]);
    assert_eq!((four["level"].as_str(), eight["level"].as_str()), (Some("int4"), Some("int8")));
    // Four bits a weight on average, as the object stores them.
    assert!(average(&four) <= 4.0 && average(&four) > 3.0, "{}", average(&four));
    assert!(four["layers"][0]["bits_why"].as_str().unwrap().starts_with("chosen: "));
    assert!(weights(&four) < weights(&eight));
    assert_eq!((four["loss"]["criterion"].as_str(), four["loss"]["limit"].as_f64()), (Some("top1"), Some(5.0)));
    assert_eq!(eight["loss"]["limit"].as_f64(), Some(5.0));
    let written: Value = serde_json::from_slice(&tree(&dir.path().join("out"))[Path::new("report.json")]).unwrap();
    assert_eq!((&written["loss"], &written["layers"]), (&four["loss"], &four["layers"]));

    let all = json(dir.path(), &[], &["-O", "int4", "--int4-all", "--max-loss", "none", "-o", "all"]);
    assert!(bits(&all).iter().all(|&b| b == 4) && all["allocation"] == Value::Null);
    let groups = json(dir.path(), &[], &["-O", "int4", "--int4-all", "--group", "32", "--max-loss", "top1:50", "-o", "groups"]);
    assert!(groups["layers"].as_array().unwrap().iter().any(|l| l["group"] == 32));
    let eval = digits("digits.eval.npz");
    let error = |more: &[&str]| {
        let data =
            [&["-O", "int4", "--int4-all", "--bits", "conv_1=8", "--bits", "gemm_1=8", "--data", eval.to_str().unwrap()], more].concat();
        json(dir.path(), &["verify"], &data)["float"]["error_over_variance"].as_f64().unwrap()
    };
    assert!(error(&["--group", "32"]) < error(&[]));
}

#[test]
fn a_loss_past_the_limit_is_refused_with_the_number() {
    let dir = tempfile::tempdir().unwrap();
    let text = refused(dir.path(), &[], &["-O", "int4", "--max-loss", "error:0.0001", "-o", "out"], 1, "E404");
    let number: f64 = text.split_whitespace().filter_map(|w| w.parse().ok()).next().unwrap();
    assert!(number > 0.0001, "{text}");
    let verify = json(dir.path(), &["verify"], &["-O", "int4", "--limit", "200"]);
    assert_eq!(verify["float"]["limit"], Value::Null);
    refused(dir.path(), &["verify"], &["-O", "int4", "--limit", "200", "--max-loss", "error:0.0001"], 1, "E404");
    // int8 has a limit where one is asked for.
    refused(dir.path(), &[], &["-O", "int8", "--max-loss", "error:0.000001", "-o", "out"], 1, "E404");
}

#[test]
fn a_loss_that_cannot_be_measured_is_no_loss_kept() {
    let dir = tempfile::tempdir().unwrap();
    let model = digits("digits.onnx");
    let run = |more: &[&str]| {
        let fixed = [model.to_str().unwrap(), "-O", "int4", "--target", "host", "-o", "out"];
        mcompc(dir.path(), fixed.iter().chain(more).collect::<Vec<_>>())
    };
    let out = run(&[]);
    assert!(String::from_utf8(out.stderr).unwrap().starts_with("error[E404]"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(run(&["--max-loss", "none"]).status.success());
}

#[test]
fn plan_says_why_a_layer_takes_its_bits() {
    let dir = tempfile::tempdir().unwrap();
    let v = json(dir.path(), &["plan"], &["-O", "int4"]);
    let rows = v["layers"].as_array().unwrap();
    let first = rows.iter().find(|l| l["bits"].is_u64()).unwrap()["name"].as_str().unwrap().to_string();
    let keep = format!("{first}=8");
    let text = ok(dir.path(), arguments(&["plan"], &["-O", "int4", "--bits", &keep]));
    assert!(text.contains("by name") && text.contains("chosen: "), "{text}");
    let v = json(dir.path(), &["plan"], &["-O", "int4", "--bits", &keep]);
    // A layer that is spared does not make the others pay.
    assert!(bits(&v)[0] == 8 && bits(&v)[1..].iter().any(|&b| b < 8));
    let v = json(dir.path(), &["plan"], &["-O", "int4", "--int4-all", "--bits", "*=4", "--bits", &keep]);
    assert_eq!(bits(&v).iter().filter(|&&b| b == 8).count(), 1);
}

#[test]
fn flags_that_make_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    for more in [
        &["-O", "int8", "--group", "32"][..],
        &["-O", "int8", "--int4-all"],
        &["--bits", "*=4"],
        &["-O", "int4", "--group", "33"],
        &["-O", "int4", "--group", "0"],
        &["-O", "int4", "--bits", "conv=9"],
        &["-O", "int4", "--bits", "=4"],
        &["-O", "int4", "--bits", "no_such_layer=8"],
        &["-O", "int4", "--max-loss=-1"],
        &["-O", "int4", "--max-loss", "mse:3"],
    ] {
        refused(dir.path(), &[], &[more, &["-o", "out"]].concat(), 2, "E002");
    }
}
