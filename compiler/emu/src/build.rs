//! Compiling and linking a test program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcompc_interrupt::{Folder, step};

use crate::Error;
use crate::error::io;
use crate::machine::{Kind, Machine};

/// Sources of firmware, written beside each program.
const SOURCES: &[(&str, &str)] = &[
    ("emu.h", include_str!("../firmware/emu.h")),
    ("markers.c", include_str!("../firmware/markers.c")),
    ("stack.c", include_str!("../firmware/stack.c")),
    ("hosted.c", include_str!("../firmware/hosted.c")),
    ("semihost.c", include_str!("../firmware/semihost.c")),
    ("start_arm.c", include_str!("../firmware/start_arm.c")),
    ("start_riscv.S", include_str!("../firmware/start_riscv.S")),
    ("cortex-m.ld", include_str!("../firmware/ld/cortex-m.ld")),
    ("mps2.ld", include_str!("../firmware/ld/mps2.ld")),
    ("mps2-an505.ld", include_str!("../firmware/ld/mps2-an505.ld")),
    ("mps3-an547.ld", include_str!("../firmware/ld/mps3-an547.ld")),
    ("riscv-virt.ld", include_str!("../firmware/ld/riscv-virt.ld")),
];

/// A test program to be built for one machine.
#[derive(Debug, Clone)]
pub struct Program {
    machine: String,
    main: String,
    cplusplus: bool,
    headers: Vec<(String, String)>,
    objects: Vec<(String, Vec<u8>)>,
    flags: Vec<String>,
}

impl Program {
    /// A program for `machine` (one of [`crate::machines`]) with the C text `main`.
    pub fn new(machine: &str, main: impl Into<String>) -> Self {
        Self {
            machine: machine.to_owned(),
            main: main.into(),
            cplusplus: false,
            headers: Vec::new(),
            objects: Vec::new(),
            flags: Vec::new(),
        }
    }

    /// Adds an object (`name.o`) or archive (`libname.a`) by its content.
    #[must_use]
    pub fn object(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.objects.push((name.to_owned(), content.into()));
        self
    }

    /// Adds a header the program may include by `name`.
    #[must_use]
    pub fn header(mut self, name: &str, content: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), content.into()));
        self
    }

    /// Adds flags for compiling the main file and linking, for instance `-std=c11`.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Makes the main text C++ instead of C.
    #[must_use]
    pub fn cplusplus(mut self) -> Self {
        self.cplusplus = true;
        self
    }

    /// Compiles and links.
    ///
    /// # Errors
    /// [`Error::UnknownMachine`], [`Error::ToolMissing`], [`Error::Build`] with the compiler's
    /// messages, [`Error::Io`].
    pub fn build(&self) -> Result<Executable, Error> {
        let machine = Machine::find(&self.machine)?;
        let folder = Folder::new().map_err(io("temporary folder"))?;
        let write = |name: &str, content: &[u8]| -> Result<(), Error> {
            if Path::new(name).file_name().is_none_or(|file| file != name) {
                return Err(Error::Io(format!("'{name}' is not a plain file name")));
            }
            step(|| fs::write(folder.path().join(name), content)).map_err(io(name))
        };
        for (name, content) in SOURCES {
            write(name, content.as_bytes())?;
        }
        for (name, content) in &self.headers {
            write(name, content.as_bytes())?;
        }
        for (name, content) in &self.objects {
            write(name, content)?;
        }
        let main = if self.cplusplus { "main.cpp" } else { "main.c" };
        write(main, self.main.as_bytes())?;
        let driver = |cc: &str| if self.cplusplus { cc.replace("gcc", "g++") } else { cc.to_owned() };

        // The harness is always C; only the main file follows the caller's language and flags.
        let common = ["-O2", "-g0", "-ffunction-sections", "-fdata-sections"];
        let mut harness = vec!["markers.c", "stack.c"];
        match machine.kind {
            Kind::Native | Kind::Hosted => harness.push("hosted.c"),
            Kind::Bare(board) => harness.extend(["semihost.c", board.start]),
        }
        let mut compile = Command::new(machine.cc);
        compile.args(&machine.flags).args(common).arg("-c").args(&harness);
        execute(compile, machine.cc, folder.path()).map_err(|e| match e {
            Error::Build(log) => Error::Harness(log),
            e => e,
        })?;

        let cc = driver(machine.cc);
        let mut compile = Command::new(&cc);
        compile.args(&machine.flags).args(common).args(&self.flags).args(["-Wall", "-c", main]);
        execute(compile, &cc, folder.path())?;

        let mut link = Command::new(&cc);
        link.args(&machine.flags).args(["-no-pie", "-Wl,--gc-sections", "-o", "program"]);
        if let Kind::Bare(board) = machine.kind {
            link.args(["-nostartfiles", "-L.", "-T", board.script]);
            // GNU ld warns about a writable, executable segment: the virt board has one memory.
            link.arg("-Wl,--no-warn-rwx-segments");
        }
        if machine.cc.starts_with("arm-") && matches!(machine.kind, Kind::Bare(_)) {
            link.args(["--specs=nano.specs", "--specs=nosys.specs"]);
        }
        link.arg("main.o");
        link.args(harness.iter().map(|name| Path::new(name).with_extension("o")));
        link.args(self.objects.iter().map(|(name, _)| name)).args(&self.flags);
        execute(link, &cc, folder.path())?;

        Ok(Executable { machine, program: folder.path().join("program"), _folder: folder })
    }
}

/// A linked program; its files go when it is dropped.
#[derive(Debug)]
pub struct Executable {
    pub(crate) machine: Machine,
    pub(crate) program: PathBuf,
    _folder: Folder,
}

impl Executable {
    /// The ELF file's content, for size and symbol checks.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn elf(&self) -> Result<Vec<u8>, Error> {
        fs::read(&self.program).map_err(io("linked program"))
    }
}

/// Runs a compiler or linker in `folder`; its messages become the error.
fn execute(mut command: Command, tool: &str, folder: &Path) -> Result<(), Error> {
    // Compilers leave their own temporary files behind when they are killed.
    let output = mcompc_interrupt::output(command.current_dir(folder).env("TMPDIR", folder)).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            Error::ToolMissing(tool.to_owned())
        } else {
            Error::Io(format!("{tool}: {error}"))
        }
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Build(format!("{command:?}\n{}", String::from_utf8_lossy(&output.stderr))))
}
