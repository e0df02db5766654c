//! Every touch of the file system goes through here: this is the one place to watch, and the one
//! place where a test can make the Nth operation fail (see [`Fault`](crate::Fault)).

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result, faults, unsynced};

/// An open file that knows its path, so that its errors can name it.
#[derive(Debug)]
pub(crate) struct File {
    inner: std::fs::File,
    path: PathBuf,
    writable: bool,
}

impl File {
    fn open(options: &OpenOptions, path: &Path, operation: &'static str) -> Result<Self> {
        let inner = options.open(path).map_err(|cause| Error::io(path, operation, cause))?;
        Ok(Self { inner, path: path.to_path_buf(), writable: false })
    }

    /// A file that is going to be written.
    fn made(path: &Path, open: impl FnOnce() -> Result<Self>) -> Result<Self> {
        let failed = |cause| Error::io(path, "create", cause);
        faults::whole("create", path, || Ok(())).map_err(failed)?;
        unsynced::making(path);
        let mut file = open()?;
        file.writable = true;
        Ok(file)
    }

    /// As [`Self::open`], for a file that is ours alone: a link in its place is not followed, and
    /// what is not a regular file is refused without waiting for it.
    fn open_own(options: &mut OpenOptions, path: &Path) -> Result<Self> {
        if path.is_symlink() {
            return Err(Error::io(path, "open", refused("a symbolic link, which is not followed")));
        }
        // The look above is for the message; this holds even if a link is put there meanwhile.
        let file = Self::open(flagged(options, true), path, "open")?;
        file.regular("open")?;
        Ok(file)
    }

    /// Makes a file that was not there. Neither a file nor a link that lies there is followed.
    pub fn create_new(path: &Path) -> Result<Self> {
        Self::made(path, || {
            Self::open(OpenOptions::new().write(true).create_new(true), path, "create")
        })
    }

    /// Opens a file to read and write, keeps what it holds, makes it if need be.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        Self::made(path, || Self::open_own(&mut options, path))
    }

    /// Opens a file of ours to read.
    pub fn open_to_read(path: &Path) -> Result<Self> {
        Self::open_own(OpenOptions::new().read(true), path)
    }

    fn regular(&self, operation: &'static str) -> Result<()> {
        let failed = |cause| Error::io(&self.path, operation, cause);
        if self.inner.metadata().map_err(failed)?.is_file() {
            return Ok(());
        }
        Err(failed(refused("not a regular file")))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn len(&self) -> Result<u64> {
        let metadata =
            self.inner.metadata().map_err(|cause| Error::io(&self.path, "examine", cause))?;
        Ok(metadata.len())
    }

    pub fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.inner
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.write_all(bytes))
            .map_err(|cause| Error::io(&self.path, "write", cause))
    }

    pub fn read_exact_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let mut file = &self.inner;
        let read = || file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(bytes));
        faults::whole("read", &self.path, read)
            .map_err(|cause| Error::io(&self.path, "read", cause))
    }

    /// At most `limit` bytes from the current position on.
    pub fn read_up_to(&mut self, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = || (&self.inner).take(limit).read_to_end(&mut bytes);
        faults::whole("read", &self.path, read)
            .map_err(|cause| Error::io(&self.path, "read", cause))?;
        Ok(bytes)
    }

    pub fn set_len(&mut self, len: u64) -> Result<()> {
        let cut = || {
            unsynced::changing(&self.path);
            self.inner.set_len(len)
        };
        faults::whole("truncate", &self.path, cut)
            .map_err(|cause| Error::io(&self.path, "truncate", cause))
    }

    pub fn sync(&mut self) -> Result<()> {
        let sync = || self.inner.sync_all().map(|()| unsynced::content_is_safe(&self.path));
        faults::whole("sync", &self.path, sync)
            .map_err(|cause| Error::io(&self.path, "sync", cause))
    }

    /// Takes the advisory lock, exclusive or shared, until the file is closed; false if it
    /// conflicts with somebody else's.
    pub fn try_lock(&mut self, exclusive: bool) -> Result<bool> {
        faults::whole("lock", &self.path, || Ok(()))
            .map_err(|cause| Error::io(&self.path, "lock", cause))?;
        let taken = if exclusive { self.inner.try_lock() } else { self.inner.try_lock_shared() };
        match taken {
            Ok(()) => Ok(true),
            Err(std::fs::TryLockError::WouldBlock) => Ok(false),
            Err(std::fs::TryLockError::Error(cause)) => Err(Error::io(&self.path, "lock", cause)),
        }
    }
}

impl Write for File {
    /// At the current position.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let put = |bytes: &[u8]| {
            unsynced::changing(&self.path);
            (&self.inner).write(bytes)
        };
        let half = &bytes[..bytes.len().div_ceil(2)];
        faults::torn("write", &self.path, || put(bytes), || put(half))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // Nobody can be told that closing failed, so whatever matters is synced before. A test can
        // have it fail, and what was not synced is lost then.
        if self.writable && faults::close_fails(&self.path) {
            unsynced::lose_content(&self.path);
        }
    }
}

/// The options with what keeps an open from waiting (a pipe would, for a writer) and, for files of
/// our own, from following a link.
#[cfg(unix)]
fn flagged(options: &mut OpenOptions, own: bool) -> &OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NONBLOCK | if own { OFlags::NOFOLLOW } else { OFlags::empty() };
    options.custom_flags(flags.bits().cast_signed())
}

#[cfg(not(unix))]
fn flagged(options: &mut OpenOptions, _own: bool) -> &OpenOptions {
    options
}

fn refused(why: impl Into<String>) -> std::io::Error {
    std::io::Error::new(ErrorKind::InvalidInput, why.into())
}

/// The whole content of a regular file of at most `limit` bytes; a symbolic link to one will do.
///
/// For files that others may have put there: a pipe would block and a device might never end, so
/// what is not a regular file is refused, and so is what is longer than it can rightly be.
///
/// # Errors
/// [`Error::Io`] if the file is not regular or longer than that, or cannot be read.
pub fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut file = File::open(flagged(OpenOptions::new().read(true), false), path, "read")?;
    file.regular("read")?;
    let too_long = || {
        let cause = refused(format!("longer than {limit} bytes, the most that such a file holds"));
        Error::io(path, "read", cause)
    };
    // Before it is read; and after, because it may grow meanwhile.
    if file.len()? > limit {
        return Err(too_long());
    }
    let bytes = file.read_up_to(limit.saturating_add(1))?;
    if bytes.len() as u64 > limit { Err(too_long()) } else { Ok(bytes) }
}

/// Three times the largest network that there can be with the state of its optimiser; or 4,000 snapshots of a
/// million parameters.
const LARGEST_OF_NUMBERS: u64 = 16 << 30;
/// Metrics of thirty million steps.
const LARGEST_TEXT: u64 = 4 << 30;

/// The whole content of a regular file of numbers.
pub(crate) fn read_numbers(path: &Path) -> Result<Vec<u8>> {
    read_regular(path, LARGEST_OF_NUMBERS)
}

/// The whole content of a regular file of text.
pub(crate) fn read_text(path: &Path) -> Result<Vec<u8>> {
    read_regular(path, LARGEST_TEXT)
}

/// Refuses a link in the place of a directory that is ours: what it leads to is somebody else's.
pub(crate) fn refuse_link(directory: &Path) -> Result<()> {
    if directory.is_symlink() {
        return Err(Error::io(
            directory,
            "use",
            refused("a symbolic link, which is not followed; put the directory itself there"),
        ));
    }
    Ok(())
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    let rename = || {
        unsynced::renaming(from, to);
        std::fs::rename(from, to)
    };
    faults::whole("rename", to, rename).map_err(|cause| Error::io(to, "put in place", cause))
}

/// Removes a file; one that is gone already is as good.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    let remove = || {
        unsynced::removing(path);
        std::fs::remove_file(path)
    };
    match faults::whole("remove", path, remove) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(Error::io(path, "remove", cause)),
        _ => Ok(()),
    }
}

/// Makes the entries of a directory durable: a new name survives a power cut only then.
pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    // Other systems than Unix cannot open a directory, and journal their names themselves.
    if cfg!(unix) {
        let sync = || {
            std::fs::File::open(path)
                .and_then(|directory| directory.sync_all())
                .map(|()| unsynced::names_are_safe(path))
        };
        match faults::whole("sync-dir", path, sync) {
            // Some network and user-space file systems cannot sync a directory and say so.
            Err(cause)
                if !matches!(cause.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) =>
            {
                return Err(Error::io(path, "sync", cause));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What tells a file or a directory from any other: its device, and its number there.
pub(crate) fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().map(|of| (of.dev(), of.ino()))
}

/// Makes one directory, durably; an error of kind `AlreadyExists` if something lies there.
pub(crate) fn create_dir(path: &Path) -> Result<()> {
    let make = || {
        unsynced::making(path);
        std::fs::create_dir(path)
    };
    faults::whole("make-dir", path, make).map_err(|cause| Error::io(path, "create", cause))?;
    sync_dir(parent(path))
}

/// Makes a directory and those above it where they are missing, durably.
///
/// # Errors
/// [`Error::Io`] if one of them cannot be made.
pub fn create_dir_all(path: &Path) -> Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    create_dir_all(parent(path))?;
    match create_dir(path) {
        Err(error) if error.is(ErrorKind::AlreadyExists) && path.is_dir() => Ok(()),
        other => other,
    }
}

/// Removes a directory with everything in it; one that is gone already is as good. A link is removed,
/// not followed.
///
/// # Errors
/// [`Error::Io`] if something in it cannot be removed; the rest may be gone then.
pub fn remove_dir_all(path: &Path) -> Result<()> {
    let whole = || {
        unsynced::removing(path);
        std::fs::remove_dir_all(path)
    };
    let half = || {
        let inside = names(path).unwrap_or_default();
        for name in &inside[..inside.len() / 2] {
            let path = path.join(name);
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
        Ok(())
    };
    match faults::torn("remove-tree", path, whole, half) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(Error::io(path, "remove", cause)),
        _ => Ok(()),
    }
}

/// Removes an empty directory.
pub(crate) fn remove_dir(path: &Path) -> Result<()> {
    let remove = || {
        unsynced::removing(path);
        std::fs::remove_dir(path)
    };
    faults::whole("remove-dir", path, remove).map_err(|cause| Error::io(path, "remove", cause))
}

/// Makes a symbolic link; an error of kind `AlreadyExists` if something lies there.
#[cfg(unix)]
pub(crate) fn make_link(target: &Path, link: &Path) -> Result<()> {
    let make = || {
        unsynced::making(link);
        std::os::unix::fs::symlink(target, link)
    };
    faults::whole("link", link, make).map_err(|cause| Error::io(link, "make", cause))
}

/// Where links need privileges, an exclusive file does, as in Optuna's other lock.
#[cfg(not(unix))]
pub(crate) fn make_link(_target: &Path, link: &Path) -> Result<()> {
    File::create_new(link).map(drop)
}

/// Changes the time of modification of a file to now.
pub(crate) fn touch(path: &Path) -> Result<()> {
    let open = || std::fs::OpenOptions::new().write(true).open(path);
    let touch = || open().and_then(|file| file.set_modified(std::time::SystemTime::now()));
    faults::whole("touch", path, touch).map_err(|cause| Error::io(path, "touch", cause))
}

/// The names in a directory, in order; names that are not UTF-8 are none of ours and left out.
pub(crate) fn names(path: &Path) -> Result<Vec<String>> {
    let mut names: Vec<String> =
        all_names(path)?.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// All names in a directory, in any order.
pub(crate) fn all_names(path: &Path) -> Result<Vec<OsString>> {
    let failed = |cause| Error::io(path, "list", cause);
    let entries = faults::whole("list", path, || std::fs::read_dir(path)).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name())).collect()
}

/// How long all files below a directory are; links are not followed.
pub(crate) fn bytes(directory: &Path) -> Result<u64> {
    let failed = |cause| Error::io(directory, "list", cause);
    let mut sum = 0;
    let entries = faults::whole("list", directory, || std::fs::read_dir(directory));
    for entry in entries.map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let metadata = entry.metadata().map_err(failed)?;
        sum += if metadata.is_dir() { bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}

/// The directory that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
