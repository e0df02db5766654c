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
        fs::refuse_link(directory)?;
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

/// Removes what killed workers left; whatever cannot be removed may stay, and so does what is no sign of a worker.
fn remove_old(directory: &Path) {
    for name in fs::names(directory).unwrap_or_default() {
        let path = directory.join(&name);
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let age = metadata.modified().ok().and_then(|at| at.elapsed().ok());
        let sign = is_unique_name(&name) && metadata.is_file() && metadata.len() == 0;
        let gone = || matches!(Presence::is_present(directory, &name), Ok(false));
        if sign && age.is_some_and(|age| age > OLD) && gone() {
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

/// Whether a name is one of [`unique_name`]'s.
fn is_unique_name(name: &str) -> bool {
    let lengths = name.split('-').map(str::len);
    let digits = |byte: u8| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    lengths.eq([8, 4, 4, 4, 12]) && name.bytes().all(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_hours_old(path: &Path, content: &str) {
        std::fs::write(path, content).expect("file");
        let file = std::fs::File::options().write(true).open(path).expect("file");
        file.set_modified(SystemTime::now() - 2 * OLD).expect("time");
    }

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
        let old = home.path().join(unique_name());
        two_hours_old(&old, "");
        let _other = Presence::announce(home.path()).expect("announce");
        assert!(!old.exists());
        assert!(home.path().join("killed").exists());
    }

    #[test]
    fn what_is_no_sign_of_a_worker_stays_and_a_link_is_not_followed() {
        let home = tempfile::tempdir().expect("directory");
        let directory = home.path().join("workers");
        std::fs::create_dir(&directory).expect("directory");
        let (thesis, full) = (directory.join("thesis.tex"), directory.join(unique_name()));
        two_hours_old(&thesis, "");
        two_hours_old(&full, "precious");
        drop(Presence::announce(&directory).expect("announce"));
        assert!(thesis.exists() && full.exists());

        let (others, link) = (home.path().join("others"), home.path().join("link"));
        std::fs::create_dir(&others).expect("directory");
        two_hours_old(&others.join(unique_name()), "");
        std::os::unix::fs::symlink(&others, &link).expect("link");
        let error = Presence::announce(&link).expect_err("a link").to_string();
        assert!(error.contains("symbolic link"), "{error}");
        assert_eq!(fs::names(&others).expect("names").len(), 1);
    }

    #[test]
    fn names_are_random_uuids() {
        let (a, b) = (unique_name(), unique_name());
        assert_ne!(a, b);
        for name in [a, b] {
            assert_eq!(name.len(), 36);
            assert!(is_unique_name(&name), "{name}");
            assert_eq!(name.as_bytes()[14], b'4');
            assert!(b"89ab".contains(&name.as_bytes()[19]));
        }
    }
}
