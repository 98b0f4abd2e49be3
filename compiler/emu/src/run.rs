//! Running a built program, with or without counting its instructions.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mcompc_interrupt::{Folder, Process, step};
use object::{Architecture, Object, ObjectSymbol, SymbolKind};

use crate::error::io;
use crate::machine::Kind;
use crate::{Error, Executable};

/// Longest a program may take. Generous: a loaded machine under emulation is slow.
const LIMIT: Duration = Duration::from_secs(600);

/// Where the plug-in leaves its counts.
const RESULT: &str = "count.txt";

const PLUGIN: &str = "libmcompc_qemu_count.so";

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What it wrote with `emu_write`.
    pub output: Vec<u8>,
    /// Instructions executed between `emu_begin` and `emu_end`, summed over all such stretches;
    /// `None` from [`Executable::run`]. It includes the handful around the call itself.
    pub instructions: Option<u64>,
    /// Instructions by stretch, summed over all windows: before the first entry into one of [`Counting::split`]'s functions, then from
    /// each entry to the next. Empty without them.
    pub segments: Vec<u64>,
    /// How often `emu_begin` was reached while counting.
    pub windows: u64,
    /// What it printed.
    pub log: String,
}

/// What to count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counting {
    /// Functions whose entries divide the count.
    pub split: Vec<String>,
    /// The counting plug-in; without it `MCOMPC_QEMU_COUNT`, or beside the running program.
    pub plugin: Option<PathBuf>,
}

impl Executable {
    /// Runs with `input` as its input file: on this CPU where the machine is this one, else
    /// emulated.
    ///
    /// # Errors
    /// [`Error::Guest`] if it ends with a status other than 0, [`Error::Timeout`],
    /// [`Error::ToolMissing`], [`Error::CpuLacks`], [`Error::Io`].
    pub fn run(&self, input: &[u8]) -> Result<Run, Error> {
        self.start(input, None, LIMIT)
    }

    /// As [`Executable::run`], with another limit than the usual one.
    ///
    /// # Errors
    /// As [`Executable::run`].
    pub fn run_within(&self, input: &[u8], limit: Duration) -> Result<Run, Error> {
        self.start(input, None, limit)
    }

    /// Runs under the emulator, also on this machine's own instruction set, and counts
    /// instructions between the markers.
    ///
    /// # Errors
    /// As [`Executable::run`]; [`Error::Io`] too if the markers were never reached.
    pub fn run_counted(&self, input: &[u8]) -> Result<Run, Error> {
        self.start(input, Some(&Counting::default()), LIMIT)
    }

    /// As [`Executable::run_counted`], divided at the entries of functions.
    ///
    /// # Errors
    /// As [`Executable::run_counted`]; [`Error::Io`] for a function that the program does not have.
    pub fn run_split(&self, input: &[u8], counting: &Counting) -> Result<Run, Error> {
        self.start(input, Some(counting), LIMIT)
    }

    fn start(&self, input: &[u8], counting: Option<&Counting>, limit: Duration) -> Result<Run, Error> {
        let folder = Folder::new().map_err(io("temporary folder"))?;
        step(|| fs::write(folder.path().join("input.bin"), input)).map_err(io("input.bin"))?;

        let mut line: Vec<String> = Vec::new();
        if self.machine.kind == Kind::Native && counting.is_none() {
            self.machine.check_cpu()?;
        } else {
            line.extend(self.machine.emulator()?);
        }
        let result = folder.path().join(RESULT);
        if let Some(counting) = counting {
            line.extend(["-d".to_owned(), "plugin".to_owned(), "-plugin".to_owned()]);
            line.push(self.plugin_line(counting)?);
        }
        if matches!(self.machine.kind, Kind::Bare { .. }) {
            line.push("-kernel".to_owned());
        }
        line.push(self.program.display().to_string());

        let log = execute(&line, folder.path(), limit).map_err(|e| match e {
            Error::Guest { log, .. } if counting.is_some() && !result.exists() && log.contains("plugin") => {
                Error::ToolMissing("a QEMU that takes plug-ins of interface version 1, such as 7.2".to_owned())
            }
            e => e,
        })?;
        let output = fs::read(folder.path().join("output.bin")).map_err(io("output.bin"))?;
        let (windows, instructions, segments) = match counting {
            Some(_) => count(&result).map(|(windows, insns, segments)| (windows, Some(insns), segments))?,
            None => (0, None, Vec::new()),
        };
        Ok(Run { output, instructions, segments, windows, log })
    }

    /// File name and arguments of the plug-in.
    fn plugin_line(&self, counting: &Counting) -> Result<String, Error> {
        let plugin = plugin(counting.plugin.as_deref())?;
        let address = self.addresses()?;
        let (begin, end) = (address("emu_begin")?, address("emu_end")?);
        // A comma ends an argument unless it is doubled; the result's place is relative to the folder the emulator starts in.
        let plugin = plugin.display().to_string().replace(',', ",,");
        let mut line = format!("{plugin},begin={begin:#x},end={end:#x},out={RESULT}");
        for (i, name) in counting.split.iter().enumerate() {
            line.push_str(if i == 0 { ",split=" } else { ":" });
            line.push_str(&format!("{:#x}", address(name)?));
        }
        Ok(line)
    }

    /// Addresses of the program's functions by name.
    fn addresses(&self) -> Result<impl Fn(&str) -> Result<u64, Error>, Error> {
        let elf = self.elf()?;
        let file = object::File::parse(&*elf).map_err(|e| Error::Io(format!("program: {e}")))?;
        // Bit 0 of an Arm function symbol says Thumb; it is no part of the address.
        let mask = if file.architecture() == Architecture::Arm { !1 } else { !0 };
        let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
        let table: BTreeMap<String, u64> =
            functions.filter_map(|symbol| Some((symbol.name().ok()?.to_owned(), symbol.address() & mask))).collect();
        Ok(move |name: &str| table.get(name).copied().ok_or_else(|| Error::Io(format!("the program has no function {name}"))))
    }
}

/// Runs a command line to its end and returns what it printed.
fn execute(line: &[String], folder: &Path, limit: Duration) -> Result<String, Error> {
    let path = folder.join("log.txt");
    let log = step(|| File::create(&path)).map_err(io("log.txt"))?;
    let second = log.try_clone().map_err(io("log.txt"))?;
    let [tool, arguments @ ..] = line else {
        return Err(Error::Io("empty command".to_owned()));
    };
    let mut command = mcompc_interrupt::command(tool);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(log).stderr(second);
    let mut child = Process::spawn(&mut command).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound { Error::ToolMissing(tool.clone()) } else { Error::Io(format!("{tool}: {error}")) }
    })?;
    let status = child.wait_at_work(limit).map_err(io(tool))?.ok_or(Error::Timeout(limit.as_secs()))?;
    let log = String::from_utf8_lossy(&fs::read(&path).map_err(io("log.txt"))?).into_owned();
    if let Some(signal) = mcompc_interrupt::ended_from_outside(status) {
        return Err(Error::Killed(signal));
    }
    if status.success() { Ok(log) } else { Err(Error::Guest { status: status.code(), log }) }
}

/// Reads the plug-in's result line, `windows=W insns=N [segments=A,B,...]`.
fn count(path: &Path) -> Result<(u64, u64, Vec<u64>), Error> {
    let text = fs::read_to_string(path).map_err(io("the plug-in left no result"))?;
    let bad = |key: &str| Error::Io(format!("no '{key}' in the plug-in's result '{text}'"));
    let field = |key: &str| text.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let number = |key: &str| field(key).and_then(|word| word.parse::<u64>().ok()).ok_or_else(|| bad(key));
    let windows = number("windows")?;
    if windows == 0 {
        return Err(Error::Io("the program never reached emu_begin".to_owned()));
    }
    let segments = field("segments").map_or(Ok(Vec::new()), |list| list.split(',').map(str::parse).collect());
    Ok((windows, number("insns")?, segments.map_err(|_| bad("segments"))?))
}

/// The counting plug-in: the file asked for, `MCOMPC_QEMU_COUNT`, or beside the running program, where Cargo builds it.
fn plugin(asked: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = asked.map(Path::to_path_buf).or_else(|| std::env::var_os("MCOMPC_QEMU_COUNT").map(PathBuf::from)) {
        // QEMU looks a bare name up in the library path.
        return path.canonicalize().map_err(|_| Error::ToolMissing(format!("the counting plug-in {}", path.display())));
    }
    let program = std::env::current_exe().map_err(io("the running program's path"))?;
    program
        .ancestors()
        .skip(1)
        .take(3)
        .flat_map(|folder| [folder.join(PLUGIN), folder.join("deps").join(PLUGIN)])
        .find(|path| path.is_file())
        .ok_or_else(|| Error::ToolMissing(format!("{PLUGIN} (cargo build -p mcompc-qemu-count builds it)")))
}
