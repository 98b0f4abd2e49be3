//! What `target.toml` says.

use mcompc_ir::{Code, Error, Result};
use serde::{Deserialize, Serialize};

/// Which code generator translates the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Backend {
    /// Always built in; x86-64, aarch64, riscv64.
    Cranelift,
    /// The feature `mlir`; every target.
    Mlir,
    /// Always built in; microcontrollers: Thumb and RV32.
    Small,
}

impl Backend {
    /// All of them, in the order of documents.
    pub const ALL: [Backend; 3] = [Backend::Cranelift, Backend::Mlir, Backend::Small];

    /// The one of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|b| b.name() == name)
    }

    /// Name in flags, tables and reports.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Cranelift => "cranelift",
            Backend::Mlir => "mlir",
            Backend::Small => "small",
        }
    }
}

/// A CPU to generate code for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Folder name, as given to `--target`.
    #[serde(skip)]
    pub name: String,
    /// One line for `mcompc targets`.
    pub summary: String,
    /// LLVM triple; four parts on Arm, where three lose the float ABI.
    pub triple: String,
    /// rustc's name of the target the generated crate is built for.
    pub rust_triple: String,
    /// 1: every promise is tested by the suite; 2: tested where the CPU is there; 3: compiled and inspected, never run.
    pub tier: u8,
    /// Bits of a vector register; 0 without vectors.
    pub vector_bits: u16,
    /// What its CPUs have beyond the architecture's first, by the names that GCC (x86) and Linux (Arm) ask for it.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Machine description for the MLIR back end.
    pub machine_mlir: String,
    /// Machine description for the small back end; absent where it has no instructions for the architecture.
    #[serde(default)]
    pub machine_small: Option<String>,
    /// Machine description for Cranelift; absent where it has no code generator.
    #[serde(default)]
    pub machine_cranelift: Option<String>,
    /// What differs where the target is a variant beside others.
    #[serde(default)]
    pub bundle: InBundle,
    /// What LLVM is told.
    pub llvm: Llvm,
    /// What Cranelift is told.
    #[serde(default)]
    pub cranelift: Cranelift,
    /// Sizes of a typical part; absent on hosted targets.
    #[serde(default)]
    pub memory: Option<Memory>,
    /// Data caches.
    pub cache: Cache,
    /// How to run its code elsewhere; absent where QEMU cannot.
    #[serde(default)]
    pub qemu: Option<Qemu>,
}

/// Machine descriptions of a target in a bundle, where all variants read weights in one layout; the target's own where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InBundle {
    /// For the MLIR back end.
    #[serde(default)]
    pub mlir: Option<String>,
    /// For Cranelift.
    #[serde(default)]
    pub cranelift: Option<String>,
}

/// LLVM's view of the CPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llvm {
    /// `-mcpu`.
    pub cpu: String,
    /// `-mattr`, comma-separated, each with its sign.
    pub features: String,
    /// ABI name (RISC-V: lp64d, ilp32); empty for the triple's own.
    pub abi: String,
}

/// Cranelift's view of the CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cranelift {
    /// Boolean settings of the instruction set that are switched on.
    pub flags: Vec<String>,
}

/// Memory of a microcontroller, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Code and constants.
    pub flash: u64,
    /// Arena, stack and buffers.
    pub ram: u64,
}

/// Data caches in bytes; 0 where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// First level.
    pub l1d: u64,
    /// Second level.
    pub l2: u64,
}

/// Emulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qemu {
    /// User-mode (`qemu-aarch64`) or system (`qemu-system-arm`) emulator.
    pub program: String,
    /// `-cpu`, where the default is not it.
    #[serde(default)]
    pub cpu: Option<String>,
    /// `-M` of a system emulator.
    #[serde(default)]
    pub machine: Option<String>,
    /// CPU that the C compiler of the test program is told, where it does not know the target's.
    #[serde(default)]
    pub gcc_cpu: Option<String>,
}

impl Target {
    /// Reads `target.toml` of the folder `name`.
    pub fn from_toml(name: &str, text: &str) -> Result<Self> {
        let mut t: Target = toml::from_str(text).map_err(|e| Error::new(Code::Parse, format!("targets/{name}/target.toml: {e}")))?;
        t.name = name.to_string();
        Ok(t)
    }
    /// Whether objects are Mach-O, as Apple's systems have them; ELF elsewhere.
    pub fn is_macho(&self) -> bool {
        self.triple.contains("-apple-")
    }
    /// First part of the triple: `x86_64`, `aarch64`, `riscv64`, `thumbv7em` and so on.
    pub fn arch(&self) -> &str {
        self.triple.split('-').next().unwrap_or_default()
    }
}
