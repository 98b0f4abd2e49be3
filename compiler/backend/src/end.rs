//! How a worker may end.

use mcompc_interrupt::signal_name;
use std::fmt;
use std::time::Duration;

/// What helps with wrong code.
pub(crate) const REPORT: &str = "this is a bug of the compiler: report it with the model and the target";

/// How a worker ended that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By a signal; what it had said.
    Signal(i32, String),
    /// With a status other than 0; what it had said.
    Status(i32, String),
    /// Killed after so long.
    Timeout(Duration),
    /// Its answer cannot be read.
    Garbage(String),
    /// With a panic of the back end.
    Panic(String),
}

impl End {
    /// Whether the signal is one that other processes send, and the system when memory runs out.
    pub(crate) fn comes_from_outside(&self) -> bool {
        matches!(self, End::Signal(n, _) if mcompc_interrupt::from_outside(*n))
    }
    /// Whether it got no more memory: the system's, or what a worker may take.
    pub(crate) fn wants_memory(&self) -> bool {
        const WORDS: [&str; 4] = ["memory allocation of", "out of memory", "bad_alloc", "Cannot allocate memory"];
        matches!(self, End::Signal(_, said) | End::Status(_, said) | End::Panic(said) if WORDS.iter().any(|w| said.to_lowercase().contains(&w.to_lowercase())))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |f: &mut fmt::Formatter<'_>, s: &str| if s.is_empty() { Ok(()) } else { write!(f, " ({s})") };
        match self {
            End::Signal(n, s) => write!(f, "was ended by {}", signal_name(*n)).and_then(|()| said(f, s)),
            End::Status(n, s) => write!(f, "ended with status {n}").and_then(|()| said(f, s)),
            End::Timeout(limit) => write!(f, "did not end within {} s", limit.as_secs_f32()),
            End::Garbage(what) => write!(f, "gave no answer that can be read ({what})"),
            End::Panic(message) => write!(f, "panicked ({message})"),
        }
    }
}
