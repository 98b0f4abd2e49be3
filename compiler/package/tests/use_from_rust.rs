//! The generated crate through Cargo, offline, from a program of its own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{run, sample};
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

#[test]
fn the_crate_builds_and_runs() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let files = render(&sample(d, "one")).unwrap();
    write_dir(&d.join("out"), &files, false).unwrap();
    std::fs::create_dir_all(d.join("app/src")).unwrap();
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\none = { path = \"../out/rust\" }\n[workspace]\n";
    std::fs::write(d.join("app/Cargo.toml"), manifest).unwrap();
    std::fs::write(d.join("app/src/main.rs"), MAIN).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "-q", "--offline"])
        .current_dir(d.join("app"))
        .env("CARGO_TARGET_DIR", d.join("target"))
        .env("RUSTFLAGS", "-Dwarnings");
    let real = "[0.99609375, 0.5]";
    assert_eq!(run(&mut cargo), format!("[11, 4, 0, 20, 255, 255] [99, 0, 127, -128] [127, 0] {real} Err(7) 64\n"));
}
