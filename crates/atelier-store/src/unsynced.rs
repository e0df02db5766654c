//! What is not on the disk yet: a power cut takes it away again, and so may a close that fails.
//!
//! Kept only in a process to which one of these is to happen. As strict as POSIX allows: content is
//! safe when its file is synced, a name when its directory is, and of the rest nothing is left.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::faults;
use crate::fs::parent;

/// In the order in which they happened.
static CHANGES: Mutex<Vec<Change>> = Mutex::new(Vec::new());

struct Change {
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    /// A file was written to or cut, which had this content.
    Content(Vec<u8>),
    /// A name was made.
    Made,
    /// A name was removed, under which this lay.
    Removed(Saved),
    /// A name was given to what had another, perhaps in place of something.
    Renamed { from: PathBuf, over: Option<Saved> },
}

/// What lay under a name.
enum Saved {
    File(Vec<u8>),
    Link(PathBuf),
    Directory(Vec<(OsString, Saved)>),
}

fn changes() -> MutexGuard<'static, Vec<Change>> {
    CHANGES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(path: &Path, kind: Kind) {
    changes().push(Change { path: path.to_path_buf(), kind });
}

/// Before a file is written to or cut.
pub(crate) fn changing(path: &Path) {
    if faults::remember() && !changes().iter().any(|change| change.has_content_of(path)) {
        // It is open, and in a test nobody else takes it away.
        note(path, Kind::Content(std::fs::read(path).unwrap_or_default()));
    }
}

/// Before a file, a directory or a link is made, if it is not there.
pub(crate) fn making(path: &Path) {
    if faults::remember() && path.symlink_metadata().is_err() {
        note(path, Kind::Made);
    }
}

/// Before a name is removed, with everything below it.
pub(crate) fn removing(path: &Path) {
    if faults::remember()
        && let Some(saved) = Saved::read(path)
    {
        note(path, Kind::Removed(saved));
    }
}

/// Before a rename.
pub(crate) fn renaming(from: &Path, to: &Path) {
    if faults::remember() {
        note(to, Kind::Renamed { from: from.to_path_buf(), over: Saved::read(to) });
    }
}

/// After a file was synced.
pub(crate) fn content_is_safe(path: &Path) {
    if faults::remember() {
        changes().retain(|change| !change.has_content_of(path));
    }
}

/// After a directory was synced.
pub(crate) fn names_are_safe(directory: &Path) {
    if !faults::remember() {
        return;
    }
    let mut changes = changes();
    for index in 0..changes.len() {
        let Change { path, kind: Kind::Renamed { from, .. } } = &changes[index] else { continue };
        if parent(path) == directory {
            // From now on its content would be lost under its new name.
            let (from, to) = (from.clone(), path.clone());
            for before in changes[..index].iter_mut().filter(|change| change.has_content_of(&from))
            {
                before.path.clone_from(&to);
            }
        }
    }
    changes.retain(|change| {
        matches!(change.kind, Kind::Content(_)) || parent(&change.path) != directory
    });
}

/// Undoes what was written to a file since it was synced.
pub(crate) fn lose_content(path: &Path) {
    let mut changes = changes();
    if let Some(index) = changes.iter().position(|change| change.has_content_of(path)) {
        changes.remove(index).undo();
    }
}

/// Undoes everything that is not safe, the last first.
pub(crate) fn lose_all() {
    let mut changes = changes();
    while let Some(change) = changes.pop() {
        change.undo();
    }
}

impl Change {
    fn has_content_of(&self, path: &Path) -> bool {
        matches!(self.kind, Kind::Content(_)) && self.path == path
    }

    /// What cannot be undone has not happened: a change is noted before it is tried.
    fn undo(self) {
        let path = &self.path;
        match self.kind {
            Kind::Content(before) => {
                let file = std::fs::OpenOptions::new().write(true).truncate(true).open(path);
                let _ = file.and_then(|mut file| std::io::Write::write_all(&mut file, &before));
            }
            Kind::Made => remove(path),
            Kind::Removed(saved) => saved.restore(path),
            Kind::Renamed { from, over } => {
                let happened = from.symlink_metadata().is_err();
                if happened
                    && std::fs::rename(path, from).is_ok()
                    && let Some(saved) = over
                {
                    saved.restore(path);
                }
            }
        }
    }
}

fn remove(path: &Path) {
    let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir_all(path));
}

impl Saved {
    /// `None` if nothing lies there.
    fn read(path: &Path) -> Option<Self> {
        let kind = path.symlink_metadata().ok()?.file_type();
        if kind.is_symlink() {
            return Some(Self::Link(std::fs::read_link(path).ok()?));
        }
        if !kind.is_dir() {
            return Some(Self::File(std::fs::read(path).ok()?));
        }
        let entries = std::fs::read_dir(path).ok()?.filter_map(Result::ok);
        let inside =
            entries.filter_map(|entry| Some((entry.file_name(), Self::read(&entry.path())?)));
        Some(Self::Directory(inside.collect()))
    }

    fn restore(self, path: &Path) {
        remove(path);
        match self {
            Self::File(content) => drop(std::fs::write(path, content)),
            #[cfg(unix)]
            Self::Link(target) => drop(std::os::unix::fs::symlink(target, path)),
            #[cfg(not(unix))]
            Self::Link(_) => {}
            Self::Directory(inside) => {
                let _ = std::fs::create_dir(path);
                for (name, saved) in inside {
                    saved.restore(&path.join(name));
                }
            }
        }
    }
}
