//! The machines programs run on: how to compile and link C for one and how to run the result. A machine is a target of
//! `targets/`, or one of the few variants below; all that is known of it here is the board's linker script.

use std::env::consts::ARCH;

use mcompc_target::{Qemu, Target};

use crate::Error;

/// How a program gets its input and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs on this CPU; counted under a user-mode emulator.
    Native,
    /// Linux program under a user-mode emulator.
    Hosted,
    /// Bare-metal image, semihosting.
    Bare(&'static Board),
}

/// A board of QEMU's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Board {
    /// `-M`.
    machine: &'static str,
    /// Linker script in firmware/ld.
    pub script: &'static str,
    /// Start-up source in firmware.
    pub start: &'static str,
}

/// One machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub key: String,
    pub kind: Kind,
    /// C compiler driver; the C++ one has `g++` in place of `gcc`.
    pub cc: &'static str,
    /// Flags for compiling and linking.
    pub flags: Vec<String>,
    /// Emulator and its machine or CPU selection; empty where there is none.
    pub qemu: Vec<String>,
    /// What this CPU lacks to run it without an emulator.
    lacking: Option<String>,
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

const fn board(machine: &'static str, script: &'static str, start: &'static str) -> Board {
    Board { machine, script, start }
}

static BOARDS: &[Board] = &[
    board("mps2-an385", "mps2.ld", "start_arm.c"),
    board("mps2-an386", "mps2.ld", "start_arm.c"),
    board("mps2-an500", "mps2.ld", "start_arm.c"),
    board("mps2-an505", "mps2-an505.ld", "start_arm.c"),
    board("mps3-an547", "mps3-an547.ld", "start_arm.c"),
    board("virt", "riscv-virt.ld", "start_riscv.S"),
];

/// This computer, whatever its instruction set.
const HOST: &str = "host";
/// Vector code must not depend on the length of a register.
const WIDE: &str = "riscv64gcv-vlen256";

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

impl Machine {
    /// The machine of a name.
    pub(crate) fn find(key: &str) -> Result<Self, Error> {
        let unknown = |_| Error::UnknownMachine(key.to_owned());
        match key {
            HOST => Ok(Self {
                key: key.to_owned(),
                kind: Kind::Native,
                cc: "gcc",
                flags: Vec::new(),
                qemu: vec![format!("qemu-{ARCH}"), "-cpu".to_owned(), "max".to_owned()],
                lacking: None,
            }),
            WIDE => {
                let mut target = Target::by_name("riscv64gcv").map_err(unknown)?;
                if let Some(cpu) = target.qemu.as_mut().and_then(|q| q.cpu.as_mut()) {
                    *cpu = cpu.replace("vlen=128", "vlen=256");
                }
                Self::of(&target)
            }
            _ => Self::of(&Target::by_name(key).map_err(unknown)?),
        }
    }

    /// The machine of a target.
    fn of(t: &Target) -> Result<Self, Error> {
        let none = || Error::NoEmulator(t.name.clone());
        let (kind, cc, flags) = if t.triple.contains("-none") {
            let wanted = t.qemu.as_ref().and_then(|q| q.machine.as_deref());
            let board = BOARDS.iter().find(|b| Some(b.machine) == wanted).ok_or_else(none)?;
            let (cc, flags) = bare(t).ok_or_else(none)?;
            (Kind::Bare(board), cc, flags)
        } else if !t.triple.contains("-linux") {
            return Err(none());
        } else if t.arch() == ARCH {
            (Kind::Native, "gcc", Vec::new())
        } else if t.arch() == "armv7a" {
            // The compiler for bare metal, whose library asks the emulator for files as a debugger's host would be asked.
            let flags = ["-marm", "-march=armv7-a+simd", "-mfloat-abi=softfp", "--specs=rdimon.specs"];
            (Kind::Hosted, "arm-none-eabi-gcc", strings(&flags))
        } else {
            let cc = match t.arch() {
                "x86_64" => "x86_64-linux-gnu-gcc",
                "aarch64" => "aarch64-linux-gnu-gcc",
                "riscv64" => "riscv64-linux-gnu-gcc",
                _ => return Err(none()),
            };
            (Kind::Hosted, cc, strings(&["-static"]))
        };
        let lacking = (kind == Kind::Native && !t.runs_here()).then(|| t.summary.clone());
        Ok(Self { key: t.name.clone(), kind, cc, flags, qemu: t.qemu.as_ref().map(emulator).unwrap_or_default(), lacking })
    }

    /// The emulator's command line up to the program, board options included.
    pub(crate) fn emulator(&self) -> Result<Vec<String>, Error> {
        if self.qemu.is_empty() {
            return Err(Error::NoEmulator(self.key.clone()));
        }
        let mut command = self.qemu.clone();
        if matches!(self.kind, Kind::Bare { .. }) {
            command.extend(strings(SYSTEM));
        }
        Ok(command)
    }

    /// Refuses to run natively what this CPU does not have.
    pub(crate) fn check_cpu(&self) -> Result<(), Error> {
        self.lacking.clone().map_or(Ok(()), |what| Err(Error::CpuLacks(what)))
    }
}

/// Compiler and flags for firmware.
fn bare(t: &Target) -> Option<(&'static str, Vec<String>)> {
    match t.arch() {
        arch if arch.starts_with("thumb") => {
            let abi = if t.triple.ends_with("hf") { "hard" } else { "soft" };
            let known = t.qemu.as_ref().and_then(|q| q.gcc_cpu.as_ref()).unwrap_or(&t.llvm.cpu);
            let cpu = format!("-mcpu={known}");
            Some(("arm-none-eabi-gcc", vec![cpu, "-mthumb".to_owned(), format!("-mfloat-abi={abi}")]))
        }
        "riscv32" => {
            let set = t.rust_triple.split('-').next().unwrap_or_default().replace("riscv", "rv");
            let flags = vec![format!("-march={set}"), format!("-mabi={}", t.llvm.abi), "--specs=picolibc.specs".to_owned()];
            Some(("riscv64-unknown-elf-gcc", flags))
        }
        _ => None,
    }
}

/// Emulator with CPU and board.
fn emulator(q: &Qemu) -> Vec<String> {
    let mut command = vec![q.program.clone()];
    for (flag, value) in [("-cpu", &q.cpu), ("-M", &q.machine)] {
        if let Some(value) = value {
            command.extend([flag.to_owned(), value.clone()]);
        }
    }
    if q.machine.as_deref() == Some("virt") {
        command.extend(strings(&["-bios", "none"]));
    }
    command
}

/// The names of all machines: targets whose programs can be linked here, and variants for tests.
pub fn machines() -> Vec<String> {
    let targets = Target::all().unwrap_or_default();
    let known = targets.iter().filter(|t| Machine::of(t).is_ok()).map(|t| t.name.clone());
    known.chain([HOST.to_owned(), WIDE.to_owned()]).collect()
}

/// What keeps a machine from being used here: a missing compiler, emulator or CPU feature.
pub fn missing(key: &str) -> Option<Error> {
    let machine = match Machine::find(key) {
        Ok(machine) => machine,
        Err(error) => return Some(error),
    };
    let mut tools = vec![machine.cc];
    if machine.kind != Kind::Native {
        tools.extend(machine.qemu.first().map(String::as_str));
    }
    if let Some(tool) = tools.into_iter().find(|tool| !mcompc_interrupt::is_there(tool.as_ref())) {
        return Some(Error::ToolMissing(tool.to_owned()));
    }
    machine.check_cpu().err()
}
