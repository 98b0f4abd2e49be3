//! `cargo xtask verify-all`: every model on every target and back end, native or under QEMU. Outside the
//! test suite: it takes as long as the data are many.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use crate::{Result, shell, workspace};

/// Samples of a model under a user-mode emulator, and on a board; `--all` takes every one everywhere. This computer always runs all.
const EMULATED: usize = 100;
const BOARD: usize = 20;
/// Bytes of a model file from which on a tenth of them is taken: an inference takes seconds there.
const LARGE: u64 = 8 << 20;

/// Values of `-O`.
const LEVELS: [&str; 2] = ["int8", "int4"];

/// What the compiler says of a target.
struct Target {
    name: String,
    backends: Vec<String>,
    native: bool,
    board: bool,
}

/// What became of a verification.
enum Outcome {
    Equal(String),
    NotRun(String),
    Failed(String),
}

/// One model with its data.
struct Model {
    name: String,
    onnx: PathBuf,
    calib: PathBuf,
    eval: PathBuf,
    /// Values of `--input`.
    inputs: Vec<String>,
}

/// Verifies the named models, all of them without a name, for every target and back end, going on after a failure.
/// `-O LEVEL` takes one level instead of both, `--by-the-book` compares every sample with the slow reference too, `--target T` takes one target only, `--binary FILE` a compiler
/// that is built already.
pub fn run(args: &[String]) -> Result {
    let (mut names, mut flags, mut only, mut all, mut given, mut mlir) = (Vec::new(), Vec::new(), None, false, None, true);
    let mut levels = LEVELS.to_vec();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--by-the-book" => flags.push(arg.clone()),
            "--target" => only = Some(rest.next().ok_or("--target names a target")?.clone()),
            "-O" => levels = vec![rest.next().ok_or("-O names a level")?.as_str()],
            "--all" => all = true,
            "--binary" => given = Some(PathBuf::from(rest.next().ok_or("--binary names a file")?)),
            "--no-mlir" => mlir = false,
            flag if flag.starts_with('-') => return Err(format!("verify-all has no option '{flag}'")),
            _ => names.push(arg.clone()),
        }
    }
    let models = models()?;
    if let Some(name) = names.iter().find(|name| !models.iter().any(|m| m.name == **name)) {
        let known: Vec<_> = models.iter().map(|model| &*model.name).collect();
        return Err(format!("no model is called '{name}'; there are {}", known.join(", ")));
    }
    let binary = match given {
        Some(path) => path,
        None => built(mlir)?,
    };
    let targets = targets(&binary, mlir)?;
    if let Some(name) = only.as_ref().filter(|name| !targets.iter().any(|t| t.name == **name)) {
        return Err(format!("no target is called '{name}'"));
    }

    let (mut equal, mut not_run, mut failed) = (0, 0, 0);
    for model in models.iter().filter(|m| names.is_empty() || names.contains(&m.name)) {
        for target in targets.iter().filter(|t| only.as_ref().is_none_or(|name| t.name == *name)) {
            for backend in &target.backends {
                let large = std::fs::metadata(&model.onnx).is_ok_and(|m| m.len() >= LARGE);
                let some = if target.board { BOARD } else { EMULATED } / if large { 10 } else { 1 };
                let limit = if all || target.native { None } else { Some(some) };
                for level in &levels {
                    let start = Instant::now();
                    let outcome = verify(&binary, model, (&target.name, backend, level), limit, &flags);
                    let what = format!("{} {level} on {}, {backend}, {:.0} s", model.name, target.name, start.elapsed().as_secs_f32());
                    let (count, text) = match outcome {
                        Outcome::Equal(text) => (&mut equal, text),
                        Outcome::NotRun(text) => (&mut not_run, format!("NOT RUN: {text}")),
                        Outcome::Failed(text) => (&mut failed, format!("FAILED: {text}")),
                    };
                    *count += 1;
                    println!("{what}: {text}");
                }
            }
        }
    }
    println!("{equal} equal, {not_run} not run, {failed} failed");
    match (equal, failed) {
        (_, 1..) => Err("not every model is equal everywhere".to_owned()),
        (0, _) => Err("nothing was run".to_owned()),
        _ => Ok(()),
    }
}

/// The release build of the compiler.
fn built(mlir: bool) -> Result<PathBuf> {
    let packages = workspace::packages()?;
    let package = &workspace::command_line(&packages)?.name;
    let mut build = vec!["build", "--release", "-p", package, "--bin", "mcompc"];
    build.extend(if mlir { &["--features", "mlir"][..] } else { &[] });
    shell::run(shell::cargo(&build))?;
    Ok(workspace::target().join("release/mcompc"))
}

/// Every target with the back ends that this build has for it.
fn targets(binary: &Path, mlir: bool) -> Result<Vec<Target>> {
    let mut command = std::process::Command::new(binary);
    command.args(["targets", "--json"]);
    let json: Value = serde_json::from_str(&shell::capture(command)?).map_err(|e| format!("mcompc targets: {e}"))?;
    let rows = json["targets"].as_array().into_iter().flatten().map(|t| {
        let backends = t["backends"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Target {
            name: t["name"].as_str().unwrap_or_default().to_owned(),
            backends: backends.filter(|b| (mlir && json["mlir"] != false) || *b != "mlir").map(str::to_owned).collect(),
            native: t["runs_here"] == true,
            board: t["triple"].as_str().is_some_and(|triple| triple.contains("-none")),
        }
    });
    Ok(rows.collect())
}

fn verify(binary: &Path, model: &Model, (target, backend, level): (&str, &str, &str), limit: Option<usize>, flags: &[String]) -> Outcome {
    let mut command = std::process::Command::new(binary);
    command.arg("verify").arg(&model.onnx).args(["--target", target, "--backend", backend, "-O", level, "--json"]);
    command.args(flags).arg("--calib").arg(&model.calib).arg("--data").arg(&model.eval);
    for input in &model.inputs {
        command.arg("--input").arg(input);
    }
    if let Some(limit) = limit {
        command.args(["--limit", &limit.to_string()]);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(e) => return Outcome::Failed(format!("{}: {e}", binary.display())),
    };
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let error = &json["error"];
    match (output.status.success(), error["code"].as_str()) {
        (true, _) => Outcome::Equal(format!(
            "{} samples, {} bytes, {}",
            json["samples"],
            json["bytes"],
            json["machine"].as_str().unwrap_or_default()
        )),
        // Nothing here runs it.
        (false, Some("E505")) => Outcome::NotRun(error["message"].as_str().unwrap_or_default().to_owned()),
        (false, Some(_)) => Outcome::Failed(error["message"].as_str().unwrap_or_default().to_owned()),
        (false, None) => Outcome::Failed(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
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
