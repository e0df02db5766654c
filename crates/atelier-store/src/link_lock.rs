use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::presence::{Presence, unique_name};
use crate::{Result, fs};

/// The lock of a log that several programs append to: a symbolic link `<log>.lock`, which only one
/// of them can make.
///
/// It is the protocol of Optuna's journals. A lock whose file stands still for [`GRACE`] is taken
/// over; the link is released by renaming and then removing it. Ours leads to the holder's
/// [`Presence`], so that a holder that was killed is recognised at once.
pub(crate) struct LinkLock<'a> {
    link: &'a Path,
    target: PathBuf,
}

/// A lock that stands still for so long is taken over, whoever holds it.
const GRACE: Duration = Duration::from_secs(30);
/// The first wait for a lock; each one after is twice as long, up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LAST_WAIT: Duration = Duration::from_millis(128);
/// Who removes another's lock holds the advisory lock of this file, so that two do not remove one
/// after the other, the second one the first's own.
const GUARD: &str = "take-over";
/// How the name of a lock ends while it is being removed.
const ASIDE: &str = ".rename";

impl<'a> LinkLock<'a> {
    /// Waits for the lock.
    pub fn acquire(link: &'a Path, own: &Presence, directory: &Path) -> Result<Self> {
        let target = own.path();
        let mut wait = FIRST_WAIT;
        let mut watched = (state(link), Instant::now());
        loop {
            match fs::make_link(&target, link) {
                Ok(()) => {
                    own.stir();
                    return Ok(Self { link, target });
                }
                // Its removal failed when it was held the last time.
                Err(error) if error.is(ErrorKind::AlreadyExists) && leads_to(link, &target) => {
                    own.stir();
                    return Ok(Self { link, target });
                }
                Err(error) if error.is(ErrorKind::AlreadyExists) => {}
                Err(error) => return Err(error),
            }
            let now = state(link);
            if now != watched.0 {
                watched = (now, Instant::now());
            } else if watched.1.elapsed() > GRACE || holder_is_gone(link, directory)? {
                let stood_still = watched.1.elapsed() > GRACE;
                take_away(link, directory, &|| {
                    Ok(state(link) == watched.0
                        && (stood_still || holder_is_gone(link, directory)?))
                })?;
                watched = (state(link), Instant::now());
                wait = FIRST_WAIT;
                continue;
            }
            std::thread::sleep(wait);
            wait = LAST_WAIT.min(wait * 2);
        }
    }

    /// Whether the lock is still the own one. A process that was stopped for long may have lost it.
    pub fn is_held(&self) -> bool {
        if cfg!(unix) { leads_to(self.link, &self.target) } else { self.link.exists() }
    }
}

impl Drop for LinkLock<'_> {
    fn drop(&mut self) {
        if self.is_held() {
            // Where it fails, others take the lock over: its holder is gone before long.
            let _ = remove(self.link);
        }
    }
}

/// Removes the lock of another if it still is as `is_it` says.
fn take_away(link: &Path, directory: &Path, is_it: &dyn Fn() -> Result<bool>) -> Result<()> {
    let mut guard = fs::File::open_or_create(&directory.join(GUARD))?;
    if guard.try_lock(true)? && is_it()? {
        match remove(link) {
            Err(error) if !error.is(ErrorKind::NotFound) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// As the protocol asks: whoever can rename the link removes it, and nobody else.
fn remove(link: &Path) -> Result<()> {
    let mut aside = link.as_os_str().to_owned();
    aside.push(format!("{}{ASIDE}", unique_name()));
    let aside = PathBuf::from(aside);
    fs::rename(link, &aside)?;
    fs::remove_file(&aside)
}

/// What moves while a lock is in use: where it leads, and when that was changed.
fn state(link: &Path) -> (Option<PathBuf>, Option<SystemTime>) {
    let metadata = std::fs::metadata(link).or_else(|_| std::fs::symlink_metadata(link));
    (read_link(link), metadata.and_then(|metadata| metadata.modified()).ok())
}

fn leads_to(link: &Path, target: &Path) -> bool {
    read_link(link).is_some_and(|found| found == target)
}

/// Removes locks that workers were removing when they were killed.
pub(crate) fn remove_leftovers(link: &Path, directory: &Path) -> Result<()> {
    for path in set_aside(link)? {
        if holder_is_gone(&path, directory)? {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Removes what is left of a worker's own locks, whose removal failed.
pub(crate) fn release(link: &Path, own: &Presence) -> Result<()> {
    let target = own.path();
    if leads_to(link, &target) {
        remove(link)?;
    }
    for path in set_aside(link)? {
        if leads_to(&path, &target) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// The locks that are being removed.
fn set_aside(link: &Path) -> Result<Vec<PathBuf>> {
    let above = fs::parent(link);
    let lock = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names = fs::names(above)?.into_iter();
    let aside = names.filter(|name| name.starts_with(&lock) && name.ends_with(ASIDE));
    Ok(aside.map(|name| above.join(name)).collect())
}

fn read_link(link: &Path) -> Option<PathBuf> {
    std::fs::read_link(link).ok()
}

/// Whether the lock leads to the sign of a worker that is gone.
fn holder_is_gone(link: &Path, directory: &Path) -> Result<bool> {
    let Some(target) = read_link(link) else { return Ok(false) };
    match (target.parent(), target.file_name().and_then(|name| name.to_str())) {
        (Some(parent), Some(name)) if parent == directory => {
            Ok(!Presence::is_present(directory, name)?)
        }
        _ => Ok(false),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_of_many_holds_the_lock_at_a_time() {
        let home = tempfile::tempdir().expect("directory");
        let (link, directory) = (home.path().join("log.lock"), home.path().join("workers"));
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let own = Presence::announce(&directory).expect("announce");
                    for _ in 0..25 {
                        let lock = LinkLock::acquire(&link, &own, &directory).expect("lock");
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        assert!(lock.is_held());
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(!link.is_symlink());
        let left: Vec<_> = std::fs::read_dir(home.path()).expect("list").collect();
        assert!(left.len() <= 1, "{left:?}");
    }

    #[test]
    fn the_lock_of_a_worker_that_was_killed_is_taken_over_at_once() {
        let home = tempfile::tempdir().expect("directory");
        let (link, directory) = (home.path().join("log.lock"), home.path().join("workers"));
        let own = Presence::announce(&directory).expect("announce");
        std::os::unix::fs::symlink(directory.join("killed"), &link).expect("link");
        let started = Instant::now();
        let lock = LinkLock::acquire(&link, &own, &directory).expect("lock");
        assert!(started.elapsed() < GRACE);
        assert!(lock.is_held());
        drop(lock);
        assert!(!link.is_symlink());
    }

    #[test]
    fn a_lock_whose_removal_failed_is_taken_up_by_its_worker_and_swept_after_its_death() {
        let home = tempfile::tempdir().expect("directory");
        let (link, directory) = (home.path().join("log.lock"), home.path().join("workers"));
        let own = Presence::announce(&directory).expect("announce");
        std::os::unix::fs::symlink(own.path(), &link).expect("left behind");
        let started = Instant::now();
        let lock = LinkLock::acquire(&link, &own, &directory).expect("lock");
        assert!(started.elapsed() < GRACE);
        drop(lock);
        assert!(!link.is_symlink());

        let aside = home.path().join("log.lock-1.rename");
        std::os::unix::fs::symlink(own.path(), &aside).expect("being removed");
        remove_leftovers(&link, &directory).expect("sweep");
        assert!(aside.is_symlink(), "its worker is there");
        release(&link, &own).expect("release");
        assert!(!aside.is_symlink(), "its worker removes it itself");
        std::os::unix::fs::symlink(own.path(), &aside).expect("being removed");
        drop(own);
        remove_leftovers(&link, &directory).expect("sweep");
        assert!(!aside.is_symlink());
    }

    #[test]
    fn a_lock_that_was_lost_is_not_released_for_its_new_holder() {
        let home = tempfile::tempdir().expect("directory");
        let (link, directory) = (home.path().join("log.lock"), home.path().join("workers"));
        let own = Presence::announce(&directory).expect("announce");
        let lock = LinkLock::acquire(&link, &own, &directory).expect("lock");
        std::fs::remove_file(&link).expect("taken over");
        std::os::unix::fs::symlink(home.path().join("log"), &link).expect("by another");
        assert!(!lock.is_held());
        drop(lock);
        assert!(link.is_symlink());
    }
}
