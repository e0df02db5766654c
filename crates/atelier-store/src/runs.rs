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
/// [`Error::Io`](crate::Error::Io) if the directory or a lock cannot be read.
pub fn newest_interrupted(root: &Path, verb: &str) -> Result<Option<RunSummary>> {
    for run in list_runs(root)?.into_iter().rev() {
        let Ok(manifest) = &run.manifest else { continue };
        let unfinished = match manifest.status {
            Status::Interrupted | Status::Running => true,
            Status::Failed => !manifest.diverged && has_checkpoint(&run.path),
            Status::Complete => false,
        };
        if manifest.verb == verb && unfinished && !Lock::is_held(&run.path)? {
            return Ok(Some(run));
        }
    }
    Ok(None)
}

/// Whether a run, or a run directly inside it, has a checkpoint to go on from. What cannot be read
/// is none.
fn has_checkpoint(run: &Path) -> bool {
    let saved = |run: &Path| {
        let steps = RunDir::checkpoints_in(run).steps();
        steps.is_ok_and(|steps| !steps.is_empty())
    };
    let inside = fs::names(run).unwrap_or_default();
    saved(run) || inside.into_iter().any(|name| saved(&run.join(name)))
}
