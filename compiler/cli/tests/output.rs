//! The output folder of the digits net: reproducible, self-contained, usable from C and Rust as README and examples say.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{compile_digits, digits, ok, root, tool, tree};
use object::{Object, ObjectSymbol};
use std::path::Path;
use std::process::Command;

#[test]
fn same_bytes_from_two_directories() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(b.path().join("deeper")).unwrap();
    compile_digits(a.path(), "x86_64", "digits", "out");
    // The second time the model lies elsewhere and is named by a relative path.
    let deeper = b.path().join("deeper");
    for f in ["digits.onnx", "digits.calib.npz"] {
        std::fs::copy(digits(f), deeper.join(f)).unwrap();
    }
    let input = format!("--input={}", common::INPUT);
    let args =
        ["--name=digits", "--target", "x86_64", "digits.onnx", "-Oint8", "--calib", "digits.calib.npz", &input, "-o", "../elsewhere"];
    ok(&deeper, args);
    let (x, y) = (tree(&a.path().join("out")), tree(&b.path().join("elsewhere")));
    assert!(x.len() >= 8, "{:?}", x.keys());
    for (path, bytes) in &x {
        assert!(y.get(path) == Some(bytes), "{} differs", path.display());
        for forbidden in [a.path(), &root()] {
            let text = forbidden.to_str().unwrap().as_bytes();
            assert!(!bytes.windows(text.len()).any(|w| w == text), "{} names {}", path.display(), forbidden.display());
        }
    }
    assert_eq!(x.len(), y.len());
    // Again into the folder that is there now.
    ok(&deeper, args);
    assert!(tree(&b.path().join("elsewhere")) == y);
}

const TWO: &str = r#"
#include "first.h"
#include "second.h"
#include <stdio.h>
#include <string.h>
static _Alignas(FIRST_ARENA_ALIGN) unsigned char a[FIRST_ARENA_BYTES];
static _Alignas(SECOND_ARENA_ALIGN) unsigned char b[SECOND_ARENA_BYTES];
int main(void) {
    uint8_t x[FIRST_PIXELS_ELEMS];
    int8_t y[FIRST_PROBABILITIES_ELEMS], z[SECOND_PROBABILITIES_ELEMS];
    for (unsigned i = 0; i < sizeof x; i++) x[i] = (uint8_t)(i * 7 % 17);
    if (first_run(x, y, a) || second_run(x, z, b)) return 1;
    printf("%d %s %s\n", memcmp(y, z, sizeof y), FIRST_MODEL_HASH, strstr(first_info, SECOND_MODEL_HASH) ? "known" : "unknown");
    return strcmp(FIRST_MODEL_HASH, SECOND_MODEL_HASH);
}
"#;

#[test]
fn two_models_in_one_program() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    compile_digits(d, "x86_64-v2", "first", "one");
    compile_digits(d, "x86_64-v2", "second", "two");
    std::fs::write(d.join("main.c"), TWO).unwrap();
    let strict = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"];
    tool(Command::new("gcc").current_dir(d).args(strict).args("-Ione -Itwo main.c -Lone -Ltwo -lfirst -lsecond -o main".split(' ')));
    let hash = tool(Command::new("sha256sum").arg(digits("digits.onnx")));
    let hash = hash.split(' ').next().unwrap();
    assert_eq!(tool(&mut Command::new(d.join("main"))), format!("0 {hash} known\n"));
    std::fs::write(d.join("a.cpp"), "#include \"first.h\"\n#include \"second.h\"\nint main() { return FIRST_ABI_VERSION - 1; }\n").unwrap();
    let strict = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"];
    tool(Command::new("g++").current_dir(d).args(strict).args(["-Ione", "-Itwo", "a.cpp"]));
}

#[test]
fn examples_work() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let text = compile_digits(d, "host", "digits", "out");
    assert!(text.contains("flash") && text.contains("same top-1") && text.contains("wrote"), "{text}");
    let examples = root().join("examples");
    tool(Command::new("gcc").current_dir(d).arg("-O2").arg(examples.join("digits.c")).args("-Iout -Lout -ldigits -o digits".split(' ')));
    let c = tool(&mut Command::new(d.join("digits")));
    assert!(c.starts_with("8 ("), "{c}");
    let app = d.join("examples/rust");
    std::fs::create_dir_all(app.join("src")).unwrap();
    for f in ["Cargo.toml", "src/main.rs"] {
        std::fs::copy(examples.join("rust").join(f), app.join(f)).unwrap();
    }
    let rust =
        tool(Command::new(env!("CARGO")).args(["run", "-q", "--offline"]).current_dir(&app).env("CARGO_TARGET_DIR", d.join("target")));
    assert_eq!(rust, c);
}

/// Symbols of the only member of `lib<name>.a`, extracted by `ar`.
fn object_of(dir: &Path, name: &str) -> Vec<u8> {
    let out = Command::new("ar").arg("p").arg(dir.join(format!("lib{name}.a"))).output().unwrap();
    assert!(out.status.success());
    out.stdout
}

#[test]
fn objects_stand_alone() {
    let mut targets = vec!["x86_64", "x86_64-v2", "aarch64", "aarch64-dotprod", "riscv64gc"];
    if cfg!(feature = "mlir") {
        targets.extend(["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m55", "riscv32imac", "riscv64gcv"]);
    }
    for target in targets {
        let dir = tempfile::tempdir().unwrap();
        compile_digits(dir.path(), target, "d", "out");
        let bytes = object_of(&dir.path().join("out"), "d");
        let file = object::File::parse(&*bytes).unwrap();
        let undefined: Vec<_> = file.symbols().filter(|s| s.is_undefined() && !s.name().unwrap_or_default().is_empty()).collect();
        assert!(undefined.is_empty(), "{target}: {undefined:?}");
        let mut global: Vec<_> = file.symbols().filter(|s| s.is_global()).map(|s| s.name().unwrap().to_string()).collect();
        global.sort();
        assert_eq!(global, ["d_info", "d_run"], "{target}");
    }
}

#[test]
fn apple_archives_have_a_symbol_table() {
    use object::read::archive::{ArchiveFile, ArchiveKind};
    for target in ["aarch64-apple-ios", "aarch64-apple-darwin"] {
        let dir = tempfile::tempdir().unwrap();
        compile_digits(dir.path(), target, "d", "out");
        let bytes = std::fs::read(dir.path().join("out/libd.a")).unwrap();
        let archive = ArchiveFile::parse(&*bytes).unwrap();
        assert_eq!(archive.kind(), ArchiveKind::Bsd);
        assert!(bytes[8..].windows(8).next().is_some_and(|w| w.starts_with(b"#1/")) && bytes.windows(9).any(|w| w == b"__.SYMDEF"));
        let mut symbols: Vec<_> =
            archive.symbols().unwrap().unwrap().map(|s| String::from_utf8(s.unwrap().name().to_vec()).unwrap()).collect();
        symbols.sort();
        assert_eq!(symbols, ["_d_info", "_d_run"], "{target}");
        let member = archive.members().next().unwrap().unwrap();
        assert_eq!(member.name(), b"d.o");
        let file = object::File::parse(member.data(&*bytes).unwrap()).unwrap();
        assert_eq!(file.format(), object::BinaryFormat::MachO);
        // The crate refuses another system at once.
        let build = String::from_utf8(tree(&dir.path().join("out/rust"))[Path::new("build.rs")].clone()).unwrap();
        assert!(build.contains(if target.ends_with("ios") { "os != \"ios\"" } else { "os != \"macos\"" }));
    }
}

#[test]
fn report_agrees_with_the_files() {
    let dir = tempfile::tempdir().unwrap();
    compile_digits(dir.path(), "x86_64", "digits", "out");
    let files = tree(&dir.path().join("out"));
    let report: serde_json::Value = serde_json::from_slice(&files[Path::new("report.json")]).unwrap();
    let header = String::from_utf8(files[Path::new("digits.h")].clone()).unwrap();
    assert!(header.contains(&format!("#define DIGITS_ARENA_BYTES {}\n", report["totals"]["arena_bytes"])));
    assert!(header.contains("#define DIGITS_PIXELS_ELEMS 64\n") && header.contains("#define DIGITS_PIXELS_SCALE 1.0f\n"));
    let object = object_of(&dir.path().join("out"), "digits").len() as u64;
    let flash = report["totals"]["flash_bytes"].as_u64().unwrap();
    assert!(flash > 6_000 && flash < object, "{flash} of {object}");
    assert!(report["totals"]["macs"].as_u64().unwrap() > 10_000);
    let layers = report["layers"].as_array().unwrap();
    assert!(layers.iter().all(|l| !l["name"].as_str().unwrap().is_empty() && !l["shape"].as_array().unwrap().is_empty()));
    let live = report["memory"]["live"].as_array().unwrap();
    assert!(live.iter().map(|v| v.as_u64().unwrap()).max() <= report["totals"]["arena_bytes"].as_u64());
    assert!(report["loss"]["top1_agreement"].as_f64().unwrap() > 0.95);
    assert_eq!(report["calibration"]["samples"], 100);
}
