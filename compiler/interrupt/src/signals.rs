//! The thread that a signal wakes.

use crate::{Undo, list, signal_name};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a child process may take to clean up after itself before it is killed.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) fn watch() -> io::Result<()> {
    let mut list = list();
    if list.watched {
        return Ok(());
    }
    // With a handler there is, a write past the limit returns an error.
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    let ignored = ignored();
    // Before the thread's own handlers, so that the first signal finds it off.
    let second = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| ignored & (1 << (s - 1)) == 0) {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, second.clone())?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| ignored & (1 << (s - 1)) == 0))?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            second.store(true, Ordering::SeqCst);
            stop(signal);
        }
    })?;
    list.watched = true;
    Ok(())
}

/// Signals that are ignored, bit `n - 1` for signal `n`. Only Linux tells without foreign calls.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or_default()
}

fn stop(signal: i32) -> ! {
    // Never released: whoever waits for it does nothing any more.
    let mut list = list();
    let undo: Vec<Undo> = list.entries.drain(..).rev().map(|(_, u)| u).collect();
    let groups: Vec<Pid> = undo
        .iter()
        .filter_map(|u| match u {
            Undo::Process(id) => i32::try_from(*id).ok().and_then(Pid::from_raw),
            _ => None,
        })
        .collect();
    end(&groups);
    for u in &undo {
        // What cannot be removed is left; the process ends whatever happens.
        let _ = match u {
            Undo::Folder(path) => std::fs::remove_dir_all(path),
            Undo::Empty(path) => std::fs::remove_dir(path),
            Undo::Process(_) => Ok(()),
        };
    }
    let _ = writeln!(io::stderr(), "\nmcompc: ended by {}", signal_name(signal));
    std::process::exit(128 + signal)
}

/// Ends process groups: politely, so that compilers remove their own temporary files, then for good.
fn end(groups: &[Pid]) {
    let send = |signal| {
        for &g in groups {
            // A group that is gone is what is wanted.
            let _ = kill_process_group(g, signal);
        }
    };
    send(Signal::TERM);
    let deadline = Instant::now() + GRACE;
    while groups.iter().any(|&g| test_kill_process_group(g).is_ok()) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(2));
    }
    send(Signal::KILL);
}
