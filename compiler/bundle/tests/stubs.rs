//! The assembled stubs are what their sources assemble to. `MCOMPC_BLESS=1` writes them again.
#![allow(clippy::unwrap_used, clippy::panic)]

use mcompc_bundle::{STUBS, Stub};
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget};
use std::path::Path;
use std::process::Command;

fn assembled(object: &[u8]) -> Stub {
    let file = object::File::parse(object).unwrap();
    let text = file.section_by_name(".text").unwrap();
    for s in file.sections().filter(|s| [".data", ".bss", ".rodata"].contains(&s.name().unwrap())) {
        assert_eq!(s.size(), 0, "a stub is code alone");
    }
    let mut symbols: Vec<(String, u64)> =
        file.symbols().filter(|s| s.is_global() && s.is_definition()).map(|s| (s.name().unwrap().to_owned(), s.address())).collect();
    symbols.sort_by_key(|s| s.1);
    let relocation = |(at, r): (u64, object::Relocation)| {
        let (RelocationTarget::Symbol(i), RelocationFlags::Elf { r_type }) = (r.target(), r.flags()) else { panic!() };
        let name = file.symbol_by_index(i).unwrap().name().unwrap().to_owned();
        assert!(name.starts_with("MODEL_") || name.starts_with("JNI_"), "`{name}` would not be renamed");
        // Where addends stand in the code itself they are there already.
        (at, r_type.0, name, if r.has_implicit_addend() { 0 } else { r.addend() })
    };
    Stub { code: text.data().unwrap().to_vec(), symbols, relocations: text.relocations().map(relocation).collect() }
}

#[test]
fn stubs_are_what_their_sources_assemble_to() {
    let dir = tempfile::tempdir().unwrap();
    for (name, source, text) in STUBS {
        let (_, arch) = name.split_once('.').unwrap();
        let here = arch == std::env::consts::ARCH;
        let compiler = match arch {
            _ if here => "gcc",
            "arm" => "arm-none-eabi-gcc",
            "aarch64" => "aarch64-linux-gnu-gcc",
            _ => "x86_64-linux-gnu-gcc",
        };
        let (s, o) = (dir.path().join("stub.s"), dir.path().join("stub.o"));
        std::fs::write(&s, source).unwrap();
        let done = match Command::new(compiler).arg("-c").arg(&s).arg("-o").arg(&o).output() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                println!("NOT RUN: {name}: {compiler} is not installed");
                continue;
            }
            done => done.unwrap(),
        };
        assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
        let have = assembled(&std::fs::read(&o).unwrap()).text();
        if std::env::var_os("MCOMPC_BLESS").is_some_and(|v| v == "1") {
            std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("stubs/{name}.txt")), have).unwrap();
        } else {
            assert_eq!(have, *text, "{name}: run with MCOMPC_BLESS=1");
            assert_eq!(Stub::by_name(name).unwrap().text(), have);
        }
    }
}

#[test]
fn the_class_is_what_its_source_compiles_to() {
    let said = match Command::new("javac").arg("-version").output() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return println!("NOT RUN: javac is not installed"),
        said => said.unwrap(),
    };
    // Other versions write other bytes of the same meaning.
    if !String::from_utf8_lossy(&said.stdout).starts_with("javac 17.") {
        return println!("NOT RUN: this javac is not of version 17");
    }
    let (dir, java) = (tempfile::tempdir().unwrap(), Path::new(env!("CARGO_MANIFEST_DIR")).join("java"));
    let flags = ["--release", "8", "-g:none", "-Xlint:-options", "-d"];
    let done = Command::new("javac").args(flags).arg(dir.path()).arg(java.join("Template.java")).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for class in ["Template.class", "Template$Tensor.class"] {
        let made = std::fs::read(dir.path().join("mcompc/template").join(class)).unwrap();
        if std::env::var_os("MCOMPC_BLESS").is_some_and(|v| v == "1") {
            std::fs::write(java.join(class), made).unwrap();
        } else {
            assert!(std::fs::read(java.join(class)).unwrap() == made, "{class}: run with MCOMPC_BLESS=1");
        }
    }
}
