use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::run_dir::MANIFEST;
use crate::{Error, Lock, Manifest, Result, RunDir, Status, fs};

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
/// As [`newest_run`]; [`Error::Io`](crate::Error::Io) if a lock or the checkpoints of a run cannot be read.
pub fn newest_interrupted(root: &Path, verb: &str, verbs: &[&str]) -> Result<Option<RunSummary>> {
    newest_run(root, verb, verbs, |run, manifest| {
        let unfinished = match manifest.status {
            Status::Interrupted | Status::Running => true,
            Status::Failed => !manifest.diverged && has_checkpoint(run)?,
            Status::Complete => false,
        };
        Ok(unfinished && !Lock::is_held(run)?)
    })
}

/// The newest run of a verb that is `wanted`, by its directory and its manifest; `verbs` are all that there are.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if the directory cannot be read; what `wanted` gives. The error of a manifest that
/// cannot be read or is damaged and that may be the newest: an older run is not taken for it. It is none where its
/// directory has a number of another one of the verbs, such as `tune-0003`; nor where the run that is found has a larger
/// number, or one of them has none, and the manifest that is found was changed later. A manifest of another schema
/// version is passed over.
pub fn newest_run(
    root: &Path,
    verb: &str,
    verbs: &[&str],
    wanted: impl Fn(&Path, &Manifest) -> Result<bool>,
) -> Result<Option<RunSummary>> {
    let mut found = None;
    let mut unusable = Vec::new();
    for run in list_runs(root)?.into_iter().rev() {
        match &run.manifest {
            Err(Error::Schema { .. }) => {}
            Err(_) => unusable.push(run),
            Ok(manifest) => {
                if found.is_none() && manifest.verb == verb && wanted(&run.path, manifest)? {
                    found = Some(run);
                }
            }
        }
    }
    for run in unusable {
        let newer = found.as_ref().is_none_or(|found| may_be_newer(&run, found, verb));
        if newer && may_be_of(&run.name, verb, verbs) {
            return run.manifest.map(|_| None);
        }
    }
    Ok(found)
}

/// The verb and the number in a name such as `train-0007`.
fn numbered(name: &str) -> Option<(&str, u64)> {
    let (verb, number) = name.rsplit_once('-')?;
    let digits = number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((verb, number.parse().ok().filter(|_| digits)?))
}

/// Whether a directory of this name may hold a run of the verb.
fn may_be_of(name: &str, verb: &str, verbs: &[&str]) -> bool {
    numbered(name).is_none_or(|(of, _)| of == verb || !verbs.contains(&of))
}

/// Whether a run whose manifest cannot be used may have begun after the other.
fn may_be_newer(run: &RunSummary, other: &RunSummary, verb: &str) -> bool {
    let number = |run: &RunSummary| {
        numbered(&run.name).filter(|(of, _)| *of == verb).map(|(_, number)| number)
    };
    if let (Some(run), Some(other)) = (number(run), number(other)) {
        return run > other;
    }
    let changed =
        |run: &RunSummary| run.path.join(MANIFEST).metadata().and_then(|of| of.modified());
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
