use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::{Result, fs};

/// A sign that a worker is there: a file in a directory that all workers share, locked for as long
/// as the value lives.
///
/// The operating system lets go of the lock when the process ends, however it ends, and names are
/// never used again: a file that is free or missing is the sign of a worker that is gone.
#[derive(Debug)]
pub(crate) struct Presence {
    directory: PathBuf,
    name: String,
    _file: fs::File,
}

/// Files of workers that are gone are removed when they are so old. One that was just made may not
/// be locked yet.
const OLD: Duration = Duration::from_secs(3600);

impl Presence {
    /// Puts up a sign under a new name in `directory`, which is made if need be.
    pub fn announce(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        remove_old(directory);
        let name = unique_name();
        let path = directory.join(&name);
        let mut attempts = 0;
        let mut file = loop {
            attempts += 1;
            match fs::File::create_new(&path) {
                // The last worker may be taking the empty directory away.
                Err(error) if error.is(std::io::ErrorKind::NotFound) && attempts < 5 => {
                    fs::create_dir_all(directory)?;
                }
                other => break other?,
            }
        };
        file.try_lock(true)?;
        Ok(Self { directory: directory.to_path_buf(), name, _file: file })
    }

    /// The worker's name: a random UUID.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// Changes the file's time of modification, for those who watch whether something moves.
    pub fn stir(&self) {
        // Only a courtesy to others: they wait the longer without it.
        let _ = fs::touch(&self.path());
    }

    /// Whether the worker called `name` is there.
    pub fn is_present(directory: &Path, name: &str) -> Result<bool> {
        match fs::File::open_to_read(&directory.join(name)) {
            Ok(mut file) => Ok(!file.try_lock(false)?),
            Err(error) if error.is(std::io::ErrorKind::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // Best effort: what remains says that the worker is gone, as it should.
        let _ = fs::remove_file(&self.path());
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Removes what killed workers left; whatever cannot be removed may stay.
fn remove_old(directory: &Path) {
    for name in fs::names(directory).unwrap_or_default() {
        let path = directory.join(&name);
        let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|at| at.elapsed().ok());
        let gone = || matches!(Presence::is_present(directory, &name), Ok(false));
        if age.is_some_and(|age| age > OLD) && gone() {
            let _ = fs::remove_file(&path);
        }
    }
}

/// A random UUID (version 4), from the numbers that the standard library seeds its maps with.
pub(crate) fn unique_name() -> String {
    let moment = SystemTime::now();
    let random = || u128::from(RandomState::new().hash_one((moment, std::process::id())));
    let bits = (random() << 64) | random();
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_present_until_its_value_is_dropped() {
        let home = tempfile::tempdir().expect("directory");
        let directory = home.path().join("workers");
        let one = Presence::announce(&directory).expect("announce");
        let two = Presence::announce(&directory).expect("announce");
        let name = one.name().to_string();
        assert_ne!(name, two.name());
        assert!(Presence::is_present(&directory, &name).expect("look"));
        assert!(Presence::is_present(&directory, two.name()).expect("look"));
        drop(one);
        assert!(!Presence::is_present(&directory, &name).expect("look"));
        assert!(!Presence::is_present(&directory, "nobody").expect("look"));
        drop(two);
        assert!(!directory.exists());
    }

    #[test]
    fn a_file_that_nobody_holds_is_that_of_a_worker_that_is_gone() {
        let home = tempfile::tempdir().expect("directory");
        std::fs::write(home.path().join("killed"), "").expect("file");
        assert!(!Presence::is_present(home.path(), "killed").expect("look"));
        let old = home.path().join("old");
        std::fs::write(&old, "").expect("file");
        let file = std::fs::File::options().write(true).open(&old).expect("file");
        file.set_modified(SystemTime::now() - 2 * OLD).expect("time");
        let _other = Presence::announce(home.path()).expect("announce");
        assert!(!old.exists());
        assert!(home.path().join("killed").exists());
    }

    #[test]
    fn names_are_random_uuids() {
        let (a, b) = (unique_name(), unique_name());
        assert_ne!(a, b);
        for name in [a, b] {
            assert_eq!(name.len(), 36);
            assert_eq!(name.as_bytes()[14], b'4');
            assert!(b"89ab".contains(&name.as_bytes()[19]));
        }
    }
}
