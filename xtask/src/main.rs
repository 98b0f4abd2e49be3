//! The repository's own commands. `cargo xtask help` lists them.
#![forbid(unsafe_code)]

mod checks;
mod ci;
mod cost;
mod docs;
mod fuzz;
mod nets;
mod node_tests;
mod paths;
mod runtime;
mod shell;
mod summary;
mod verify;
mod workspace;
mod zoo;

use std::process::ExitCode;

/// Failure of a command: a message for the person at the terminal.
type Result<T = ()> = std::result::Result<T, String>;

const HELP: &str = "\
cargo xtask COMMAND

  checks [NAME...]      what the sources must hold: sizes, arrows, lints, docs, links, leaks
  ci [--quick] [--no-mlir]
                        formatting, lints, checks, builds and every test; the last line counts tests
  generate              rewrites the generated documents (docs/errors.md and the like)
  bless                 runs the tests so that they rewrite their expected texts
  verify-all [--by-the-book] [-O LEVEL] [--target T] [--all] [--no-mlir] [--binary FILE]
             [MODEL...]
                        native code against the references: all models, every target and back end; here
                        all data, 100 samples under user-mode emulation, 20 on boards, or --all
                        (MCOMPC_ZOO, see models/README.md; MCOMPC_ZOO_DATA, prepared samples)
  cost [--target NAME]...
                        measures generated layers on targets, writes targets/<name>/cost.txt and cost.toml
  fuzz [--target NAME] [--runs N] [--seed N]
                        mutated inputs through everything that reads files; any panic is a failure
  random-nets [--count N] [--seed S] [--targets a,b|all] [--level L] [--mlir] [--qemu] [--ort] [--jobs J]
                        random networks on every executor, failures cut down to the smallest
                        (docs/testing.md)
  node-tests [--bless]  the ONNX standard's node tests on the float executor, held to tests/node-tests.txt
  runtime-targets [TRIPLE...]
                        builds the runtime crate without std for every target of targets/
  help                  this text
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = args.collect();
    let result = match command.as_str() {
        "checks" => checks::run(&rest),
        "ci" => ci::run(&rest),
        "generate" => docs::generate(),
        "bless" => ci::bless(),
        "cost" => cost::run(&rest),
        "verify-all" => verify::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "random-nets" => nets::run(&rest),
        "node-tests" => node_tests::run(&rest),
        "runtime-targets" => runtime::run(&rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("no command is called '{other}'\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
