//! Child processes that do not outlive this one.

use crate::{Patience, Undo, list};
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a child printed, and how it ended.
pub type Output = std::process::Output;

/// A running child process. Dropped before its end it is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    id: u64,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a command. Where signals are watched the child has a process group of its own: Ctrl-C then reaches this process alone,
    /// which ends the group. It may be the parent of others.
    ///
    /// # Errors
    /// Those of the system; [`io::ErrorKind::NotFound`] where there is no such program.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let mut list = list();
        #[cfg(unix)]
        if list.watched {
            std::os::unix::process::CommandExt::process_group(command, 0);
        }
        let child = command.spawn()?;
        let id = list.add(Undo::Process(child.id()));
        Ok(Self { child, id, ended: None })
    }

    /// Its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for its end; `None` once the limit (if there is one) has passed, and it is killed then.
    ///
    /// # Errors
    /// Those of the system.
    pub fn wait(&mut self, limit: Option<Duration>) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_some() {
            return Ok(self.ended);
        }
        let Some(limit) = limit else {
            let status = self.child.wait()?;
            return Ok(Some(self.end(status)));
        };
        let begin = Instant::now();
        self.until(|| begin.elapsed() > limit)
    }

    /// As [`Process::wait`], with a limit in work done: see [`Patience`].
    ///
    /// # Errors
    /// Those of the system.
    pub fn wait_at_work(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let patience = Patience::new(self.child.id(), limit);
        self.until(|| patience.is_over())
    }

    /// Waits for its end, or kills it once it is over.
    fn until(&mut self, over: impl Fn() -> bool) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_some() {
            return Ok(self.ended);
        }
        let mut pause = Duration::from_micros(200);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(self.end(status)));
            }
            if over() {
                self.kill()?;
                return Ok(None);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    fn end(&mut self, status: ExitStatus) -> ExitStatus {
        self.ended = Some(status);
        list().take(self.id);
        status
    }

    fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        self.end(status);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended by itself.
            let _ = self.kill();
        }
    }
}

/// Runs a command without input to its end and takes what it prints.
///
/// # Errors
/// As [`Process::spawn`].
pub fn output(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::spawn(command)?;
    let (out, err) = (process.child.stdout.take(), process.child.stderr.take());
    thread::scope(|s| {
        let err = s.spawn(move || all(err));
        let stdout = all(out)?;
        let stderr = err.join().unwrap_or_else(|_| Err(io::Error::other("a reading thread ended early")))?;
        let status = process.wait(None)?.unwrap_or_default();
        Ok(Output { status, stdout, stderr })
    })
}

fn all(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The name of the signal that ended a process, if it is one that other processes send, and the system when memory runs out.
pub fn ended_from_outside(status: ExitStatus) -> Option<String> {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status).filter(|s| from_outside(*s)) {
        return Some(signal_name(signal));
    }
    let _ = status;
    None
}

/// Whether the signal is one that other processes send: SIGHUP, SIGINT, SIGKILL, SIGTERM.
pub fn from_outside(signal: i32) -> bool {
    matches!(signal, 1 | 2 | 9 | 15)
}

/// The usual name of a signal, or its number.
pub fn signal_name(signal: i32) -> String {
    #[cfg(unix)]
    if let Some(name) = signal_hook::low_level::signal_name(signal) {
        return name.into();
    }
    format!("signal {signal}")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn output_has_both_pipes_however_much_they_carry() {
        let o = output(Command::new("sh").args(["-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; exit 3"])).unwrap();
        assert_eq!((o.stdout.len(), o.stderr.len(), o.status.code()), (300_000, 300_000, Some(3)));
        assert_eq!(output(&mut Command::new("no-such-program")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_process_past_its_limit_is_killed() {
        let mut p = Process::spawn(Command::new("sleep").arg("60")).unwrap();
        let start = Instant::now();
        assert_eq!(p.wait(Some(Duration::from_millis(50))).unwrap(), None);
        assert!(start.elapsed() < Duration::from_secs(30));
        assert_eq!(signal_name(9), "SIGKILL");
    }
}
