//! Targets as data: each folder `targets/<name>/` describes a CPU, each folder `targets/isa/<isa>/` what its instruction set offers.
//!
//! The descriptions are compiled in by the build script. A target names one machine description for each back end, because Cranelift
//! reaches only 128-bit registers and no by-element forms.
#![forbid(unsafe_code)]

mod host;
mod spec;

pub use spec::{Backend, Cache, Cranelift, InBundle, Llvm, Memory, Qemu, Target};

use mcompc_ir::{Code, Error, Result};
use mcompc_kernel::Machine;

include!(concat!(env!("OUT_DIR"), "/targets.rs"));

impl Target {
    /// The target of that name; `host` is the best one this computer runs, under its own name.
    ///
    /// # Errors
    /// [`Code::UnknownTarget`], naming the targets there are.
    pub fn by_name(name: &str) -> Result<Target> {
        if name == "host" {
            return Target::host();
        }
        match TARGETS.iter().find(|(n, _)| *n == name) {
            Some((n, text)) => Target::from_toml(n, text),
            None => {
                let known: Vec<&str> = TARGETS.iter().map(|(n, _)| *n).collect();
                Err(Error::new(Code::UnknownTarget, format!("no target is called `{name}`"))
                    .hint(format!("use host, {}", known.join(", "))))
            }
        }
    }
    /// Every target, in order of names; `host` is not among them.
    pub fn all() -> Result<Vec<Target>> {
        TARGETS.iter().map(|(n, text)| Target::from_toml(n, text)).collect()
    }
    /// The best target this computer runs.
    ///
    /// # Errors
    /// [`Code::UnknownTarget`] on an architecture without a target.
    pub fn host() -> Result<Target> {
        host::best().ok_or_else(|| {
            Error::new(Code::UnknownTarget, format!("there is no target for this computer ({})", std::env::consts::ARCH))
                .hint("name the target explicitly")
        })
    }
    /// Whether native code for this target runs on this computer without emulation.
    pub fn runs_here(&self) -> bool {
        host::runs(self)
    }
    /// Machine description that `backend` generates code for.
    ///
    /// # Errors
    /// [`Code::NeedsMlir`] where Cranelift has no code generator for the target.
    pub fn machine(&self, backend: Backend) -> Result<Machine> {
        let isa = match backend {
            Backend::Mlir => &self.machine_mlir,
            Backend::Small => self.machine_small.as_ref().ok_or_else(|| self.no_small())?,
            Backend::Cranelift => self.machine_cranelift.as_ref().ok_or_else(|| self.needs_mlir())?,
        };
        machine(isa)
    }
    /// Machine description for a variant in a bundle.
    ///
    /// # Errors
    /// As [`Target::machine`].
    pub fn bundle_machine(&self, backend: Backend) -> Result<Machine> {
        let isa = match backend {
            Backend::Mlir => self.bundle.mlir.as_ref(),
            Backend::Cranelift => self.bundle.cranelift.as_ref(),
            Backend::Small => None,
        };
        isa.map_or_else(|| self.machine(backend), |isa| machine(isa))
    }
    fn no_small(&self) -> Error {
        Error::new(Code::UnknownTarget, format!("the small back end has no instructions for target `{}`", self.name))
            .hint("leave out --backend, or name another back end; `mcompc targets` lists those of each target")
    }
    /// The error for a target that only the MLIR back end reaches.
    pub fn needs_mlir(&self) -> Error {
        let e = Error::new(Code::NeedsMlir, format!("target `{}` needs the MLIR back end", self.name));
        match self.machine_small {
            Some(_) => {
                e.hint("leave out --backend: the small back end, which every build has, translates for it; or build with `--features mlir`")
            }
            // Whoever asks for another back end may have a build with this one.
            None => e.hint("leave out --backend in a build that has it; else build mcompc with `--features mlir`; scripts/setup.sh installs LLVM/MLIR 22"),
        }
    }
}

/// The machine description in folder `targets/isa/<isa>`.
///
/// # Errors
/// [`Code::UnknownTarget`] where there is none.
pub fn machine(isa: &str) -> Result<Machine> {
    let (_, text) = MACHINES
        .iter()
        .find(|(n, _)| *n == isa)
        .ok_or_else(|| Error::new(Code::UnknownTarget, format!("no machine description is called `{isa}`")))?;
    Machine::from_toml(text)
}

/// Text of `targets/<name>/cost.toml`, where the target has been measured.
pub fn cost_toml(name: &str) -> Option<&'static str> {
    COSTS.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// Names of all targets, in order; `host` is the name of whichever runs here.
pub fn names() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|(n, _)| *n)
}

/// Names of all machine descriptions, in order.
pub fn machines() -> impl Iterator<Item = &'static str> {
    MACHINES.iter().map(|(n, _)| *n)
}
