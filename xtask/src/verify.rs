//! `cargo xtask verify-all`: every model, every sample, every machine that runs here. Outside the
//! test suite: it takes as long as the data are many.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use crate::{Result, shell, workspace};

/// Targets each model is verified on: native where this CPU is the target, else under qemu-user.
const TARGETS: &[&str] = &["x86_64", "aarch64", "aarch64-dotprod", "riscv64gc"];

/// One model with its data.
struct Model {
    name: String,
    onnx: PathBuf,
    calib: PathBuf,
    eval: PathBuf,
    /// Values of `--input`.
    inputs: Vec<String>,
}

/// Verifies the named models, all of them without a name; every model on every target, going on
/// after a failure. `--by-the-book` compares every sample with the slow reference too.
pub fn run(args: &[String]) -> Result {
    let (flags, names): (Vec<_>, Vec<_>) = args.iter().cloned().partition(|arg| arg.starts_with('-'));
    if let Some(flag) = flags.iter().find(|flag| *flag != "--by-the-book") {
        return Err(format!("verify-all has no option '{flag}'"));
    }
    let models = models()?;
    if let Some(name) = names.iter().find(|name| !models.iter().any(|m| m.name == **name)) {
        let known: Vec<_> = models.iter().map(|model| &*model.name).collect();
        return Err(format!("no model is called '{name}'; there are {}", known.join(", ")));
    }
    let packages = workspace::packages()?;
    let package = &workspace::command_line(&packages)?.name;
    shell::run(shell::cargo(&["build", "--release", "-p", package, "--bin", "mcompc"]))?;
    let binary = workspace::target().join("release/mcompc");

    let (mut passed, mut failed) = (0, 0);
    for model in models.iter().filter(|m| names.is_empty() || names.contains(&m.name)) {
        for target in TARGETS {
            let start = Instant::now();
            let result = verify(&binary, model, target, &flags);
            let seconds = start.elapsed().as_secs_f32();
            match result {
                Ok(()) => {
                    passed += 1;
                    println!("{} on {target}: ok, {seconds:.0} s", model.name);
                }
                Err(message) => {
                    failed += 1;
                    println!("{} on {target}: FAILED, {seconds:.0} s: {message}", model.name);
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err("not every model is equal everywhere".to_owned()) }
}

fn verify(binary: &Path, model: &Model, target: &str, flags: &[String]) -> Result {
    let mut command = std::process::Command::new(binary);
    command.arg("verify").arg(&model.onnx).args(["--target", target]);
    command.args(flags).arg("--calib").arg(&model.calib).arg("--data").arg(&model.eval);
    for input in &model.inputs {
        command.arg("--input").arg(input);
    }
    // The integer graph is the same for every target: once through the slow interpreter is enough.
    if TARGETS.first() == Some(&target) {
        command.arg("--by-the-book");
    }
    shell::run(command)
}

/// The model of this repository, and those of the manifest for which prepared data are there:
/// `MCOMPC_ZOO` holds the models, `MCOMPC_ZOO_DATA` the `.npz` files and `inputs.json`.
fn models() -> Result<Vec<Model>> {
    let root = workspace::root();
    let digits = root.join("models/digits");
    let mut models = vec![Model {
        name: "digits".to_owned(),
        onnx: digits.join("digits.onnx"),
        calib: digits.join("digits.calib.npz"),
        eval: digits.join("digits.eval.npz"),
        inputs: vec!["pixels=u8,scale=1,offset=0".to_owned()],
    }];
    let [(_, zoo), (_, data)] = &crate::zoo::environment()[..] else {
        println!("only models/digits");
        return Ok(models);
    };
    let manifest = workspace::text("models/manifest")?.unwrap_or_default();
    let listed: Vec<&str> =
        manifest.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_whitespace().nth(1)).collect();
    let path = data.join("inputs.json");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let json: Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    for (name, entry) in json.as_object().into_iter().flatten() {
        let onnx = entry["onnx"].as_str().unwrap_or_default();
        if !listed.contains(&onnx) {
            continue;
        }
        let inputs = entry["input"].as_array().into_iter().flatten();
        models.push(Model {
            name: name.clone(),
            onnx: zoo.join(onnx),
            calib: data.join(format!("{name}.calib.npz")),
            eval: data.join(format!("{name}.eval.npz")),
            inputs: inputs.filter_map(Value::as_str).map(str::to_owned).collect(),
        });
    }
    Ok(models)
}
