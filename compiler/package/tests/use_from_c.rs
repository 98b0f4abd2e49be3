//! The header under strict compilers, the conversions' values, two packages in one program.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{run, sample, sliced, stateful};
use mcompc_package::{PackageInput, render, write_dir};
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

const DUMP: &str = r#"
#include "one_layers.h"
#include <stdio.h>
static _Alignas(ONE_ARENA_ALIGN) unsigned char arena[ONE_ARENA_BYTES];
static void layer(void *user, int32_t i, const void *data, int32_t bytes) {
    const one_layer *l = &one_layers[i];
    printf("%s:%s:%s:%d:%d:%d:%d:%g:%d", l->name, l->op, l->dtype, (int)l->rank, (int)l->shape[0], (int)l->shape[1], (int)l->shape[2],
           (double)l->scale, (int)l->zero_point);
    for (int32_t k = 0; k < bytes; k++) printf(" %d", ((const unsigned char *)data)[k]);
    printf("\n");
    ++*(int *)user;
}
int main(void) {
    const uint8_t a[ONE_IMAGE_0_ELEMS] = {0, 1, 2, 3, 4, 200};
    const int8_t b[ONE_INT_TENSOR_ELEMS] = {1, 77, 3, 4};
    int8_t out[ONE_INT_TENSOR_2_ELEMS];
    int calls = 0;
    if (one_run_dump(a, b, out, arena, layer, &calls) != 0) return 1;
    printf("%d %d %d %d %d %d\n", calls, ONE_SLICES, out[0], out[1], (int)one_run_slice(2, a, b, out, arena),
           ONE_CODE_BYTES + ONE_TABLE_BYTES + ONE_WEIGHT_BYTES + ONE_STACK_BYTES);
    return 0;
}
"#;

#[test]
fn every_layer_goes_to_the_callback() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write_dir(&d.join("one"), &render(&sliced(d, "one")).unwrap(), false).unwrap();
    std::fs::write(d.join("main.c"), DUMP).unwrap();
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow", "-Ione"];
    run(Command::new("gcc").current_dir(d).arg("-std=c11").args(strict).args(["main.c", "-Lone", "-lone", "-o", "main"]));
    let first = "first \"layer\" \\ ??/ \u{e9}1:q.lut:u8:2:1:2:0:1:0 200 77\n";
    let want = format!("{first}second:q.lut:i8:3:1:1:2:0.25:-3 72 77\n2 2 72 77 -1 3184\n");
    assert_eq!(run(&mut Command::new(d.join("main"))), want);
    // And as C++, whose program has no use for it.
    std::fs::write(d.join("a.cpp"), "#include \"one_layers.h\"\nint main() { return ONE_LAYERS - 2; }\n").unwrap();
    run(Command::new("g++").current_dir(d).arg("-std=c++17").args([
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
        "-Ione",
        "-fsyntax-only",
        "a.cpp",
    ]));
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

const STEPS: &str = r#"
#include "one.h"
#include <stdio.h>
static _Alignas(ONE_ARENA_ALIGN) unsigned char arena[ONE_ARENA_BYTES];
int main(void) {
    one_states a, b;
    int8_t x[ONE_X_ELEMS], y[ONE_Y_ELEMS];
    one_state_init(&a);
    for (int k = 1; k <= 3; k++) {
        x[0] = (int8_t)k;
        if (one_step(x, y, &a, arena)) return 1;
        printf("%d ", y[0]);
    }
    b = a;
    x[0] = 99;
    printf("%d ", (int)one_step(x, y, &a, arena));
    x[0] = 1;
    if (one_step(x, y, &a, arena)) return 1;
    printf("%d %d %d ", y[0], a.h[a.now_][0], a.states_tensor[a.now_][1]);
    if (one_step(x, y, &b, arena)) return 1;
    printf("%d\n", y[0]);
    return 0;
}
"#;

#[test]
fn states_go_from_step_to_step() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write_dir(&d.join("one"), &render(&stateful(d, "one")).unwrap(), false).unwrap();
    std::fs::write(d.join("main.c"), STEPS).unwrap();
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow", "-Ione"];
    run(Command::new("gcc").current_dir(d).arg("-std=c11").args(strict).args(["main.c", "-Lone", "-lone", "-o", "main"]));
    // h is (-3, 4), then 1, 2 and 3 more; y is h[1] and what h[0] was a step before, as a byte: 9, 253, 254, 0. The failed step changes nothing.
    let want: Vec<String> = [4 + 9, 5 - 3, 7 - 2, 7, 10, 4, 10, 10].iter().map(ToString::to_string).collect();
    assert_eq!(run(&mut Command::new(d.join("main"))).trim(), want.join(" "));
    std::fs::write(d.join("a.cpp"), "#include \"one.h\"\nint main() { one_states s; one_state_init(&s); return s.now_; }\n").unwrap();
    run(Command::new("g++").current_dir(d).arg("-std=c++17").args(strict).args(["-fsyntax-only", "a.cpp"]));
}

#[test]
fn the_header_says_and_asks_what_the_cpu_must_have() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    // What every CPU of this architecture has here, and what none has: a C compiler takes all of it, in C and in C++.
    let cases: [(&str, &[&str], Option<&str>); 4] = [
        (std::env::consts::ARCH, &[], Some("1")),
        ("x86_64", &["ssse3", "popcnt"], (std::env::consts::ARCH == "x86_64").then_some("1")),
        ("x86_64", &["avx512f", "avx512vnni"], None),
        ("aarch64", &["asimddp", "i8mm"], None),
    ];
    for (i, (arch, requires, wanted)) in cases.into_iter().enumerate() {
        let p = PackageInput { arch: arch.into(), requires: requires.iter().map(|r| r.to_string()).collect(), ..sample(d, "net") };
        let out = d.join(format!("out{i}"));
        write_dir(&out, &render(&p).unwrap(), false).unwrap();
        std::fs::write(
            d.join("main.c"),
            "#include \"net.h\"\n#include <stdio.h>\nint main(void) { printf(\"%d\", net_supported()); return 0; }\n",
        )
        .unwrap();
        for (compiler, standard) in [("gcc", "-std=c11"), ("g++", "-std=c++17")] {
            let mut c = Command::new(compiler);
            c.current_dir(d).args([standard, "-Wall", "-Wextra", "-Werror", "-I"]).arg(&out).args([
                "-x",
                if compiler == "gcc" { "c" } else { "c++" },
                "main.c",
                "-o",
                "main",
            ]);
            run(&mut c);
            let said = run(&mut Command::new(d.join("main")));
            assert!(wanted.is_none_or(|w| w == said) && ["0", "1"].contains(&&*said), "{arch} {requires:?} {compiler}: {said}");
        }
        let header = std::fs::read_to_string(out.join("net.h")).unwrap();
        assert!(header.contains(&format!("#define NET_REQUIRES \"{}\"", requires.join(" "))), "{header}");
        let krate = std::fs::read_to_string(out.join("rust/src/lib.rs")).unwrap();
        assert_eq!(krate.contains("The CPU must have"), !requires.is_empty());
    }
}
