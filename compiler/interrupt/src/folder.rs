//! Temporary folders, and folders made on the way to the output.

use crate::{Undo, list};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Names of temporary folders: this and [`RANDOM`] letters and digits.
const PREFIX: &str = ".mcompc-";
const RANDOM: usize = 12;

/// A temporary folder, readable by its owner only. It goes with this value, at a signal, or, where a process was killed, when the next
/// one makes a folder in the same place.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    id: u64,
    /// Locked while the process lives, where the system locks folders.
    _alive: Option<File>,
}

impl Folder {
    /// In the system's place for such folders.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new() -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir())
    }

    /// In `parent`.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new_in(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let mut list = list();
        loop {
            let path = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM).tempdir_in(parent)?.keep();
            // Another process may take the folder for a dead one's until it is locked.
            let alive = match File::open(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(_) => None,
                Ok(file) => match file.try_lock() {
                    Err(TryLockError::WouldBlock) => continue,
                    Err(TryLockError::Error(_)) => None,
                    Ok(()) if !path.exists() => continue,
                    Ok(()) => Some(file),
                },
            };
            let id = list.add(Undo::Folder(path.clone()));
            return Ok(Self { path, id, _alive: alive });
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it now.
    ///
    /// # Errors
    /// Those of the system; what could not be removed is still there.
    pub fn close(self) -> io::Result<()> {
        self.remove()
    }

    fn remove(&self) -> io::Result<()> {
        let mut list = list();
        let removed = match fs::remove_dir_all(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            r => r,
        };
        list.take(self.id);
        removed
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = self.remove();
    }
}

fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| rest.len() == RANDOM && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Removes folders of processes that were killed. A living process holds its folder's lock.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(is_ours) || !entry.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            // Another's folder that cannot be removed is not this run's concern.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The folders that were missing on the way to a place. Unless they are kept, those that are empty go again.
#[derive(Debug, Default)]
pub struct Parents {
    /// The outermost first.
    made: Vec<(u64, PathBuf)>,
}

impl Parents {
    /// Makes `path` and whatever of its ancestors is missing.
    ///
    /// # Errors
    /// Those of the system; nothing is made then.
    pub fn make(path: &Path) -> io::Result<Self> {
        let missing: Vec<&Path> = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
        let mut parents = Self::default();
        for path in missing.into_iter().rev() {
            let mut list = list();
            match fs::create_dir(path) {
                // Made by another process meanwhile.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => continue,
                r => r?,
            }
            parents.made.push((list.add(Undo::Empty(path.to_path_buf())), path.to_path_buf()));
        }
        Ok(parents)
    }

    /// Leaves them in place.
    pub fn keep(mut self) {
        let mut list = list();
        for (id, _) in self.made.drain(..) {
            list.take(id);
        }
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        let mut list = list();
        for (id, path) in self.made.drain(..).rev() {
            // Another process may use it by now.
            let _ = fs::remove_dir(path);
            list.take(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(d: &Path) -> Vec<String> {
        fs::read_dir(d).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let place = tempfile::tempdir().unwrap();
        let alive = Folder::new_in(place.path()).unwrap();
        let (dead, other) = (place.path().join(".mcompc-abcDEF012345"), place.path().join(".mcompc-notes"));
        fs::create_dir_all(dead.join("new/rust")).unwrap();
        fs::write(dead.join("new/rust/lib.rs"), "half").unwrap();
        fs::create_dir(&other).unwrap();
        let second = Folder::new_in(place.path()).unwrap();
        assert!(alive.path().exists() && second.path().exists() && other.exists() && !dead.exists(), "{:?}", names(place.path()));
        drop(alive);
        second.close().unwrap();
        assert_eq!(names(place.path()), [".mcompc-notes"]);
    }

    #[test]
    fn parents_go_unless_they_are_kept_or_used() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b/c");
        drop(Parents::make(&deep).unwrap());
        assert!(names(place.path()).is_empty());
        let parents = Parents::make(&deep).unwrap();
        fs::write(place.path().join("a/b/used"), "").unwrap();
        drop(parents);
        assert!(place.path().join("a/b").exists() && !deep.exists());
        Parents::make(&deep).unwrap().keep();
        assert!(deep.exists());
        fs::write(place.path().join("file"), "").unwrap();
        assert!(Parents::make(&place.path().join("file/x")).is_err());
    }
}
