//! Signals at any moment, killed back ends, places that cannot be written and disks that are full: an error, no half-written output, no
//! files left behind, no processes left running.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
use common::{INPUT, digits, tree};
use mcompc_emu::not_run;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn command(dir: &Path, out: &Path) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_mcompc"));
    c.arg(digits("digits.onnx")).args(["--target", "x86_64", "--input", INPUT, "--calib"]).arg(digits("digits.calib.npz"));
    c.arg("-o").arg(out).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    c
}

/// Sends a signal by the shell's own `kill`.
fn kill(signal: &str, pid: u32) {
    let done = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().unwrap();
    assert!(done.success(), "kill -{signal} {pid}");
}

/// Processes whose parent is `pid`.
fn children(pid: u32) -> Vec<u32> {
    let lists = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let text: String = lists.map(|t| std::fs::read_to_string(t.path().join("children")).unwrap_or_default()).collect();
    text.split_whitespace().map(|p| p.parse().unwrap()).collect()
}

fn alive(pid: u32) -> bool {
    // The state follows the name, which is in parentheses.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The one child of a running compilation: its back end.
fn back_end(compiler: &Child) -> u32 {
    let mut found = None;
    until("the start of the back end", || {
        found = children(compiler.id()).first().copied();
        found.is_some()
    });
    found.unwrap()
}

fn names(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into()).collect()
}

fn text(o: &Output) -> String {
    String::from_utf8_lossy(&o.stderr).into_owned()
}

#[test]
fn a_signal_while_the_back_end_works_ends_both() {
    for (signal, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let dir = tempfile::tempdir().unwrap();
        let compiler = command(dir.path(), Path::new("deep/er/out")).env("MCOMPC_TEST_FAULT", "hang").spawn().unwrap();
        let worker = back_end(&compiler);
        kill(signal, compiler.id());
        let out = compiler.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(status), "{}", text(&out));
        assert!(text(&out).contains(&format!("ended by SIG{signal}")) && !text(&out).contains("error["), "{}", text(&out));
        until("the back end's end", || !alive(worker));
        assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    }
}

/// At whatever moment it comes: the earlier output or the new one, as a whole, and nothing else.
#[test]
fn a_signal_at_any_moment_leaves_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let first = command(dir.path(), Path::new("out")).output().unwrap();
    assert!(first.status.success(), "{}", text(&first));
    let whole = start.elapsed();
    let before = tree(dir.path());
    std::fs::write(dir.path().join("out/rust/old"), "the earlier one").unwrap();
    let earlier = tree(dir.path());
    let mut interrupted = 0;
    for i in 0..12 {
        let compiler = command(dir.path(), Path::new("out")).spawn().unwrap();
        std::thread::sleep(whole * i / 10);
        // The process is not waited for yet, so its number is its own.
        kill("INT", compiler.id());
        let out = compiler.wait_with_output().unwrap();
        match out.status.code() {
            Some(130) => interrupted += 1,
            Some(0) => {}
            // Before the first line of the program the signal has its usual effect.
            None if out.status.signal() == Some(2) => interrupted += 1,
            _ => panic!("{:?}: {}", out.status, text(&out)),
        }
        let now = tree(dir.path());
        assert!(now == before || now == earlier, "after {i} tenths: {:?}", now.keys());
        assert_eq!(names(dir.path()), [PathBuf::from("out")], "after {i} tenths");
    }
    assert!(interrupted > 0);
}

#[test]
fn a_back_end_that_is_killed_from_outside_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for signal in ["KILL", "TERM"] {
        let compiler = command(dir.path(), Path::new("out")).env("MCOMPC_TEST_FAULT", "hang").spawn().unwrap();
        kill(signal, back_end(&compiler));
        let out = compiler.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(1));
        assert!(text(&out).starts_with("error[E506]") && text(&out).contains(&format!("was ended by SIG{signal}")), "{}", text(&out));
        assert!(names(dir.path()).is_empty());
    }
}

#[test]
fn the_back_end_does_not_outlive_a_killed_compiler_whose_folder_is_swept_up_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut compiler = command(dir.path(), Path::new("out")).env("MCOMPC_TEST_FAULT", "hang").spawn().unwrap();
    let worker = back_end(&compiler);
    compiler.kill().unwrap();
    compiler.wait().unwrap();
    until("the back end's end", || !alive(worker));
    // What a compiler that was killed while it wrote leaves behind.
    std::fs::create_dir_all(dir.path().join(".mcompc-0123456789ab/new")).unwrap();
    let out = command(dir.path(), Path::new("out")).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    assert_eq!(names(dir.path()), [PathBuf::from("out")]);
}

/// Compilers, linker and emulator of `verify` go with it, and so do their files.
#[test]
fn a_signal_while_another_program_runs_leaves_neither_files_nor_processes() {
    if let Some(e) = mcompc_emu::missing("aarch64") {
        return not_run(&format!("aarch64: {e}"));
    }
    let mut seen = 0;
    for i in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let mut c = Command::new(env!("CARGO_BIN_EXE_mcompc"));
        c.arg("verify")
            .arg(digits("digits.onnx"))
            .args(["--target", "aarch64", "--input", INPUT, "--calib"])
            .arg(digits("digits.calib.npz"));
        c.env("TMPDIR", dir.path()).current_dir("/").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut compiler = c.spawn().unwrap();
        // From the first temporary file on, at some distance.
        until("the first file or the end", || !names(dir.path()).is_empty() || compiler.try_wait().unwrap().is_some());
        std::thread::sleep(Duration::from_millis(70 * i));
        let others = children(compiler.id());
        if compiler.try_wait().unwrap().is_none() {
            kill("TERM", compiler.id());
        }
        let out = compiler.wait_with_output().unwrap();
        match out.status.code() {
            Some(143) => seen += 1,
            Some(0) => {}
            _ => panic!("{:?}: {}", out.status, text(&out)),
        }
        assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
        until("the other programs' end", || !others.iter().any(|&p| alive(p)));
    }
    assert!(seen > 0);
}

/// A running `verify` of code for another computer, and the emulator that it started.
fn emulating(dir: &Path) -> Option<(Child, u32)> {
    if let Some(e) = mcompc_emu::missing("aarch64") {
        not_run(&format!("aarch64: {e}"));
        return None;
    }
    let mut c = Command::new(env!("CARGO_BIN_EXE_mcompc"));
    c.arg("verify").arg(digits("digits.onnx")).args(["--target", "aarch64", "--input", INPUT, "--calib"]).arg(digits("digits.calib.npz"));
    c.env("TMPDIR", dir).current_dir("/").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut compiler = c.spawn().unwrap();
    let is_emulator = |pid: &u32| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|p| p.to_string_lossy().contains("qemu"));
    let mut found = None;
    until("the emulator's start or the end", || {
        found = children(compiler.id()).into_iter().find(is_emulator);
        found.is_some() || compiler.try_wait().unwrap().is_some()
    });
    if found.is_none() {
        not_run("the emulator was too fast to be seen");
    }
    Some((compiler, found?))
}

#[test]
fn an_emulator_does_not_outlive_a_killed_compiler() {
    let dir = tempfile::tempdir().unwrap();
    let Some((mut compiler, emulator)) = emulating(dir.path()) else { return };
    // Stopped, so that it cannot end by itself.
    kill("STOP", emulator);
    compiler.kill().unwrap();
    compiler.wait().unwrap();
    until("the emulator's end", || !alive(emulator));
}

#[test]
fn an_emulator_that_is_killed_is_not_the_code_s_fault() {
    let dir = tempfile::tempdir().unwrap();
    let Some((compiler, emulator)) = emulating(dir.path()) else { return };
    kill("STOP", emulator);
    kill("KILL", emulator);
    let out = compiler.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).starts_with("error[E506]") && text(&out).contains("SIGKILL"), "{}", text(&out));
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    if let Some(e) = mcompc_emu::missing("aarch64") {
        return not_run(&format!("aarch64: {e}"));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut compiler = command(dir.path(), Path::new("out")).env("MCOMPC_TEST_FAULT", "hang").spawn().unwrap();
    // A stopped process group takes the time that is given for cleaning up.
    kill("STOP", back_end(&compiler));
    let start = Instant::now();
    kill("INT", compiler.id());
    std::thread::sleep(Duration::from_millis(100));
    kill("INT", compiler.id());
    assert_eq!(compiler.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
}

#[test]
fn a_job_that_ignores_a_signal_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut c = command(dir.path(), Path::new("out"));
    let line: Vec<String> = std::iter::once(c.get_program()).chain(c.get_args()).map(|a| format!("'{}'", a.to_str().unwrap())).collect();
    c = Command::new("sh");
    c.args(["-c", &format!("trap '' HUP; exec {}", line.join(" "))]).current_dir(dir.path()).stderr(Stdio::piped());
    let compiler = c.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    kill("HUP", compiler.id());
    let out = compiler.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
}

/// Runs with the shell's limit on the size of files: the write that passes it fails as on a full disk.
#[test]
fn a_file_that_cannot_grow_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let c = command(dir.path(), Path::new("a/out"));
    let line: Vec<String> = std::iter::once(c.get_program()).chain(c.get_args()).map(|a| format!("'{}'", a.to_str().unwrap())).collect();
    // Units of 512 bytes, or of 1024 by some shells; the archive is larger than eight of either.
    let out = Command::new("sh")
        .args(["-c", &format!("ulimit -f 8; exec {}", line.join(" "))])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).starts_with("error[E001]") && text(&out).contains("hint: nothing was written"), "{}", text(&out));
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
}

#[test]
fn a_full_disk_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16k", "none"]).arg(&disk).output();
    if !mounted.is_ok_and(|o| o.status.success()) {
        return not_run("a small file system cannot be mounted here");
    }
    let out = command(dir.path(), &disk.join("a/out")).output().unwrap();
    let left = names(&disk);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).starts_with("error[E001]") && text(&out).contains("hint: nothing was written"), "{}", text(&out));
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn places_that_cannot_be_written_are_refused_before_any_work() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    // Not even the administrator makes folders there.
    for out in ["file", "file/out", "/proc/mcompc/out"] {
        // A model that is not there: were it read first, the error would be about it.
        let mut c = Command::new(env!("CARGO_BIN_EXE_mcompc"));
        let o = c.args(["nowhere.onnx", "-o", out]).current_dir(dir.path()).output().unwrap();
        assert_eq!(o.status.code(), Some(1), "{out}: {}", text(&o));
        assert!(text(&o).starts_with("error[E001]") && text(&o).contains("hint: give an") && !text(&o).contains("nowhere"), "{}", text(&o));
    }
    assert_eq!(names(dir.path()), [PathBuf::from("file")]);
}

/// A folder without the permission to write, as a user who is bound by permissions.
#[test]
fn a_read_only_parent_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let closed = dir.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    for (path, mode) in [(dir.path(), 0o755), (&closed, 0o555)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    // The executable's own folder may be closed to that user.
    let program = dir.path().join("mcompc");
    std::fs::copy(env!("CARGO_BIN_EXE_mcompc"), &program).unwrap();
    let mut c = Command::new(&program);
    c.args(["nowhere.onnx", "-o"]).arg(closed.join("out")).current_dir("/");
    if std::fs::write(closed.join("probe"), "").is_ok() {
        // This user writes anywhere; `nobody` does not.
        std::fs::remove_file(closed.join("probe")).unwrap();
        c.uid(65_534).gid(65_534);
    }
    let out = match c.output() {
        Ok(out) => out,
        Err(e) => return not_run(&format!("no program can be started as another user here: {e}")),
    };
    assert!(text(&out).starts_with("error[E001]: cannot write into"), "{}", text(&out));
    assert!(names(&closed).is_empty());
}

#[test]
fn a_library_in_place_is_no_failure_for_want_of_a_place_for_its_summary() {
    let dir = tempfile::tempdir().unwrap();
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let out = command(dir.path(), Path::new("out")).stdout(full()).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out));
    assert!(text(&out).contains("warning: ") && text(&out).contains("in `out`"), "{}", text(&out));
    // A tool that reads JSON is told.
    let out = command(dir.path(), Path::new("out")).arg("--json").stdout(full()).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", text(&out));
    assert!(text(&out).starts_with("error[E001]") && text(&out).contains("in `out`"), "{}", text(&out));
}

#[test]
fn results_that_nobody_takes_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_mcompc")).arg("targets").stdout(full).current_dir(dir.path()).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out).starts_with("error[E001]"), "{}", text(&out));
}
