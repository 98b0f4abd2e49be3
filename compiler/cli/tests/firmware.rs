//! The example firmware on every board it is written for: what it prints equals what the same program prints on this computer.
#![cfg(feature = "mlir")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{compile_digits, digits, root, tool};
use mcompc_emu::runnable;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGETS: [&str; 5] = ["cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "riscv32imac"];

/// The functions of semihost.h by the C library.
const HOSTED: &str = r#"
#include "semihost.h"
#include <stdio.h>
#include <stdlib.h>
static FILE *file;
long sh_open(const char *name) { return (file = fopen(name, "rb")) ? 0 : -1; }
int sh_read(long f, void *to, unsigned long n) { (void)f; return fread(to, 1, n, file) == n; }
void sh_print(const char *text) { fputs(text, stdout); }
void sh_number(int n) { printf("%d", n); }
"#;

/// A copy of the examples that the build may write into.
fn copied(dir: &Path) -> PathBuf {
    let examples = dir.join("examples");
    std::fs::create_dir(&examples).unwrap();
    let from = root().join("examples");
    for folder in ["boards", "firmware-c", "firmware-rust"] {
        // What a build by hand has left stays behind.
        tool(Command::new("cp").arg("-r").arg(from.join(folder)).arg(&examples));
        for left in ["build", "out"] {
            let _ = std::fs::remove_dir_all(examples.join(folder).join(left));
        }
    }
    std::fs::copy(from.join("digits.bin"), examples.join("digits.bin")).unwrap();
    examples
}

/// What the example prints on this computer.
fn on_host(dir: &Path, examples: &Path) -> String {
    compile_digits(dir, "host", "digits", "host");
    std::fs::write(dir.join("hosted.c"), HOSTED).unwrap();
    let c = examples.join("firmware-c");
    let program = dir.join("hosted");
    let mut gcc = Command::new("gcc");
    gcc.arg("-I").arg(&c).arg("-I").arg(dir.join("host")).arg(c.join("main.c")).arg(dir.join("hosted.c"));
    tool(gcc.arg("-L").arg(dir.join("host")).args(["-ldigits", "-o"]).arg(&program));
    tool(Command::new(program).current_dir(examples))
}

/// Builds and runs one example for a target; the lines it printed.
fn run(example: &Path, target: &str, variables: &[(&str, String)]) -> Vec<String> {
    let mut make = Command::new("make");
    make.current_dir(example).args(["-s", "run", &format!("TARGET={target}"), &format!("MCOMPC={}", env!("CARGO_BIN_EXE_mcompc"))]);
    let model = digits("digits");
    make.arg(format!("MODEL={}", model.display())).envs(variables.iter().map(|(k, v)| (k, v)));
    let out = make.output().unwrap();
    // The Arm debugger's protocol has one console: the board's text comes on standard error or output.
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{target}: {text}");
    text.lines().filter(|l| l.starts_with("image ")).map(str::to_owned).collect()
}

fn everywhere(name: &str, variables: impl Fn(&str) -> Vec<(&'static str, String)>) {
    let dir = tempfile::tempdir().unwrap();
    let examples = copied(dir.path());
    let want = on_host(dir.path(), &examples);
    let want: Vec<&str> = want.lines().collect();
    // One image of each class, and the net knows them.
    assert_eq!(want.len(), 10);
    assert!(want.iter().enumerate().all(|(i, l)| l.starts_with(&format!("image {i}: {i} ("))), "{want:?}");
    for target in TARGETS {
        if runnable(target).unwrap() {
            assert_eq!(run(&examples.join(name), target, &variables(target)), want, "{name} on {target}");
        }
    }
}

#[test]
fn in_c() {
    everywhere("firmware-c", |_| vec![]);
}

#[test]
fn in_rust() {
    // The distribution's compiler brings the source of `core` for targets that are not installed; rustup users add the target instead.
    let rustc = tool(Command::new("sh").args(["-c", "command -pv rustc"]));
    let built = root().join("target/firmware-rust").display().to_string();
    everywhere("firmware-rust", |target| {
        let linker = if target.starts_with("riscv") { "riscv64-unknown-elf-ld" } else { "arm-none-eabi-ld" };
        let mut variables = vec![
            ("RUSTC", rustc.trim().to_owned()),
            ("RUSTC_BOOTSTRAP", "1".to_owned()),
            ("CARGO_FLAGS", "-Zbuild-std=core".to_owned()),
            ("CARGO_TARGET_DIR", built.clone()),
        ];
        for triple in ["THUMBV7EM_NONE_EABIHF", "THUMBV8M_MAIN_NONE_EABIHF", "RISCV32IMAC_UNKNOWN_NONE_ELF"] {
            let name: &'static str = Box::leak(format!("CARGO_TARGET_{triple}_LINKER").into_boxed_str());
            variables.push((name, linker.to_owned()));
        }
        variables
    });
}
