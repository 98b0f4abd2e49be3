//! The machines programs run on: for each, how to compile and link C for it and how to run the
//! result. One row a machine; the key is the name of the compilation target.

use crate::Error;

/// How a program gets its input and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs on this CPU; counted under a user-mode emulator.
    Native,
    /// Linux program under a user-mode emulator.
    Hosted,
    /// Bare-metal image, semihosting.
    Bare {
        /// Linker script in tests/firmware/ld.
        script: &'static str,
        /// Start-up source in tests/firmware.
        start: &'static str,
    },
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Machine {
    pub key: &'static str,
    pub kind: Kind,
    /// C compiler driver; the C++ one has `g++` in place of `gcc`.
    pub cc: &'static str,
    /// Flags for compiling and linking.
    pub flags: &'static [&'static str],
    /// Emulator and its machine or CPU selection.
    pub qemu: &'static [&'static str],
}

const SYSTEM: &[&str] = &[
    "-display",
    "none",
    "-monitor",
    "none",
    "-serial",
    "none",
    "-parallel",
    "none",
    "-nodefaults",
    "-semihosting-config",
    "enable=on,target=native",
];

const MPS2: Kind = Kind::Bare { script: "mps2.ld", start: "start_arm.c" };
const AN505: Kind = Kind::Bare { script: "mps2-an505.ld", start: "start_arm.c" };
const AN547: Kind = Kind::Bare { script: "mps3-an547.ld", start: "start_arm.c" };
const VIRT: Kind = Kind::Bare { script: "riscv-virt.ld", start: "start_riscv.S" };
const ARM: &str = "arm-none-eabi-gcc";
const RISCV: &str = "riscv64-unknown-elf-gcc";
const X86_QEMU: &[&str] = &["qemu-x86_64", "-cpu", "max"];
const A64: (&str, &[&str]) = ("aarch64-linux-gnu-gcc", &["-static"]);
const RV64: (&str, &[&str]) = ("riscv64-linux-gnu-gcc", &["-static"]);

const fn machine(
    key: &'static str,
    kind: Kind,
    (cc, flags): (&'static str, &'static [&'static str]),
    qemu: &'static [&'static str],
) -> Machine {
    Machine { key, kind, cc, flags, qemu }
}

static MACHINES: &[Machine] = &[
    machine("host", Kind::Native, ("gcc", &[]), X86_QEMU),
    machine("x86_64", Kind::Native, ("gcc", &[]), X86_QEMU),
    machine("x86_64-v2", Kind::Native, ("gcc", &[]), X86_QEMU),
    machine("x86_64-v4", Kind::Native, ("gcc", &[]), &[]),
    // No dot product, no int8 matrix multiply: code that strays beyond its target must fail.
    machine("aarch64", Kind::Hosted, A64, &["qemu-aarch64", "-cpu", "cortex-a53"]),
    machine("aarch64-dotprod", Kind::Hosted, A64, &["qemu-aarch64", "-cpu", "neoverse-n1"]),
    machine("aarch64-i8mm", Kind::Hosted, A64, &["qemu-aarch64", "-cpu", "max"]),
    machine("riscv64gc", Kind::Hosted, RV64, &["qemu-riscv64", "-cpu", "rv64"]),
    machine("riscv64gcv", Kind::Hosted, RV64, &["qemu-riscv64", "-cpu", "rv64,v=true,vlen=128,elen=64,vext_spec=v1.0"]),
    machine("riscv64gcv-vlen256", Kind::Hosted, RV64, &["qemu-riscv64", "-cpu", "rv64,v=true,vlen=256,elen=64,vext_spec=v1.0"]),
    machine(
        "riscv32imac",
        VIRT,
        (RISCV, &["-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs"]),
        &["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
    ),
    // The multiply, atomic and compressed sets cannot be switched one by one in this QEMU
    // version without giving up the rest, so imc code runs on the same CPU as imac code.
    machine(
        "riscv32imc",
        VIRT,
        (RISCV, &["-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"]),
        &["qemu-system-riscv32", "-M", "virt", "-bios", "none"],
    ),
    // QEMU's only Armv6-M board has 16 KiB of RAM; Armv7-M executes all of Armv6-M.
    machine("cortex-m0plus", MPS2, (ARM, &["-mcpu=cortex-m0plus", "-mthumb"]), &["qemu-system-arm", "-M", "mps2-an385"]),
    machine("cortex-m3", MPS2, (ARM, &["-mcpu=cortex-m3", "-mthumb"]), &["qemu-system-arm", "-M", "mps2-an385"]),
    machine(
        "cortex-m4",
        MPS2,
        (ARM, &["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]),
        &["qemu-system-arm", "-M", "mps2-an386"],
    ),
    machine(
        "cortex-m7",
        MPS2,
        (ARM, &["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]),
        &["qemu-system-arm", "-M", "mps2-an500"],
    ),
    machine(
        "cortex-m33",
        AN505,
        (ARM, &["-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"]),
        &["qemu-system-arm", "-M", "mps2-an505"],
    ),
    machine("cortex-m55", AN547, (ARM, &["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"]), &["qemu-system-arm", "-M", "mps3-an547"]),
];

impl Machine {
    /// The row of a target name.
    pub(crate) fn find(key: &str) -> Result<&'static Self, Error> {
        MACHINES.iter().find(|machine| machine.key == key).ok_or_else(|| Error::UnknownMachine(key.to_owned()))
    }

    /// The emulator's command line up to the program, board options included.
    pub(crate) fn emulator(&self) -> Result<Vec<&'static str>, Error> {
        if self.qemu.is_empty() {
            return Err(Error::CpuLacks(format!("an emulator for {}", self.key)));
        }
        let mut command = self.qemu.to_vec();
        if matches!(self.kind, Kind::Bare { .. }) {
            command.extend_from_slice(SYSTEM);
        }
        Ok(command)
    }

    /// Refuses to run natively what this CPU does not have.
    pub(crate) fn check_cpu(&self) -> Result<(), Error> {
        if self.kind != Kind::Native {
            return Ok(());
        }
        match lacking(self.key) {
            None => Ok(()),
            Some(what) => Err(Error::CpuLacks(what.to_owned())),
        }
    }
}

/// What this CPU lacks for one of the native machines.
fn lacking(key: &str) -> Option<&'static str> {
    if key == "host" {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    {
        let needs: &[(&str, bool)] = match key {
            "x86_64-v2" => &[("SSE4.2", std::is_x86_feature_detected!("sse4.2"))],
            "x86_64" => &[("AVX2", std::is_x86_feature_detected!("avx2"))],
            _ => &[
                ("AVX-512 VL", std::is_x86_feature_detected!("avx512vl")),
                ("AVX-512 BW", std::is_x86_feature_detected!("avx512bw")),
                ("AVX-512 VNNI", std::is_x86_feature_detected!("avx512vnni")),
            ],
        };
        needs.iter().find(|(_, has)| !has).map(|(name, _)| *name)
    }
    #[cfg(not(target_arch = "x86_64"))]
    Some("the x86-64 instruction set")
}

/// The names of all machines.
pub fn machines() -> impl Iterator<Item = &'static str> {
    MACHINES.iter().map(|machine| machine.key)
}

/// What keeps a machine from being used here: a missing compiler, emulator or CPU feature.
pub fn missing(key: &str) -> Option<Error> {
    let machine = match Machine::find(key) {
        Ok(machine) => machine,
        Err(error) => return Some(error),
    };
    let mut tools = vec![machine.cc];
    if machine.kind != Kind::Native {
        tools.extend(machine.qemu.first());
    }
    if let Some(tool) = tools.into_iter().find(|tool| !installed(tool)) {
        return Some(Error::ToolMissing(tool.to_owned()));
    }
    machine.check_cpu().err()
}

fn installed(tool: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
}
