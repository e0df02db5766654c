use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result, fs};

/// Writes a file whole: after a crash at any moment its content is the old or the new, never a
/// part or a mixture.
///
/// The bytes go to a temporary file in the same directory, which is synced, renamed onto `path`,
/// and the directory is synced. Permissions are those of any new file under the umask. A symbolic
/// link at `path` is replaced, not followed. The directory must exist.
///
/// # Errors
/// [`Error::Io`] with the operation that failed; the temporary file is removed then. Where the last
/// sync of the directory fails, the new content is in place but may not survive a power cut.
pub fn durable_write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut staged = Staged::create(path)?;
    staged.fill(bytes)?;
    staged.commit()
}

/// A file that is written beside its target and put in place whole by [`Staged::commit`]; dropped
/// without it, nothing remains.
///
/// For content that comes in pieces, such as a download. Writes are not buffered.
///
/// ```
/// use std::io::Write;
/// let directory = tempfile::tempdir()?;
/// let target = directory.path().join("data.bin");
///
/// let mut staged = atelier_store::Staged::create(&target)?;
/// staged.write_all(b"piece by piece")?;
/// assert!(!target.exists());
/// staged.commit()?;
/// assert_eq!(std::fs::read(&target)?, b"piece by piece");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Staged {
    file: fs::File,
    target: PathBuf,
    /// Whether nothing is left under the temporary name.
    gone: bool,
}

impl Staged {
    /// Opens a new temporary file in the directory of `target`, which must exist.
    ///
    /// # Errors
    /// [`Error::Io`] if no file can be made there.
    pub fn create(target: &Path) -> Result<Self> {
        let random = RandomState::new();
        Self::create_as(target, (0..64_u32).map(|attempt| random.hash_one(attempt)))
    }

    fn create_as(target: &Path, numbers: impl Iterator<Item = u64>) -> Result<Self> {
        let mut taken = None;
        for number in numbers {
            match fs::File::create_new(&fs::parent(target).join(temporary_name(number))) {
                Ok(file) => {
                    return Ok(Self { file, target: target.to_path_buf(), gone: false });
                }
                Err(error) if error.is(ErrorKind::AlreadyExists) => taken = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(taken.unwrap_or_else(|| Error::io(target, "create", ErrorKind::AlreadyExists.into())))
    }

    /// Where the bytes lie until they are put in place.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        self.file.path()
    }

    /// Makes `bytes` the content.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(0, bytes)
    }

    /// Makes the content so far durable, under the temporary name.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.file.sync()
    }

    /// Removes the bytes and says where that fails; they are tried once more when the value is dropped.
    pub(crate) fn discard(mut self) -> Result<()> {
        fs::remove_file(self.file.path())?;
        self.gone = true;
        Ok(())
    }

    /// Syncs the bytes, puts them in place of whatever was at the target, and syncs the directory.
    ///
    /// # Errors
    /// As [`durable_write`].
    pub fn commit(mut self) -> Result<()> {
        self.sync()?;
        fs::rename(self.file.path(), &self.target)?;
        self.gone = true;
        fs::sync_dir(fs::parent(&self.target))
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.gone {
            // Whoever drops it has an error to tell already, or nothing to say.
            let _ = fs::remove_file(self.file.path());
        }
    }
}

const PREFIX: &str = ".atelier-";
const SUFFIX: &str = ".tmp";

fn temporary_name(number: u64) -> String {
    format!("{PREFIX}{number:016x}{SUFFIX}")
}

/// Removes the temporary files that a killed process left in `directory`. Only for a directory that
/// nobody else is writing to: hold its [`Lock`](crate::Lock).
///
/// # Errors
/// [`Error::Io`] if the directory cannot be read, or a file not removed.
pub fn remove_leftovers(directory: &Path) -> Result<()> {
    for name in fs::names(directory)? {
        if is_temporary(&name) {
            fs::remove_file(&directory.join(name))?;
        }
    }
    Ok(())
}

/// Whether `name` is that of a temporary file of ours.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_temporary_name_is_not_followed() {
        let directory = tempfile::tempdir().expect("directory");
        let (target, victim) = (directory.path().join("target"), directory.path().join("victim"));
        std::fs::write(&victim, "precious").expect("victim");
        let trap = directory.path().join(temporary_name(1));
        std::os::unix::fs::symlink(&victim, &trap).expect("link");
        let dangling = directory.path().join(temporary_name(2));
        std::os::unix::fs::symlink(directory.path().join("nowhere"), &dangling).expect("link");

        let mut staged = Staged::create_as(&target, [1, 2, 3].into_iter()).expect("third name");
        assert_eq!(staged.temporary_path(), directory.path().join(temporary_name(3)));
        staged.write_all(b"new").expect("write");
        staged.commit().expect("commit");

        assert_eq!(std::fs::read_to_string(&victim).expect("victim"), "precious");
        assert_eq!(std::fs::read_to_string(&target).expect("target"), "new");
        assert!(trap.is_symlink() && dangling.is_symlink());
        assert!(!directory.path().join("nowhere").exists());
    }

    #[test]
    fn bytes_that_cannot_be_removed_are_told() {
        let directory = tempfile::tempdir().expect("directory");
        let staged = Staged::create(&directory.path().join("target")).expect("file");
        let temporary = staged.temporary_path().to_path_buf();
        std::fs::remove_file(&temporary).expect("gone");
        std::fs::create_dir(&temporary).expect("no file any more");
        let error = staged.discard().expect_err("a directory").to_string();
        assert!(error.contains("remove") && error.contains(PREFIX), "{error}");
    }

    #[test]
    fn names_that_are_all_taken_are_an_error_and_stay_untouched() {
        let directory = tempfile::tempdir().expect("directory");
        let taken = directory.path().join(temporary_name(7));
        std::fs::write(&taken, "somebody's").expect("file");
        let error = Staged::create_as(&directory.path().join("target"), [7, 7].into_iter())
            .expect_err("taken");
        assert!(error.is(ErrorKind::AlreadyExists), "{error}");
        assert_eq!(std::fs::read_to_string(&taken).expect("file"), "somebody's");
    }

    #[test]
    fn leftovers_of_a_killed_process_are_removed_and_nothing_else() {
        let directory = tempfile::tempdir().expect("directory");
        for name in [temporary_name(1), ".atelier-notes".into(), "a.tmp".into(), ".lock".into()] {
            std::fs::write(directory.path().join(name), "").expect("file");
        }
        remove_leftovers(directory.path()).expect("sweep");
        assert_eq!(
            fs::names(directory.path()).expect("names"),
            [".atelier-notes", ".lock", "a.tmp"]
        );
    }
}
