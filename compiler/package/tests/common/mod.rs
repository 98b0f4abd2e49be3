//! A package around an object that the system's C compiler makes: the package writer needs no code generator to be tested.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use mcompc_ir::{Codes, DType, Per, Quant};
use mcompc_package::{LayerSpec, Place};
use mcompc_package::{PackageInput, Sizes, StateSpec, TensorSpec};
use std::path::Path;
use std::process::Command;

/// Runs a command and returns what it prints; fails the test with its error output otherwise.
pub fn run(c: &mut Command) -> String {
    let out = c.output().unwrap_or_else(|e| panic!("{c:?}: {e}"));
    assert!(out.status.success(), "{c:?}\n{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A program that runs [`sample`] under the name `Net` once.
pub const MAIN: &str = r#"
#include <Net.h>
#include <stdio.h>
static _Alignas(NET_ARENA_ALIGN) unsigned char arena[NET_ARENA_BYTES];
int main(void) {
    const uint8_t a[] = {1, 2, 3, 4, 5, 200};
    const int8_t b[] = {0, 7, 0, 0};
    int8_t out[2];
    int32_t e = Net_run(a, b, out, arena);
    printf("%d %d %d", (int)e, out[0], out[1]);
    return 0;
}
"#;
/// What it prints.
pub const RIGHT: &str = "0 72 7";

/// Two inputs (one camera-like with channels, one affine) and one output, under names that need care.
pub fn sample(dir: &Path, name: &str) -> PackageInput {
    let c = dir.join(format!("{name}_src.c"));
    let o = dir.join(format!("{name}.o"));
    std::fs::write(
        &c,
        format!(
            "#include <stdint.h>\nconst char {name}_info[] = \"{name}\";\nint32_t {name}_run(const uint8_t *a, const int8_t *b, int8_t *out, void *arena) {{\n  \
             uint8_t *t = arena; t[0] = a[5]; t[15] = (uint8_t)b[1]; out[0] = (int8_t)(t[0] - 128); out[1] = (int8_t)t[15]; return b[0] == 99 ? 7 : 0; }}\n\
             int32_t {name}_run_slice(int32_t slice, const uint8_t *a, const int8_t *b, int8_t *out, void *arena) {{\n  \
             uint8_t *t = arena; switch (slice) {{ case 0: t[4] = a[5]; t[5] = (uint8_t)b[1]; return 0; case 1: out[0] = (int8_t)(t[4] - 128); out[1] = (int8_t)t[5]; return 0; \
             default: return -1; }} }}\n"
        ),
    )
    .unwrap();
    run(Command::new("gcc").args(["-c", "-O2", "-ffreestanding", "-o"]).arg(&o).arg(&c));
    let quant =
        |codes, s: &[f64], z: &[f64], axis| Some(Quant { codes, scale: Per::along(axis, s.to_vec()), zero: Per::along(axis, z.to_vec()) });
    PackageInput {
        name: name.into(),
        target: "host".into(),
        arch: std::env::consts::ARCH.into(),
        variants: vec![],
        requires: vec![],
        os: None,
        object: std::fs::read(&o).unwrap(),
        inputs: vec![
            TensorSpec {
                name: "image:0".into(),
                dtype: DType::U8,
                shape: vec![1, 1, 2, 3],
                quant: quant(Codes::U8, &[0.5, 0.25, 1.0], &[10.5, 0.0, 128.0], 3),
            },
            TensorSpec { name: "int".into(), dtype: DType::I8, shape: vec![1, 4], quant: quant(Codes::I8, &[0.1], &[-3.0], 0) },
        ],
        outputs: vec![TensorSpec {
            name: "Int".into(),
            dtype: DType::I8,
            shape: vec![1, 2],
            quant: quant(Codes::I8, &[1.0 / 256.0], &[-128.0], 0),
        }],
        states: vec![],
        forms: vec![],
        arena_bytes: 16,
        arena_align: 16,
        sizes: Sizes { code: 100, tables: 20, weights: 3000, stack: Some(64) },
        slices: 0,
        coded: true,
        layers: vec![],
        model_hash: "00ff".repeat(16),
        version: "0.1.0".into(),
        report_json: "{\"generator\": \"mcompc\"}".into(),
        report_html: "<!doctype html>".into(),
    }
}

/// [`sample`] with its two steps and their layers; the second copies to the output.
pub fn sliced(dir: &Path, name: &str) -> PackageInput {
    let layer = |name: &str, dtype, shape: &[usize], quant, place| LayerSpec {
        name: name.into(),
        op: "q.lut".into(),
        dtype,
        shape: shape.to_vec(),
        quant,
        place,
    };
    let layers = vec![
        layer("first \"layer\" \\ ??/ \u{e9}1", DType::U8, &[1, 2], None, Place::Arena(4)),
        layer("second", DType::I8, &[1, 1, 2], Some(Quant::new(Codes::I8, 0.25, -3)), Place::Output(0)),
    ];
    PackageInput { slices: 2, layers, ..sample(dir, name) }
}

/// Two states: `h` counts what comes in, `state` is `h` one step later. The step fails for an input of 99, after writing.
pub fn stateful(dir: &Path, name: &str) -> PackageInput {
    let (c, o) = (dir.join(format!("{name}_src.c")), dir.join(format!("{name}.o")));
    let text = format!(
        "#include <stdint.h>\nconst char {name}_info[] = \"{name}\";\nint32_t {name}_run(const uint8_t *d, const int8_t *h, const int8_t *x, int8_t *dn, int8_t *y, \
         int8_t *hn, void *arena) {{\n  for (int i = 0; i < 2; i++) {{ hn[i] = (int8_t)(h[i] + x[0]); dn[i] = (uint8_t)h[i]; }} y[0] = (int8_t)(h[1] + d[0]); \
         return x[0] == 99 ? 7 : 0; }}\n"
    );
    std::fs::write(&c, text).unwrap();
    run(Command::new("gcc").args(["-c", "-O2", "-ffreestanding", "-o"]).arg(&o).arg(&c));
    let spec = |name: &str, dtype, n: usize| TensorSpec { name: name.into(), dtype, shape: vec![1, n], quant: None };
    PackageInput {
        object: std::fs::read(&o).unwrap(),
        inputs: vec![spec("states", DType::U8, 2), spec("h", DType::I8, 2), spec("x", DType::I8, 1)],
        outputs: vec![spec("states_next", DType::U8, 2), spec("y", DType::I8, 1), spec("h:next", DType::I8, 2)],
        states: vec![StateSpec { input: 1, output: 2, init: vec![-3, 4] }, StateSpec { input: 0, output: 0, init: vec![9, 9] }],
        ..sample(dir, name)
    }
}
