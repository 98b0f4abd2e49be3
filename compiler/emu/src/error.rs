//! Why a program could not be built or run.

use std::fmt;

/// Failure to build or run a program. Only [`Error::Guest`] says anything about the code under
/// test; the others say what the test machine lacks or what is wrong with the test itself.
#[derive(Debug)]
pub enum Error {
    /// No machine of this name is known.
    UnknownMachine(String),
    /// A compiler, emulator or the counting plug-in is not installed.
    ToolMissing(String),
    /// This CPU cannot run the program natively and no emulator can; what it lacks.
    CpuLacks(String),
    /// No emulator has this machine.
    NoEmulator(String),
    /// The compiler refused the harness itself: its C library is not complete; the messages.
    Harness(String),
    /// The compiler or linker refused; its messages.
    Build(String),
    /// The program ended with a status other than 0, or by a signal; its log.
    Guest {
        /// Exit status; `None` if a signal ended it. 98: input or output not as expected,
        /// 99: processor fault.
        status: Option<i32>,
        /// What the program and the emulator printed.
        log: String,
    },
    /// The emulator or the program was ended by a signal that other processes send, and the system when memory runs out.
    Killed(String),
    /// The program did not end in time, in seconds.
    Timeout(u64),
    /// A file or process could not be handled.
    Io(String),
}

impl Error {
    /// Whether the error is about the test machine, not about the code under test: such a test
    /// is to be counted as *not run*.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::ToolMissing(_) | Self::CpuLacks(_) | Self::NoEmulator(_) | Self::Harness(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMachine(name) => write!(f, "no machine is called '{name}'"),
            Self::ToolMissing(tool) => write!(f, "tool missing: {tool}; run scripts/setup.sh"),
            Self::CpuLacks(what) => write!(f, "this CPU lacks {what}"),
            Self::NoEmulator(machine) => write!(f, "no emulator here has {machine}"),
            Self::Harness(log) => write!(f, "the harness does not compile:\n{log}"),
            Self::Build(log) => write!(f, "the test program does not build:\n{log}"),
            Self::Guest { status: Some(status), log } => {
                write!(f, "the program ended with status {status}:\n{log}")
            }
            Self::Guest { status: None, log } => {
                write!(f, "the program was ended by a signal:\n{log}")
            }
            Self::Killed(signal) => write!(f, "the program was ended from outside by {signal}"),
            Self::Timeout(seconds) => write!(f, "the program did not end in {seconds} s"),
            Self::Io(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

/// Adds what was being done to an I/O error.
pub(crate) fn io(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::Io(format!("{what}: {error}"))
}
