//! Models in build scripts. In `build.rs`:
//!
//! ```ignore
//! fn main() {
//!     mcompc_build::Model::new("models/kws.onnx").calib("models/kws.npz").flag("-O", "int4").build();
//! }
//! ```
//!
//! and in the crate, with or without `std`:
//!
//! ```ignore
//! include!(concat!(env!("OUT_DIR"), "/kws.rs")); // pub mod kws { run, Arena, ... }
//! ```
//!
//! The module is the crate that `mcompc` writes: [`Model::build`] chooses the target by what Cargo builds for, unless one is named, and
//! tells Cargo what to link and when to come again.
#![forbid(unsafe_code)]

mod target;

pub use mcompc_ir::Error;
pub use target::choose;

use mcompc_ir::{Code, Result};
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Flags that say where output goes, or make something else than a library for one target.
const NOT_HERE: &[&str] = &["--bundle", "--json", "--scheme-out", "--force", "-o", "--out"];

/// A model to compile, and how.
#[derive(Clone, Debug)]
pub struct Model {
    model: PathBuf,
    words: Vec<OsString>,
    names: Vec<String>,
    values: Vec<PathBuf>,
    target: bool,
}

impl Model {
    /// Of an ONNX file, by its path from the crate's folder.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { model: path.into(), words: Vec::new(), names: Vec::new(), values: Vec::new(), target: false }
    }

    /// With calibration data (.npz, .npy).
    #[must_use]
    pub fn calib(self, path: impl Into<PathBuf>) -> Self {
        self.flag("--calib", path.into())
    }

    /// For a target by its name, whatever Cargo builds for.
    #[must_use]
    pub fn target(self, name: &str) -> Self {
        self.flag("--target", name)
    }

    /// With a flag of `mcompc compile` and its value.
    #[must_use]
    pub fn flag(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        self.target |= name == "--target";
        self.names.push(name.into());
        self.values.push(value.clone().into());
        self.words.extend([name.into(), value]);
        self
    }

    /// With a flag of `mcompc compile` that takes no value.
    #[must_use]
    pub fn switch(mut self, name: &str) -> Self {
        self.names.push(name.into());
        self.words.push(name.into());
        self
    }

    /// Compiles in a build script: writes the library and `<name>.rs` into `OUT_DIR` and tells Cargo. An error ends the build with its text.
    pub fn build(self) {
        let of = |name: &str| std::env::var(name).unwrap_or_default();
        let features = of("CARGO_CFG_TARGET_FEATURE");
        match self.build_into(Path::new(&of("OUT_DIR")), &of("TARGET"), &features.split(',').collect::<Vec<_>>()) {
            Ok(lines) => print!("{lines}"),
            Err(e) => {
                eprintln!("{e}");
                std::process::exit(1);
            }
        }
    }

    /// What [`Model::build`] does, for a triple and the features that its CPUs have, into a folder; returns the lines for Cargo.
    ///
    /// # Errors
    /// E502 for a triple that no target has code for; E002 for a flag about files that a build script has no use for; those of `mcompc compile`.
    pub fn build_into(mut self, out: &Path, triple: &str, features: &[&str]) -> Result<String> {
        if out.as_os_str().is_empty() {
            return Err(Error::new(Code::Usage, "OUT_DIR is not set").hint("call this in a build script"));
        }
        let flag = |n: &&String| NOT_HERE.contains(&n.split('=').next().unwrap_or_default());
        if let Some(name) = self.names.iter().find(flag) {
            return Err(Error::new(Code::Usage, format!("{name} is nothing for a build script"))
                .hint("leave it out: Cargo says where the output goes, and what is there is replaced"));
        }
        if !self.target {
            let name = choose(triple, features)?;
            self = self.target(&name);
        }
        let mut words: Vec<OsString> = vec!["compile".into(), self.model.clone().into(), "-o".into(), out.into()];
        words.extend(self.words);
        let asked = mcompc::asked(&words)?;
        let limit = asked.max_loss.unwrap_or(mcompc_driver::MaxLoss::Usual);
        let library = mcompc_driver::library(&asked.request, limit, &mcompc_driver::Silent)?;
        let name = asked.request.name.clone();
        let folder = out.join(&name);
        mcompc_package::write_dir(&folder, &library.files, true)?;
        let module = out.join(format!("{name}.rs"));
        std::fs::write(&module, mcompc_package::rust_module(&name, &library.files))
            .map_err(|e| Error::new(Code::Io, format!("cannot write `{}`: {e}", module.display())))?;

        let mut lines = String::new();
        for w in &library.report.warnings {
            let _ = writeln!(lines, "cargo:warning={}", w.replace('\n', " "));
        }
        // Flags do not say which of their values are files.
        let read = self.values.iter().filter(|v| v.exists());
        let beside = mcompc_driver::external_files(&asked.request)?;
        for file in std::iter::once(&self.model).chain(&beside).chain(read) {
            let _ = writeln!(lines, "cargo:rerun-if-changed={}", file.display());
        }
        let _ = writeln!(lines, "cargo:rustc-link-search=native={}\ncargo:rustc-link-lib=static={name}", folder.display());
        Ok(lines)
    }
}
