//! `--budget`, `-O mixed` and `plan --pareto` through the binary, on the digits net.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, mcompc, ok};
use serde_json::Value;
use std::path::Path;

fn arguments(command: &[&str], more: &[&str]) -> Vec<String> {
    let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let fixed = [model.to_str().unwrap(), "--target", "host", "--calib", calib.to_str().unwrap(), "--input", INPUT];
    command.iter().chain(&fixed).chain(more).map(ToString::to_string).collect()
}

fn plan(dir: &Path, more: &[&str]) -> Value {
    serde_json::from_str(&ok(dir, arguments(&["plan"], &[more, &["--json"]].concat()))).unwrap()
}

fn flash(v: &Value) -> u64 {
    v["totals"]["flash_bytes"].as_u64().unwrap()
}

fn refused(dir: &Path, more: &[&str]) -> String {
    let out = mcompc(dir, arguments(&["plan"], more));
    let text = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2), "{more:?}: {text}");
    assert!(text.starts_with("error[E002]") && text.contains("\n  hint: "), "{text}");
    text
}

#[test]
fn a_budget_of_flash_is_met_by_the_object() {
    let dir = tempfile::tempdir().unwrap();
    let eight = plan(dir.path(), &["-O", "int8"]);
    let mut last = u64::MAX;
    for percent in [95, 85, 75] {
        let v = plan(dir.path(), &["--budget", &format!("flash={percent}%")]);
        assert!(100 * flash(&v) <= percent * flash(&eight), "{percent} %: {} of {}", flash(&v), flash(&eight));
        // The error of what is kept grows as the budget falls, and both are said.
        assert!(flash(&v) <= last && v["level"] == "mixed" && v["allocation"]["asked"] == format!("flash={percent}%"));
        last = flash(&v);
    }
    let bytes = flash(&eight) * 9 / 10;
    let v = plan(dir.path(), &["-O", "mixed", "--budget", &format!("flash={bytes}")]);
    assert!(flash(&v) <= bytes);
    // The same again: nothing depends on chance or threads.
    let again = plan(dir.path(), &["-O", "mixed", "--budget", &format!("flash={bytes}")]);
    assert_eq!((&v["scheme"], &v["allocation"]), (&again["scheme"], &again["allocation"]));
}

#[test]
fn a_budget_that_cannot_be_met_says_what_can() {
    let dir = tempfile::tempdir().unwrap();
    let text = refused(dir.path(), &["--budget", "flash=1K"]);
    assert!(text.contains("flash=1024 is ") && text.contains("bytes too few"), "{text}");
    let (_, would) = text.split_once("what can be met: flash=").unwrap();
    let would: u64 = would.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    // What it names can be met indeed.
    let v = plan(dir.path(), &["--budget", &format!("flash={would}")]);
    assert!(flash(&v) <= would, "{} of {would}", flash(&v));
    let text = refused(dir.path(), &["--budget", "ram=10"]);
    let (_, ram) = text.split_once("what can be met: ram=").unwrap();
    let ram: u64 = ram.trim().parse().unwrap();
    let v = plan(dir.path(), &["--budget", &format!("ram={ram}")]);
    let taken = ["arena_bytes", "stack_bytes", "io_bytes"].map(|part| v["totals"][part].as_u64().unwrap());
    assert!(taken.iter().sum::<u64>() <= ram, "{taken:?} of {ram}");
    let text = refused(dir.path(), &["--budget", "loss=0.0000001"]);
    assert!(text.contains("is the least"), "{text}");
}

#[test]
fn a_loss_alone_takes_the_least_flash() {
    let dir = tempfile::tempdir().unwrap();
    let (rough, usual) = (plan(dir.path(), &["--budget", "loss=8"]), plan(dir.path(), &["-O", "mixed"]));
    assert!(flash(&rough) <= flash(&usual) && flash(&usual) < flash(&plan(dir.path(), &[])));
}

#[test]
fn a_rate_is_kept_by_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let bits = |v: &Value| {
        let all = v["allocation"]["layers"].as_array().unwrap();
        let weights: f64 = all.iter().map(|l| l["weights"].as_f64().unwrap()).sum();
        all.iter().map(|l| l["weights"].as_f64().unwrap() * l["bits"].as_f64().unwrap()).sum::<f64>() / weights
    };
    let (five, four) = (plan(dir.path(), &["--rate", "5"]), plan(dir.path(), &["--rate", "4"]));
    assert!(bits(&five) <= 5.0 && bits(&four) <= 4.0 && flash(&four) < flash(&five), "{} {}", bits(&five), bits(&four));
    let stored = plan(dir.path(), &["--rate", "4", "--weights", "stored"]);
    assert!(stored["allocation"]["layers"].as_array().unwrap().iter().all(|l| l["coded"] == false));
    // A scheme of coded weights makes the same object again.
    let scheme = dir.path().join("coded.scheme");
    let path = scheme.to_str().unwrap();
    let first = plan(dir.path(), &["--rate", "5", "--scheme-out", path]);
    let again = plan(dir.path(), &["--scheme", path, "--weights", "coded"]);
    assert_eq!(flash(&first), flash(&again));
}

#[test]
fn the_front_is_printed_and_falls() {
    let dir = tempfile::tempdir().unwrap();
    let text = ok(dir.path(), arguments(&["plan"], &["--pareto"]));
    assert!(text.contains("bits by layer"), "{text}");
    let v = plan(dir.path(), &["-O", "int4", "--pareto"]);
    let front = v["allocation"]["front"].as_array().unwrap();
    assert!(front.len() >= 4, "{front:?}");
    for p in front.windows(2) {
        assert!(p[0]["flash_bytes"].as_u64() < p[1]["flash_bytes"].as_u64() && p[0]["error"].as_f64() > p[1]["error"].as_f64());
    }
}

#[test]
fn what_contradicts_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    refused(dir.path(), &["-O", "int8", "--budget", "flash=1M"]);
    refused(dir.path(), &["-O", "int4", "--int4-all", "--budget", "flash=1M"]);
    refused(dir.path(), &["--budget", "flash=60"]);
    // Choosing takes data.
    let out = mcompc(dir.path(), ["plan", digits("digits.onnx").to_str().unwrap(), "--target", "host", "--budget", "flash=1M"]);
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(text.starts_with("error[E002]") && text.contains("calibration samples"), "{text}");
}
