use std::path::Path;

use crate::{Error, Result, Staged};

/// Finds out whether `directory` can take `bytes` more bytes, before hours of work depend on it: a
/// small file is written there, synced and removed, and the free space is compared (on Unix; other
/// systems are not asked).
///
/// # Errors
/// [`Error::Io`] if the directory is missing, read-only or not permitted, or if files there cannot be
/// removed again; [`Error::NoSpace`] if the file system has less room.
pub fn probe(directory: &Path, bytes: u64) -> Result<()> {
    let mut staged = Staged::create(&directory.join("probe"))?;
    staged.fill(&[0; 4096])?;
    staged.sync()?;
    staged.discard()?;

    let available = available(directory)?;
    if available < bytes {
        let path = directory.to_path_buf();
        return Err(Error::NoSpace { path, needed: bytes, available });
    }
    Ok(())
}

/// How many bytes this user may still write to the file system of `directory`.
#[cfg(unix)]
fn available(directory: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(directory)
        .map_err(|errno| Error::io(directory, "measure the free space of", errno.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the signature of the other systems")]
fn available(_directory: &Path) -> Result<u64> {
    Ok(u64::MAX)
}
