//! The generated crate on machines without an operating system: it compiles without `std`, and nothing in the linked program panics.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, ok, root, tool};
use object::{Object, ObjectSymbol};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A machine: mcompc's target, Rust's, and what links its programs.
struct Machine {
    target: &'static str,
    rust: &'static str,
    link: &'static [&'static str],
    mlir: bool,
}

const MACHINES: &[Machine] = &[
    Machine { target: "aarch64", rust: "aarch64-unknown-none", link: &["aarch64-linux-gnu-gcc", "-static"], mlir: false },
    Machine {
        target: "cortex-m4",
        rust: "thumbv7em-none-eabihf",
        link: &["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
        mlir: true,
    },
    Machine {
        target: "riscv32imac",
        rust: "riscv32imac-unknown-none-elf",
        link: &["riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32"],
        mlir: true,
    },
];

/// Everything the crate offers, called from C.
const APP: &str = r#"#![no_std]
use d::{layers::run_dump, pixels, probabilities, run, run_slice, Arena, SLICES};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

fn all(real: &[f32; pixels::ELEMS], out: &mut [f32; probabilities::ELEMS], arena: &mut Arena) -> Result<usize, d::Error> {
    let (mut x, mut y) = ([0; pixels::ELEMS], [0; probabilities::ELEMS]);
    pixels::quantize(real, &mut x);
    run(&x, &mut y, arena)?;
    for slice in 0..SLICES {
        run_slice(slice, &x, &mut y, arena)?;
    }
    let mut bytes = 0_usize;
    run_dump(&x, &mut y, arena, |layer, data| bytes = bytes.wrapping_add(layer.bytes).wrapping_add(data.len()))?;
    probabilities::dequantize(&y, out);
    Ok(bytes)
}

#[no_mangle]
pub extern "C" fn app(real: &[f32; pixels::ELEMS], out: &mut [f32; probabilities::ELEMS], arena: &mut Arena) -> i32 {
    match all(real, out, arena) {
        Ok(bytes) => bytes as i32,
        Err(e) => e.code(),
    }
}
"#;

const MANIFEST: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\ncrate-type = [\"staticlib\"]\n\
    [dependencies]\nd = { path = \"../out/rust\" }\n[profile.release]\npanic = \"abort\"\n[workspace]\n";

/// Cargo for a foreign target: that of this toolchain where `rustup target add` has brought the target, else the system's compiler,
/// which builds `core` from its own source.
fn cargo(rust: &str) -> Command {
    let sysroot = tool(Command::new("rustc").args(["--print", "sysroot"]));
    let mut c = Command::new(env!("CARGO"));
    c.args(["build", "-q", "--release", "--target", rust]);
    if !Path::new(sysroot.trim()).join("lib/rustlib").join(rust).join("lib").is_dir() {
        let system = PathBuf::from("/usr/bin/rustc");
        assert!(system.is_file(), "no Rust for {rust}: run scripts/setup.sh, or rustup target add {rust}");
        c.args(["-Z", "build-std=core"]).env("RUSTC", system).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
    }
    c
}

/// The linked program's symbols.
fn symbols(m: &Machine, main: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let (model, calib) = (digits("digits.onnx"), digits("digits.calib.npz"));
    let (model, calib) = (model.to_str().unwrap(), calib.to_str().unwrap());
    ok(d, [model, "--target", m.target, "--calib", calib, "--input", INPUT, "--name", "d", "--layer-dump", "-o", "out"]);
    std::fs::create_dir_all(d.join("app/src")).unwrap();
    std::fs::write(d.join("app/Cargo.toml"), MANIFEST).unwrap();
    std::fs::write(d.join("app/src/lib.rs"), main).unwrap();
    // `core` is built once for all runs.
    let target = root().join("target/bare-metal");
    tool(cargo(m.rust).current_dir(d.join("app")).env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", "-Dwarnings"));
    let library = target.join(m.rust).join("release/libapp.a");
    let (cc, flags) = m.link.split_first().unwrap();
    tool(
        Command::new(cc)
            .args(flags)
            .current_dir(d)
            .args(["-nostdlib", "-Wl,--gc-sections,-eapp,--no-warn-rwx-segments", "-oprogram"])
            .arg(library)
            .arg("-lgcc"),
    );
    let bytes = std::fs::read(d.join("program")).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    file.symbols().filter_map(|s| s.name().ok().map(String::from)).collect()
}

fn panics(symbols: &[String]) -> Option<&String> {
    symbols.iter().find(|s| s.contains("panic"))
}

#[test]
fn the_crate_builds_without_std_and_nothing_panics() {
    for m in MACHINES.iter().filter(|m| m.mlir == cfg!(feature = "mlir")) {
        let symbols = symbols(m, APP);
        for name in ["app", "d_run", "d_run_slice"] {
            assert!(symbols.iter().any(|s| s == name), "{}: no {name} in {symbols:?}", m.rust);
        }
        assert_eq!(panics(&symbols), None, "{}", m.rust);
    }
    // The search finds a panic that is there.
    let m = MACHINES.iter().find(|m| m.mlir == cfg!(feature = "mlir")).unwrap();
    let main = APP.replace("Ok(bytes) => bytes as i32", "Ok(bytes) => out[bytes] as i32");
    assert!(panics(&symbols(m, &main)).is_some());
}
