use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::run_dir::MANIFEST;
use crate::{Lock, Manifest, Result, RunDir, Status, fs};

/// A run as it is listed.
#[derive(Debug)]
#[non_exhaustive]
pub struct RunSummary {
    /// The name of its directory.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// Its manifest, or why it cannot be used.
    pub manifest: Result<Manifest>,
}

/// The runs below `root`, by the time they started, then by name; those whose manifest cannot be
/// used come first. Nothing is locked. Directories without a manifest are not runs.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if the directory cannot be read; one that is missing holds no
/// runs.
pub fn list_runs(root: &Path) -> Result<Vec<RunSummary>> {
    let names = match fs::names(root) {
        Err(error) if error.is(ErrorKind::NotFound) => return Ok(Vec::new()),
        names => names?,
    };
    let mut runs = Vec::new();
    for name in names {
        let path = root.join(&name);
        if path.join(MANIFEST).is_file() {
            let manifest = Manifest::read(&path.join(MANIFEST));
            runs.push(RunSummary { name, path, manifest });
        }
    }
    // The sort is stable and the names are in order already.
    runs.sort_by_cached_key(|run| run.manifest.as_ref().ok().map(|m| m.started.clone()));
    Ok(runs)
}

/// The newest run of a verb that can be taken up: it was interrupted; or it says that it runs while
/// nobody holds its lock, because it was killed; or it failed with a checkpoint and without
/// diverging, as on a full disk.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if the directory or a lock cannot be read. The error of a manifest that cannot be
/// used, unless its directory has the number of another verb's run, or the manifest was last changed before that of the
/// run that is found: an older run is not taken for the newest.
pub fn newest_interrupted(root: &Path, verb: &str) -> Result<Option<RunSummary>> {
    let mut unusable = list_runs(root)?;
    let first_usable = unusable.iter().position(|run| run.manifest.is_ok());
    let usable = unusable.split_off(first_usable.unwrap_or(unusable.len()));
    let found = newest_of(usable, verb)?;
    for run in unusable {
        let newer = found.as_ref().is_none_or(|found| may_be_newer(&run.path, &found.path));
        if newer && may_be_of(&run.name, verb) {
            return run.manifest.map(|_| None);
        }
    }
    Ok(found)
}

/// The newest of these runs, all with a manifest and in order of time, that can be taken up.
fn newest_of(runs: Vec<RunSummary>, verb: &str) -> Result<Option<RunSummary>> {
    for run in runs.into_iter().rev() {
        let manifest = match &run.manifest {
            Ok(manifest) if manifest.verb == verb => manifest,
            _ => continue,
        };
        let unfinished = match manifest.status {
            Status::Interrupted | Status::Running => true,
            Status::Failed => !manifest.diverged && has_checkpoint(&run.path)?,
            Status::Complete => false,
        };
        if unfinished && !Lock::is_held(&run.path)? {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// Whether a directory of this name may hold a run of the verb: it has the verb's number, or no verb's.
fn may_be_of(name: &str, verb: &str) -> bool {
    match name.rsplit_once('-') {
        Some((of, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => of == verb,
        _ => true,
    }
}

/// Whether the manifest in one directory may have been written after that in the other.
fn may_be_newer(run: &Path, other: &Path) -> bool {
    let changed = |run: &Path| run.join(MANIFEST).metadata().and_then(|file| file.modified());
    match (changed(run), changed(other)) {
        (Ok(run), Ok(other)) => run >= other,
        _ => true,
    }
}

/// Whether a run, or a run directly inside it, has a checkpoint to go on from.
fn has_checkpoint(run: &Path) -> Result<bool> {
    let saved = |run: &Path| -> Result<bool> {
        let own = RunDir::checkpoints_in(run);
        Ok(run.is_dir() && !own.steps()?.is_empty())
    };
    if saved(run)? {
        return Ok(true);
    }
    for name in fs::names(run)? {
        if saved(&run.join(name))? {
            return Ok(true);
        }
    }
    Ok(false)
}
