//! The whole run: formatting, lints, checks, builds and tests, in one order, going on after a
//! failure so that one run shows everything that is wrong.

use std::time::Instant;

use crate::summary::Summary;
use crate::{Result, checks, runtime, shell, workspace, zoo};

/// The optional back end's features, of the command line and of the back end itself. Crates that
/// have one are built and tested with it too.
const FEATURES: &[&str] = &["mlir", "llvm"];

/// Triples that no test builds the runtime for; `cargo xtask runtime-targets` takes all, half a minute each.
const RUNTIME: [&str; 3] = ["thumbv6m-none-eabi", "riscv64gc-unknown-linux-gnu", "aarch64-apple-ios"];

struct Run {
    failures: Vec<String>,
    summary: Summary,
    nextest: bool,
    zoo: Vec<(&'static str, std::path::PathBuf)>,
}

impl Run {
    /// Does one step, prints how long it took and notes a failure.
    fn step(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Result) {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work(self);
        let seconds = start.elapsed().as_secs_f32();
        match result {
            Ok(()) => println!("== {name}: ok, {seconds:.0} s"),
            Err(message) => {
                println!("== {name}: FAILED, {seconds:.0} s: {message}");
                self.failures.push(name.to_owned());
            }
        }
    }

    /// Runs tests and adds up their results. With `only`, the whole workspace is still built with
    /// `features`, so that shared dependencies are built once, but only those packages' tests run.
    fn tests(&mut self, features: &[&str], only: &[&str]) -> Result {
        let before = (self.summary.passed, self.summary.failed);
        let filter = only.iter().map(|name| format!("package(={name})")).collect::<Vec<_>>().join(" | ");
        let mut commands = Vec::new();
        if self.nextest {
            commands.push(vec!["nextest", "run", "--no-fail-fast", "--workspace"]);
            if !only.is_empty() {
                commands[0].extend(["-E", &filter]);
            } else {
                commands.push(vec!["test", "--doc", "--no-fail-fast", "--workspace"]);
            }
        } else {
            commands.push(vec!["test", "--no-fail-fast", "--workspace"]);
        }
        let mut broken = Vec::new();
        for mut command in commands {
            command.extend(features);
            let mut command = shell::cargo(&command);
            command.env("MCOMPC_NOT_RUN", not_run_file());
            command.envs(self.zoo.iter().map(|(name, path)| (name, path)));
            let name = shell::show(&command);
            let summary = &mut self.summary;
            if !shell::watch(command, |line| summary.line(line))? {
                broken.push(name);
            }
        }
        if self.summary.failed > before.1 {
            return Err(format!("{} tests failed", self.summary.failed - before.1));
        }
        if !broken.is_empty() {
            // A build error or a crash leaves no count of its own.
            self.summary.failed += 1;
            return Err(broken.join("; "));
        }
        if self.summary.passed == before.0 {
            return Err("no test ran".to_owned());
        }
        Ok(())
    }
}

/// Where tests note that they could not run.
fn not_run_file() -> std::path::PathBuf {
    workspace::target().join("not-run.txt")
}

/// `cargo xtask ci [--quick] [--no-mlir]`: `--quick` leaves out release builds, the runtime for foreign targets and the mlir
/// feature.
pub fn run(args: &[String]) -> Result {
    let (mut quick, mut mlir) = (false, true);
    for arg in args {
        match arg.as_str() {
            "--quick" => (quick, mlir) = (true, false),
            "--no-mlir" => mlir = false,
            other => return Err(format!("ci has no option '{other}'")),
        }
    }
    let packages = workspace::packages()?;
    let with_feature: Vec<&str> = packages
        .iter()
        .filter(|package| package.features.iter().any(|feature| FEATURES.contains(&feature.as_str())))
        .map(|package| package.name.as_str())
        .collect();
    let mlir = mlir && !with_feature.is_empty();
    let all = FEATURES.join(",");
    let feature = ["--features", &all];

    let target = workspace::target();
    std::fs::create_dir_all(&target).map_err(|e| format!("{}: {e}", target.display()))?;
    std::fs::write(not_run_file(), "").map_err(|e| format!("not-run.txt: {e}"))?;

    let mut run =
        Run { failures: Vec::new(), summary: Summary::default(), nextest: shell::has_subcommand("nextest"), zoo: zoo::environment() };
    let warnings = ["--", "-D", "warnings"];
    run.step("formatting", |_| shell::run(shell::cargo(&["fmt", "--all", "--check"])));
    run.step("lints", |_| shell::run(shell::cargo(&[&["clippy", "--workspace", "--all-targets"][..], &warnings].concat())));
    if mlir {
        run.step("lints, mlir", |_| {
            let args = [&["clippy", "--workspace", "--all-targets"][..], &feature, &warnings].concat();
            shell::run(shell::cargo(&args))
        });
    }
    run.step("checks", |_| checks::run(&[]));
    run.step("tests", |run| run.tests(&[], &[]));
    if mlir {
        run.step("tests, mlir", |run| run.tests(&feature, &with_feature));
    }
    if !quick {
        run.step("runtime, foreign targets", |_| runtime::run(&RUNTIME.map(str::to_owned)));
        let package = workspace::command_line(&packages)?.name.clone();
        run.step("release build", |_| shell::run(shell::cargo(&["build", "--release", "-p", &package, "--bin", "mcompc"])));
        if mlir {
            run.step("release build, mlir", |_| {
                let args = ["build", "--release", "-p", &package, "--bin", "mcompc"];
                shell::run(shell::cargo(&[&args[..], &["--features", FEATURES[0]]].concat()))
            });
        }
    }

    run.summary.not_run(&std::fs::read_to_string(not_run_file()).unwrap_or_default());
    println!();
    for test in &run.summary.not_run {
        println!("not run: {test}");
    }
    if !run.failures.is_empty() {
        println!("failed steps: {}", run.failures.join(", "));
    }
    println!("{}", run.summary.closing());
    if run.failures.is_empty() { Ok(()) } else { Err("not everything passed".to_owned()) }
}

/// Runs the tests once with `MCOMPC_BLESS=1`: tests that compare with a file rewrite it instead.
pub fn bless() -> Result {
    let mut command = shell::cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.env("MCOMPC_BLESS", "1");
    shell::run(command)?;
    println!("blessed; read `git diff` before committing");
    Ok(())
}
