//! Binary interfaces and the variants of code there are for each.

use crate::internal;
use mcompc_ir::{Code, Error, Result};
use mcompc_target::Target;

/// What a dispatcher is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// x86-64, ELF.
    X86_64,
    /// Arm, 64 bits, ELF.
    Aarch64,
    /// Arm, 32 bits, ELF.
    Arm,
    /// Apple's systems: one variant, whose entry function is the library's.
    MachO,
}

/// A binary interface.
#[derive(Debug, PartialEq, Eq)]
pub struct Abi {
    /// Instruction set.
    pub arch: Arch,
    /// Rust's `target_arch`, for Apple's systems the target.
    pub name: &'static str,
    /// Names of targets, best first; every CPU that runs one runs those behind it.
    pub variants: &'static [&'static str],
}

const fn apple(variants: &'static [&'static str]) -> Abi {
    Abi { arch: Arch::MachO, name: variants[0], variants }
}

/// All of them.
pub static ABIS: &[Abi] = &[
    Abi { arch: Arch::X86_64, name: "x86_64", variants: &["x86_64-v4", "x86_64", "x86_64-v2"] },
    Abi { arch: Arch::Aarch64, name: "aarch64", variants: &["aarch64-i8mm", "aarch64-dotprod", "aarch64"] },
    Abi { arch: Arch::Arm, name: "arm", variants: &["armv7a-neon"] },
    apple(&["aarch64-apple-ios"]),
    apple(&["aarch64-apple-ios-sim"]),
    apple(&["x86_64-apple-ios-sim"]),
    apple(&["aarch64-apple-darwin"]),
    apple(&["x86_64-apple-darwin"]),
];

/// The ABI of a name.
///
/// # Errors
/// E009 where there is none.
pub(crate) fn of_name(name: &str) -> Result<&'static Abi> {
    ABIS.iter().find(|a| a.name == name).ok_or_else(|| internal(format!("no ABI is called {name}")))
}

impl Abi {
    /// The ABI that a target is a variant of, where programs choose among variants.
    ///
    /// # Errors
    /// E002 where it is of none.
    pub fn of(target: &Target) -> Result<&'static Abi> {
        let chosen = || ABIS.iter().filter(|a| a.arch != Arch::MachO);
        chosen().find(|a| a.variants.contains(&target.name.as_str())).ok_or_else(|| {
            let all: Vec<&str> = chosen().flat_map(|a| a.variants).copied().collect();
            Error::new(Code::Usage, format!("target `{}` has no variants to choose from when a program runs", target.name))
                .hint(format!("leave out --bundle; bundles are made for {}", all.join(", ")))
        })
    }

    /// Its targets, best first.
    ///
    /// # Errors
    /// None, as long as the table names targets that there are.
    pub fn targets(&self) -> Result<Vec<Target>> {
        self.variants.iter().map(|n| Target::by_name(n)).collect()
    }
}
