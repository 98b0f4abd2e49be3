//! Shared objects, by LLVM's linker: the one of this system, or the one that comes with Rust. It links for every CPU and needs no SDK.

use mcompc_interrupt::{Folder, command, is_there, output, step};
use mcompc_ir::{Code, Error, Result};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Names under which systems install it; the variable `MCOMPC_LLD` names another one.
const NAMES: &[&str] =
    &["ld.lld", "ld.lld-22", "ld.lld-21", "ld.lld-20", "ld.lld-19", "ld.lld-18", "ld.lld-17", "ld.lld-16", "ld.lld-15", "ld.lld-14"];

/// Pages of at most so many bytes: what Android asks for since its version 15, and a multiple of what other systems have.
pub(crate) const PAGE: u64 = 16 << 10;

/// The program that links shared objects.
///
/// # Errors
/// E505 where there is none, or not the one that is named.
pub fn linker() -> Result<OsString> {
    if let Some(n) = std::env::var_os("MCOMPC_LLD").filter(|n| !n.is_empty()) {
        let missing = || {
            Error::new(Code::ToolMissing, format!("the variable MCOMPC_LLD names `{}`, which is not there", n.to_string_lossy()))
                .hint("name LLVM's linker, or unset the variable")
        };
        // It is called from another folder. A name alone is looked for in PATH.
        return match Path::new(&n) {
            _ if !is_there(&n) => Err(missing()),
            p if p.components().count() > 1 => std::path::absolute(p).map(PathBuf::into_os_string).map_err(|_| missing()),
            _ => Ok(n),
        };
    }
    if let Some(n) = NAMES.iter().map(OsString::from).find(|n| is_there(n)) {
        return Ok(n);
    }
    rust_lld().map(PathBuf::into_os_string).ok_or_else(|| {
        Error::new(Code::ToolMissing, "there is no LLVM linker here: neither `ld.lld` nor Rust's `rust-lld` was found")
            .hint("install lld or Rust's tool chain, or name the linker with the variable MCOMPC_LLD")
    })
}

/// The one in the tool chain of the `rustc` that is called here.
fn rust_lld() -> Option<PathBuf> {
    let said = output(command("rustc").args(["--print", "target-libdir"])).ok().filter(|o| o.status.success())?;
    // lib/rustlib/TRIPLE/lib, beside bin.
    let libraries = PathBuf::from(String::from_utf8(said.stdout).ok()?.trim());
    let found = libraries.parent()?.join("bin/rust-lld");
    found.is_file().then_some(found)
}

/// Links objects to a shared object that needs no other library, exports `exports` alone, and is called `soname`.
///
/// # Errors
/// E505 where there is no linker, E504 where it refuses, E001 where the system refuses a temporary folder.
pub fn shared_object(objects: &[(String, Vec<u8>)], exports: &[String], soname: &str) -> Result<Vec<u8>> {
    let linker = linker()?;
    let io = |e: std::io::Error| Error::new(Code::Io, format!("linking `{soname}`: {e}"));
    let folder = Folder::new().map_err(io)?;
    let write = |name: &str, bytes: &[u8]| step(|| fs::write(folder.path().join(name), bytes)).map_err(io);
    let mut c = command(&linker);
    if Path::new(&linker).file_stem().is_some_and(|n| n == "rust-lld") {
        c.args(["-flavor", "gnu"]);
    }
    c.args([
        "-shared",
        "-Bsymbolic",
        "--no-undefined",
        "--gc-sections",
        "--strip-all",
        "--build-id=none",
        "--hash-style=both",
        "-z",
        "noexecstack",
    ]);
    c.arg("-z").arg(format!("max-page-size={PAGE}")).args(["-soname", soname, "--version-script", "exports", "-o", "library"]);
    let list: String = exports.iter().map(|e| format!(" {e};")).collect();
    write("exports", format!("{{ global:{list} local: *; }};\n").as_bytes())?;
    for (name, bytes) in objects {
        write(name, bytes)?;
        c.arg(name);
    }
    let done = output(c.current_dir(folder.path())).map_err(io)?;
    if !done.status.success() {
        let log = String::from_utf8_lossy(&done.stderr);
        let log = log.lines().take(6).collect::<Vec<_>>().join("; ");
        return Err(Error::new(Code::Backend, format!("the linker {} refused `{soname}`: {log}", linker.to_string_lossy()))
            .hint("a bug of the compiler, or a linker that is too old: name another one with the variable MCOMPC_LLD"));
    }
    let mut library = fs::read(folder.path().join("library")).map_err(io)?;
    // Flags of 32-bit ELF for Arm (e_machine 40): the linker says that floats are passed in integer registers (0x200). Nothing passes any.
    if library.get(4) == Some(&1) && library.get(18..20) == Some(&[40, 0][..]) {
        library.get_mut(37).into_iter().for_each(|b| *b &= !6);
    }
    Ok(library)
}
