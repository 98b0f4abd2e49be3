//! Links with the board's memory map: `BOARD_SCRIPT` names one of examples/boards.

use std::{env, path::PathBuf};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let boards = here.join("../boards");
    let script = env::var("BOARD_SCRIPT").unwrap_or_else(|_| "mps2.ld".into());
    println!("cargo:rustc-link-arg=-L{}", boards.display());
    println!("cargo:rustc-link-arg=-T{}", boards.join(script).display());
    println!("cargo:rerun-if-env-changed=BOARD_SCRIPT");
    println!("cargo:rerun-if-changed={}", boards.display());
}
