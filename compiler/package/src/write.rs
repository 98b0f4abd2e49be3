//! The folder on disk: complete beside its place, then exchanged in one step.

use crate::File;
use mcompc_interrupt::{Folder, Parents, step};
use mcompc_ir::{Code, Error, Result};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

fn io(what: &str, path: &Path, e: &std::io::Error) -> Error {
    Error::new(Code::Io, format!("{what} `{}`: {e}", path.display()))
}

/// Parent and name of the folder; E002 for a path without a name of its own.
fn place(out: &Path) -> Result<(PathBuf, PathBuf)> {
    let name = out.file_name().ok_or_else(|| {
        Error::new(Code::Usage, format!("`{}` is no name for an output folder", out.display()))
            .hint("name a folder to create, such as out/")
    })?;
    let parent = match out.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let full = parent.join(name);
    Ok((parent, full))
}

/// Key of the report under which stands what else is at the top of the folder.
const FILES: &str = "files";

/// Names at the top of the folder, in order.
fn tops(files: &[File]) -> BTreeSet<&str> {
    files.iter().filter_map(|f| f.path.split('/').next()).collect()
}

/// The report, with the names at the top of the folder as its last entry; as it is where it is no object.
fn with_files(report: &[u8], files: &[File]) -> Vec<u8> {
    let all: Vec<String> = tops(files).into_iter().map(|n| format!("\n    {}", serde_json::Value::from(n))).collect();
    match std::str::from_utf8(report).ok().and_then(|t| t.trim_end().strip_suffix('}')) {
        Some(t) => format!("{},\n  \"{FILES}\": [{}\n  ]\n}}\n", t.trim_end(), all.join(",")).into_bytes(),
        None => report.to_vec(),
    }
}

/// Whether every output had it when reports did not yet say what is in the folder.
fn usual(name: &str) -> bool {
    name.starts_with("lib") && name.ends_with(".a")
        || name.ends_with(".h")
        || matches!(name, "report.json" | "report.html" | "rust" | "cmake")
}

/// Whether the folder holds an earlier output of ours and nothing else at its top: what the report does not name is the user's (build
/// products inside `rust/` are not looked at).
fn ours(dir: &Path) -> bool {
    let report = fs::read_to_string(dir.join("report.json")).ok();
    let value: Option<serde_json::Value> = report.and_then(|t| serde_json::from_str(&t).ok());
    let Some(value) = value.filter(|v| v.get("generator").and_then(|g| g.as_str()) == Some("mcompc")) else { return false };
    let list = value.get(FILES).and_then(|l| l.as_array());
    let owns = |name: &str| list.map_or_else(|| usual(name), |l| l.iter().any(|n| n.as_str() == Some(name)));
    let Ok(entries) = fs::read_dir(dir) else { return false };
    entries.into_iter().all(|e| e.is_ok_and(|e| owns(&e.file_name().to_string_lossy())))
}

/// Checks before any work that `out` may be written: it does not exist, is empty, was written by us, or `force` is given; and that the
/// folder it is going to be in can be written to.
///
/// # Errors
/// E001 for anything that is not a folder, and where the system refuses to write there; E002 for a folder with other contents.
pub fn check_out_dir(out: &Path, force: bool) -> Result<()> {
    let (parent, full) = place(out)?;
    replaceable(out, &full, force)?;
    // The nearest folder that is there; what is missing below it is made when there is something to put in.
    let there = parent.ancestors().find(|p| p.as_os_str().is_empty() || p.exists()).filter(|p| !p.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    Folder::new_in(there).and_then(Folder::close).map_err(|e| io("cannot write into", there, &e).hint(ELSEWHERE))
}

const ELSEWHERE: &str = "give an output folder in a place that you may write to with -o";
const NO_SPACE: &str = "nothing was written; free space there, or give another output folder with -o";

fn replaceable(out: &Path, full: &Path, force: bool) -> Result<()> {
    let meta = match fs::symlink_metadata(full) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io("cannot look at", full, &e).hint(ELSEWHERE)),
        Ok(m) => m,
    };
    if !meta.is_dir() {
        return Err(
            Error::new(Code::Io, format!("`{}` is there and is not a folder", out.display())).hint("give another output folder with -o")
        );
    }
    let empty = fs::read_dir(full).map_err(|e| io("cannot read", full, &e))?.next().is_none();
    if empty || force || ours(full) {
        return Ok(());
    }
    Err(Error::new(Code::Usage, format!("`{}` holds files that mcompc did not write", out.display()))
        .hint("give another folder with -o, or --force to replace this one with everything in it"))
}

/// Where the earlier output waits between two renames: beside its place and under a name that no later run sweeps away.
fn aside(full: &Path) -> PathBuf {
    let mut name = full.file_name().unwrap_or_default().to_owned();
    name.push(".earlier");
    full.with_file_name(name)
}

/// Swaps two folders in one step where the system can; else in two, between which the earlier one waits at `spare`, and stays there where
/// it cannot be brought back.
fn exchange(new: &Path, full: &Path, spare: &Path) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, full, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    two_renames(new, full, spare)
}

fn two_renames(new: &Path, full: &Path, spare: &Path) -> std::io::Result<()> {
    let other = |what: String| std::io::Error::other(what);
    if spare.symlink_metadata().is_ok() {
        return Err(other(format!("`{}` is in the way, an earlier output that was not brought back", spare.display())));
    }
    fs::rename(full, spare)?;
    if let Err(e) = fs::rename(new, full) {
        return Err(match fs::rename(spare, full) {
            Ok(()) => e,
            Err(back) => other(format!("{e}; the earlier output is at `{}` now ({back})", spare.display())),
        });
    }
    // The earlier output goes the way that a swapped one goes.
    fs::rename(spare, new)
}

/// Writes one file through to the disk: some systems tell only then that it is full.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let done = step(|| {
        path.parent().map(fs::create_dir_all).transpose()?;
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    });
    done.map_err(|e| io("cannot write", path, &e).hint(NO_SPACE))
}

/// Writes all files into a fresh folder beside `out` and moves it into place; an earlier folder is replaced as a whole or stays
/// as it is. The report also gets a list of what is at the top of the folder.
///
/// # Errors
/// As [`check_out_dir`], and E001 when the disk refuses; nothing is left behind then.
pub fn write_dir(out: &Path, files: &[File], force: bool) -> Result<()> {
    let (parent, full) = place(out)?;
    replaceable(out, &full, force)?;
    let parents = Parents::make(&parent).map_err(|e| io("cannot create", &parent, &e).hint(ELSEWHERE))?;
    let temp = Folder::new_in(&parent).map_err(|e| io("cannot write into", &parent, &e).hint(ELSEWHERE))?;
    // The temporary folder itself is private to the user; the one moved out of it has the user's usual permissions.
    let new = temp.path().join("new");
    for f in files {
        let path = new.join(&f.path);
        if f.path == "report.json" { write(&path, &with_files(&f.bytes, files))? } else { write(&path, &f.bytes)? }
    }
    let moved = step(|| if full.exists() { exchange(&new, &full, &aside(&full)) } else { fs::rename(&new, &full) });
    moved.map_err(|e| io("cannot move the output into place at", &full, &e).hint(ELSEWHERE))?;
    parents.keep();
    let spare = temp.path().to_path_buf();
    temp.close().map_err(|e| io("the output is in place, but the earlier one could not be removed from", &spare, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(path: &Path, text: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("f"), text).unwrap();
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path.join("f")).unwrap()
    }

    #[test]
    fn two_renames_never_lose_the_earlier_output() {
        let dir = tempfile::tempdir().unwrap();
        let (new, full) = (dir.path().join("new"), dir.path().join("out"));
        folder(&new, "new");
        folder(&full, "old");
        two_renames(&new, &full, &aside(&full)).unwrap();
        assert_eq!((read(&full), read(&new), aside(&full).exists()), ("new".into(), "old".into(), false));
        // The second rename fails: the earlier output is back.
        assert!(two_renames(&dir.path().join("missing"), &full, &aside(&full)).is_err());
        assert_eq!((read(&full), aside(&full).exists()), ("new".into(), false));
        // What an interrupted run left is not overwritten.
        folder(&aside(&full), "kept");
        let e = two_renames(&new, &full, &aside(&full)).unwrap_err();
        assert!(e.to_string().contains("out.earlier"), "{e}");
        assert_eq!((read(&full), read(&aside(&full))), ("new".into(), "kept".into()));
    }
}
