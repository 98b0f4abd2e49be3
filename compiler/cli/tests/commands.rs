//! The other commands on the digits net.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, mcompc, ok};
use mcompc_emu::runnable;
use serde_json::Value;

fn verify(target: &str, limit: &str) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let [model, calib, eval] = ["digits.onnx", "digits.calib.npz", "digits.eval.npz"].map(|f| digits(f).to_str().unwrap().to_string());
    let args = [
        "verify",
        &model,
        "--target",
        target,
        "--calib",
        &calib,
        "--data",
        &eval,
        "--input",
        INPUT,
        "--limit",
        limit,
        "--json",
        "--per-layer",
    ];
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
    // Every class adds up, and what is not taken for itself is taken for others.
    let classes = v["classes"].as_array().unwrap();
    let sum = |key: &str| classes.iter().map(|c| c[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((classes.len(), sum("samples")), (10, 450));
    assert_eq!(sum("int") as f64 / 450.0, t["int"].as_f64().unwrap());
    let others = |c: &Value| c["taken_for"].as_array().unwrap().iter().map(|p| p[1].as_u64().unwrap()).sum::<u64>();
    assert!(classes.iter().all(|c| others(c) + c["int"].as_u64().unwrap() == c["samples"].as_u64().unwrap()), "{v}");
    // Errors grow along the way, and are small.
    let errors: Vec<f64> = v["layers"].as_array().unwrap().iter().filter_map(|l| l["error"].as_f64()).collect();
    assert!(errors.len() > 3 && errors.iter().all(|e| *e > 0.0 && *e < 0.05), "{v}");
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

#[cfg(feature = "mlir")]
#[test]
fn verify_on_boards() {
    for (target, board) in [("cortex-m4", "mps2-an386"), ("cortex-m55", "mps3-an547"), ("riscv32imc", "virt")] {
        let v = verify(target, "200");
        assert_eq!((&v["samples"], &v["bytes"]), (&200.into(), &2000.into()));
        assert!(v["machine"].as_str().unwrap().ends_with(board), "{v}");
    }
}

#[cfg(feature = "mlir")]
#[test]
fn plan_announces_what_a_board_measures() {
    let dir = tempfile::tempdir().unwrap();
    let model = digits("digits.onnx").to_str().unwrap().to_string();
    let json =
        |command: &str| -> Value { serde_json::from_str(&ok(dir.path(), [command, &model, "--target", "cortex-m4", "--json"])).unwrap() };
    let (plan, bench) = (json("plan"), json("bench"));
    let t = &plan["totals"];
    let number = |v: &Value| v.as_u64().unwrap();
    assert!(number(&bench["stack_bytes"]) <= number(&t["stack_bytes"]) && number(&t["stack_bytes"]) <= 1024, "{bench}");
    for same in ["flash_bytes", "code_bytes", "arena_bytes", "stack_bytes"] {
        assert_eq!(bench["announced"][same], t[same], "{same}");
    }
    let forecast = t["forecast"]["cost"].as_f64().unwrap();
    let counted = bench["instructions"]["total"].as_f64().unwrap();
    assert!((forecast / counted - 1.0).abs() < 0.2, "{forecast} of {counted}");
    // The header says the same before anything is linked.
    let header = [("STACK", &t["stack_bytes"]), ("FLASH", &t["flash_bytes"])].map(|(n, v)| format!("#define DIGITS_{n}_BYTES {v}\n"));
    ok(dir.path(), [&*model, "--target", "cortex-m4", "-o", "out"]);
    let text = std::fs::read_to_string(dir.path().join("out/digits.h")).unwrap();
    assert!(header.iter().all(|h| text.contains(h)), "{header:?} in {text}");
}

#[test]
fn bench_counts_by_layer() {
    let dir = tempfile::tempdir().unwrap();
    let model = digits("digits.onnx").to_str().unwrap().to_string();
    for target in ["aarch64", "x86_64"] {
        if !runnable(target).unwrap() {
            continue;
        }
        let args = ["bench", &model, "--target", target, "--backend", "cranelift", "--limit", "2"];
        let v: Value = serde_json::from_str(&ok(dir.path(), args.iter().chain(&["--json"]))).unwrap();
        let c = &v["instructions"];
        let (total, other) = (c["total"].as_f64().unwrap(), c["other"].as_f64().unwrap());
        let layers = c["layers"].as_array().unwrap();
        let sum: f64 = layers.iter().map(|l| l["instructions"].as_f64().unwrap()).sum();
        assert!(layers.len() == 9 && (sum + other - total).abs() < 1.0, "{v}");
        // Every layer does something for each of its products, and the convolutions most of all.
        assert!(layers.iter().all(|l| l["instructions"].as_f64().unwrap() > 20.0), "{v}");
        let largest = layers.iter().max_by(|a, b| a["instructions"].as_f64().partial_cmp(&b["instructions"].as_f64()).unwrap());
        assert_eq!(largest.unwrap()["op"], "q.conv");
        assert_eq!(v["time"].is_object(), target == "x86_64");
        assert!(v["stack_bytes"].as_u64().unwrap() <= v["announced"]["stack_bytes"].as_u64().unwrap(), "{v}");
        let text = ok(dir.path(), args);
        assert!(text.contains("conv_4") && text.contains("instructions") && text.contains("announced"), "{text}");
    }
    let out = mcompc(dir.path(), ["bench", &model, "--target", "aarch64", "--plugin", "no/such.so"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(1) && said.contains("E505") && said.contains("--plugin"), "{said}");
}

#[test]
fn verify_needs_samples() {
    let dir = tempfile::tempdir().unwrap();
    let out = mcompc(dir.path(), ["verify", digits("digits.onnx").to_str().unwrap()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8(out.stderr).unwrap().contains("--data"));
}

/// A comma in a path ends no argument of the emulator's.
#[test]
fn bench_counts_where_temporary_folders_have_odd_names() {
    if let Some(e) = mcompc_emu::missing("aarch64") {
        return mcompc_emu::not_run(&format!("aarch64: {e}"));
    }
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("a,b=c d");
    std::fs::create_dir(&odd).unwrap();
    let model = digits("digits.onnx");
    let args = ["bench", model.to_str().unwrap(), "--target", "aarch64", "--backend", "cranelift", "--limit", "1", "--json"];
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_mcompc")).args(args).env("TMPDIR", &odd).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(v["instructions"]["total"].as_f64().unwrap() > 0.0, "{v}");
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

/// Every step has its time, in the table and in JSON; without the flag there is none.
#[test]
fn two_outputs_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    common::compile_digits(d, "x86_64", "digits", "a");
    let [model, calib] = ["digits.onnx", "digits.calib.npz"].map(|f| digits(f).to_str().unwrap().to_string());
    ok(d, [&model, "--target", "x86_64", "-O", "int4", "--int4-all", "--calib", &calib, "--input", INPUT, "--name", "digits", "-o", "b"]);
    let same = ok(d, ["compare", "a", "a/report.json"]);
    assert!(same.ends_with("\nevery layer is the same\n"), "{same}");
    let v: Value = serde_json::from_str(&ok(d, ["compare", "a", "b", "--json"])).unwrap();
    assert!(v["totals"]["flash_bytes"][0].as_f64() > v["totals"]["flash_bytes"][1].as_f64(), "{v}");
    let bits: Vec<&Value> = v["layers"].as_array().unwrap().iter().filter(|l| l["figure"] == "bits").collect();
    assert!(!bits.is_empty() && bits.iter().all(|l| l["values"] == serde_json::json!([8.0, 4.0])), "{v}");
    let text = ok(d, ["compare", "a", "b"]);
    assert!(text.contains("layers that differ") && text.lines().any(|l| l.starts_with("flash") && l.contains("x 0.")), "{text}");
    common::refused(d, ["compare", "a", "a/digits.h"], "E001", "`a/digits.h` is no report");
    common::refused(d, ["compare", "a", "c"], "E001", "cannot read `c`");
}

#[test]
fn timings() {
    let dir = tempfile::tempdir().unwrap();
    let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let args = ["plan", model.to_str().unwrap(), "--calib", calib.to_str().unwrap(), "--input", common::INPUT, "--target", "x86_64"];
    let json = |more: &[&str]| -> Value { serde_json::from_str(&ok(dir.path(), args.iter().chain(more))).unwrap() };
    assert!(json(&["--json"])["timings"].is_null());
    let v = json(&["--json", "--timings"]);
    let steps = v["timings"].as_array().unwrap();
    assert!(steps.iter().all(|s| s["seconds"].as_f64().is_some_and(|t| t >= 0.0)), "{v}");
    let names: Vec<&str> = steps.iter().map(|s| s["step"].as_str().unwrap()).collect();
    for name in ["reading the model", "simplifying the graph", "channels_last", "calibrating", "making kernels", "generating code"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let text = ok(dir.path(), args.iter().chain(&["--timings"]));
    assert!(names.iter().all(|n| text.contains(n)), "{text}");
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

#[test]
fn completions_and_manual_know_every_command_and_flag() {
    let d = tempfile::tempdir().unwrap();
    let flags = ok(d.path(), ["dev", "docs", "flags"]);
    let long: Vec<&str> =
        flags.split("--").skip(1).filter_map(|s| s.split([' ', '`', ',', '|', '\\']).next()).filter(|s| !s.is_empty()).collect();
    let fish = ok(d.path(), ["completions", "fish"]);
    let (bash, man) = (ok(d.path(), ["completions", "bash"]), ok(d.path(), ["man"]).replace("\\-", "-"));
    for flag in ["out", "target", "max-loss", "reference"] {
        assert!(long.contains(&flag), "{flag}");
        assert!(
            bash.contains(&format!("--{flag}")) && fish.contains(&format!("-l {flag}")) && man.contains(&format!("--{flag}")),
            "{flag}"
        );
    }
    // The shell itself takes the script, and completes a command, a flag and a value with it.
    let script = d.path().join("mcompc.bash");
    std::fs::write(&script, &bash).unwrap();
    let complete = |words: &str, at: usize| {
        let run = format!("source '{}'; COMP_WORDS=({words}); COMP_CWORD={at}; _mcompc; echo \"${{COMPREPLY[@]}}\"", script.display());
        common::tool(std::process::Command::new("bash").current_dir(d.path()).args(["-c", &run]))
    };
    assert!(complete("mcompc ver", 1).trim() == "verify", "{}", complete("mcompc ver", 1));
    assert!(complete("mcompc m.onnx --tar", 2).contains("--target"));
    assert!(complete("mcompc plan m.onnx --target cortex-m5", 4).contains("cortex-m55"));
    assert!(complete("mcompc dev docs fl", 3).contains("flags"));
    assert!(ok(d.path(), ["completions", "zsh"]).starts_with("#compdef mcompc"));
}
