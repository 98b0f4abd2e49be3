//! The header under strict compilers, the conversions' values, two packages in one program.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{run, sample};
use mcompc_package::{render, write_dir};
use std::path::Path;
use std::process::Command;

const MAIN: &str = r#"
#include "one.h"
#include "two.h"
#include <stdio.h>
#include <math.h>
static _Alignas(ONE_ARENA_ALIGN) unsigned char arena[ONE_ARENA_BYTES];
int main(void) {
    const float image[ONE_IMAGE_0_ELEMS] = {0.25f, 1.0f, -200.0f, 4.75f, 63.75f, 127.4f};
    const float b[ONE_INT_TENSOR_ELEMS] = {0.0f, 0.25f, 1000.0f, NAN};
    uint8_t qi[ONE_IMAGE_0_ELEMS];
    int8_t qb[ONE_INT_TENSOR_ELEMS], out[ONE_INT_TENSOR_2_ELEMS];
    float real[ONE_INT_TENSOR_2_ELEMS];
    one_quantize_image_0(image, qi);
    one_quantize_int_tensor(b, qb);
    for (int i = 0; i < 6; i++) printf("%d ", qi[i]);
    for (int i = 0; i < 4; i++) printf("%d ", qb[i]);
    if (one_run(qi, qb, out, arena)) return 1;
    one_dequantize_Int_tensor_2(out, real);
    printf("%d %d %g %g ", out[0], out[1], (double)real[0], (double)real[1]);
    qb[0] = 99;
    printf("%d %s %s\n", (int)two_run(qi, qb, out, arena), one_info, two_info);
    return 0;
}
"#;

fn write(dir: &Path, name: &str) {
    let files = render(&sample(dir, name)).unwrap();
    write_dir(&dir.join(name), &files, false).unwrap();
}

#[test]
fn two_models_in_one_program() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write(d, "one");
    write(d, "two");
    std::fs::write(d.join("main.c"), MAIN).unwrap();
    run(Command::new("gcc").current_dir(d).args([
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
        "-Ione",
        "-Itwo",
        "main.c",
        "-Lone",
        "-Ltwo",
        "-lone",
        "-ltwo",
        "-o",
        "main",
    ]));
    // 0.25/0.5+10.5 = 11; 1/0.25 = 4; -200/1+128 saturates; 4.75/0.5+10.5 = 20; 63.75*4 = 255; 127.4+128 = 255.4.
    // 0/0.1-3; 2.5 ties to 3, less 3; saturation; NaN is the lowest code.
    let real = "0.996094 0.5";
    assert_eq!(run(&mut Command::new(d.join("main"))), format!("11 4 0 20 255 255 -3 0 127 -128 127 0 {real} 7 one two\n"));
}

#[test]
fn header_is_strict_c11_and_cpp17() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write(d, "one");
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-Ione"];
    std::fs::write(d.join("a.c"), "#include \"one.h\"\n#include \"one.h\"\nint main(void) { return ONE_ABI_VERSION - 1; }\n").unwrap();
    run(Command::new("gcc").current_dir(d).arg("-std=c11").args(strict).args(["-Wconversion", "-Wshadow", "a.c"]));
    std::fs::write(d.join("a.cpp"), "#include \"one.h\"\nint main() { return sizeof(ONE_MODEL_HASH) == 65 ? 0 : 1; }\n").unwrap();
    run(Command::new("g++").current_dir(d).arg("-std=c++17").args(strict).arg("a.cpp"));
}
