//! The generated crate through Cargo, offline, from a program of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{run, sample, sliced, stateful};
use mcompc_package::{render, write_dir};
use std::process::Command;

const MAIN: &str = r#"
fn main() {
    let mut arena = one::Arena::new();
    let (mut image, mut b, mut out) = ([0u8; one::image_0::ELEMS], [0i8; one::int_tensor::ELEMS], [0i8; one::int_tensor_2::ELEMS]);
    one::image_0::quantize(&[0.25, 1.0, -200.0, 4.75, 63.75, 127.4], &mut image);
    one::int_tensor::quantize(&[0.0, 0.25, 1000.0, f32::NAN], &mut b);
    one::run(&image, &b, &mut out, &mut arena).unwrap();
    let mut real = [0f32; 2];
    one::int_tensor_2::dequantize(&out, &mut real);
    b[0] = 99;
    let code = one::run(&image, &b, &mut out, &mut arena).map_err(one::Error::code);
    println!("{image:?} {b:?} {out:?} {real:?} {code:?} {}", one::MODEL_HASH.len());
}
"#;

const DUMP: &str = r#"
use one::layers::{run_dump, LAYERS};
fn main() {
    let mut arena = one::Arena::new();
    let (image, b, mut out) = ([0, 1, 2, 3, 4, 200], [1, 77, 3, 4], [0; one::int_tensor_2::ELEMS]);
    run_dump(&image, &b, &mut out, &mut arena, |l, data| {
        println!("{}:{}:{}:{:?}:{}:{} {data:?}", l.name, l.op, l.dtype, l.shape, l.scale, l.zero_point)
    })
    .unwrap();
    let beyond = one::run_slice(one::SLICES, &image, &b, &mut out, &mut arena).map_err(one::Error::code);
    println!("{} {} {out:?} {beyond:?}", LAYERS.len(), one::SLICES);
}
"#;

/// What `main` prints with the crate of `files`.
fn program(d: &std::path::Path, files: &[mcompc_package::File], main: &str) -> String {
    write_dir(&d.join("out"), files, false).unwrap();
    std::fs::create_dir_all(d.join("app/src")).unwrap();
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\none = { path = \"../out/rust\" }\n[workspace]\n";
    std::fs::write(d.join("app/Cargo.toml"), manifest).unwrap();
    std::fs::write(d.join("app/src/main.rs"), main).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "-q", "--offline"])
        .current_dir(d.join("app"))
        .env("CARGO_TARGET_DIR", d.join("target"))
        .env("RUSTFLAGS", "-Dwarnings");
    run(&mut cargo)
}

#[test]
fn the_crate_builds_and_runs() {
    let dir = tempfile::tempdir().unwrap();
    let real = "[0.99609375, 0.5]";
    assert_eq!(
        program(dir.path(), &render(&sample(dir.path(), "one")).unwrap(), MAIN),
        format!("[11, 4, 0, 20, 255, 255] [99, 0, 127, -128] [127, 0] {real} Err(7) 64\n")
    );
}

#[test]
fn every_layer_goes_to_the_closure() {
    let dir = tempfile::tempdir().unwrap();
    let first = "first \"layer\" \\ ??/ \u{e9}1:q.lut:u8:[1, 2]:1:0 [200, 77]\n";
    let want = format!("{first}second:q.lut:i8:[1, 1, 2]:0.25:-3 [72, 77]\n2 2 [72, 77] Err(-1)\n");
    assert_eq!(program(dir.path(), &render(&sliced(dir.path(), "one")).unwrap(), DUMP), want);
}

const STEPS: &str = r#"
fn main() {
    let (mut arena, mut a, mut y) = (one::Arena::new(), one::States::new(), [0i8; one::y::ELEMS]);
    for x in 1..=3 {
        one::step(&[x], &mut y, &mut a, &mut arena).unwrap();
        print!("{} ", y[0]);
    }
    let mut b = a.clone();
    print!("{:?} ", one::step(&[99], &mut y, &mut a, &mut arena).map_err(one::Error::code));
    one::step(&[1], &mut y, &mut a, &mut arena).unwrap();
    print!("{} {} {} ", y[0], a.h()[0], a.states_tensor()[1]);
    one::step(&[1], &mut y, &mut b, &mut arena).unwrap();
    println!("{}", y[0]);
}
"#;

#[test]
fn states_go_from_step_to_step() {
    let dir = tempfile::tempdir().unwrap();
    let out = program(dir.path(), &render(&stateful(dir.path(), "one")).unwrap(), STEPS);
    assert_eq!(out, "13 2 5 Err(7) 10 4 10 10\n");
}
