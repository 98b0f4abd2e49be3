//! Ctrl-C at any moment: folders and child processes of a run are known to one list, and a signal that ends the process undoes them first.
//!
//! The command line calls [`watch`] once. Whoever makes a temporary folder ([`Folder`]), folders for the output ([`Parents`]) or a child
//! process ([`Process`]) does it through this crate; whoever writes into such a folder does each file operation as a [`step`]. The signal's
//! thread takes the list's lock and keeps it: a step under way is waited for, and none begins after it, so nothing comes back that was
//! removed. In a process without [`watch`] (tests, other users of the library) only the destructors clean up.
#![forbid(unsafe_code)]

mod busy;
mod folder;
mod process;
#[cfg(unix)]
mod signals;
mod tether;

pub use busy::{Patience, cpu};
pub use folder::{Folder, Parents};
pub use process::{Output, Process, ended_from_outside, from_outside, output, signal_name};
pub use tether::{TETHER, command, is_there, serve_tether, use_tether};

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a signal undoes.
#[derive(Debug)]
enum Undo {
    /// Removes a folder with everything in it.
    Folder(PathBuf),
    /// Removes a folder if it is empty.
    Empty(PathBuf),
    /// Ends a process and those it started.
    Process(u32),
}

#[derive(Debug)]
struct List {
    /// Whether signals are watched.
    watched: bool,
    next: u64,
    entries: Vec<(u64, Undo)>,
}

static LIST: Mutex<List> = Mutex::new(List { watched: false, next: 0, entries: Vec::new() });

fn list() -> MutexGuard<'static, List> {
    // The list is whole between any two operations on it.
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

impl List {
    fn add(&mut self, undo: Undo) -> u64 {
        self.next += 1;
        self.entries.push((self.next, undo));
        self.next
    }
    fn take(&mut self, id: u64) {
        self.entries.retain(|(i, _)| *i != id);
    }
}

/// Does a file operation inside a [`Folder`] or [`Parents`]: a signal waits for it, and after a signal none begins (the call does not
/// return; the process ends). Steps do not nest, and no other function of this crate may be called in one.
pub fn step<T>(work: impl FnOnce() -> T) -> T {
    let _held = list();
    work()
}

/// Waits for the end of the process if a signal is ending it: for whoever is about to report an error that the signal itself may have
/// caused.
pub fn settle() {
    drop(list());
}

/// Watches SIGINT, SIGTERM and SIGHUP from now on, those aside that the caller has the process ignore (`nohup`, jobs in the
/// background): each undoes what is under way and ends the process with status 128 and its number; a second one ends it at once. A file that grows past
/// RLIMIT_FSIZE becomes an error of the write instead of a signal.
///
/// # Errors
/// Those of the system.
#[cfg(unix)]
pub fn watch() -> std::io::Result<()> {
    signals::watch()
}

/// Nothing is watched on this system.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn watch() -> std::io::Result<()> {
    Ok(())
}
