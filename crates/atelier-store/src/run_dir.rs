use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::durable::remove_leftovers;
use crate::{
    AppendLog, Checkpoints, Error, Lock, Manifest, Result, SnapshotLog, durable_write, fs,
};

pub(crate) const MANIFEST: &str = "manifest.json";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const FIGURES: &str = "figures";

/// The directory of a run, locked for as long as the value lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: Lock,
}

impl RunDir {
    /// Makes the next numbered directory of a verb, such as `runs/train-0007`: its number is one
    /// more than the largest there is. `runs_root` is made where it is missing. Processes that do so
    /// at the same time get different directories.
    ///
    /// # Errors
    /// [`Error::Name`] if the verb is not a plain name; [`Error::Io`] if a directory cannot be made.
    pub fn create_numbered(runs_root: &Path, verb: &str) -> Result<Self> {
        // As one part alone: what follows a separator at the end would be put below another directory.
        if plain(verb)?.file_name() != Some(verb.as_ref()) {
            return Err(Error::Name { name: verb.to_string() });
        }
        fs::create_dir_all(runs_root)?;
        let numbers = fs::names(runs_root)?;
        let largest = numbers
            .iter()
            .filter_map(|name| name.strip_prefix(verb)?.strip_prefix('-')?.parse::<u32>().ok())
            .max();
        let mut number = largest.map_or(1, |largest| largest.saturating_add(1));
        loop {
            let path = runs_root.join(format!("{verb}-{number:04}"));
            match fs::create_dir(&path) {
                Ok(()) => return Self::locked(path),
                Err(error) if error.is(ErrorKind::AlreadyExists) && number < u32::MAX => {
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the directory `path`, and those above it where they are missing. An empty directory
    /// will do.
    ///
    /// # Errors
    /// [`Error::Exists`] if something else is there; [`Error::Locked`] if another process was
    /// faster; [`Error::Io`] if the directory cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let exists = || Error::Exists { path: path.to_path_buf() };
        fs::create_dir_all(fs::parent(path))?;
        match fs::create_dir(path) {
            Err(error) if error.is(ErrorKind::AlreadyExists) => {
                if !path.is_dir() || !is_empty(path)? {
                    return Err(exists());
                }
            }
            made => made?,
        }
        let run = Self::locked(path.to_path_buf())?;
        // Another process may have come and gone between the look and the lock.
        if is_empty(path)? { Ok(run) } else { Err(exists()) }
    }

    /// Looks whether [`RunDir::create`] would find `path` free, and makes nothing: for before work
    /// that would be in vain. Gives the directory that is there already and would hold it: `path`
    /// itself, or the nearest above.
    ///
    /// # Errors
    /// [`Error::Exists`] if something else is there; [`Error::Io`] if no directory can be above it.
    pub fn free(path: &Path) -> Result<PathBuf> {
        if path.is_dir() {
            let free = is_empty(path)?;
            let exists = || Error::Exists { path: path.to_path_buf() };
            return free.then(|| path.to_path_buf()).ok_or_else(exists);
        }
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: path.to_path_buf() });
        }
        let mut above = fs::parent(path);
        while !above.is_dir() {
            if above.symlink_metadata().is_ok() {
                let cause = ErrorKind::NotADirectory.into();
                return Err(Error::io(above, "make a directory in", cause));
            }
            above = fs::parent(above);
        }
        Ok(above.to_path_buf())
    }

    /// Opens the directory of an earlier run to take it up. Temporary files that a killed process
    /// left there are removed.
    ///
    /// # Errors
    /// [`Error::NotARun`] if there is no manifest; [`Error::Locked`] if the run is still going on;
    /// [`Error::Io`] if a symbolic link is in the place of its checkpoints or figures; as
    /// [`Manifest::read`] if the manifest cannot be used.
    pub fn open(path: &Path) -> Result<Self> {
        // Before the lock, which would leave its file in a directory that is none of ours.
        if !path.join(MANIFEST).is_file() {
            return Err(Error::NotARun { path: path.to_path_buf() });
        }
        let run = Self::locked(path.to_path_buf())?;
        run.manifest()?;
        remove_leftovers(path)?;
        for directory in [path.join(CHECKPOINTS), path.join(FIGURES)] {
            fs::refuse_link(&directory)?;
            if directory.is_dir() {
                remove_leftovers(&directory)?;
            }
        }
        Ok(run)
    }

    fn locked(path: PathBuf) -> Result<Self> {
        let lock = Lock::acquire(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file of the run; `name` may lead into a subdirectory.
    ///
    /// # Errors
    /// [`Error::Name`] if the name is empty, absolute, or contains `.` or `..` as a part.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        Ok(self.path.join(plain(name)?))
    }

    /// The directory of figures; [`RunDir::write`] makes it when the first is written.
    #[must_use]
    pub fn figures_dir(&self) -> PathBuf {
        self.path.join(FIGURES)
    }

    /// Writes a file of the run durably, such as `summary.json` or `figures/curves.png`;
    /// subdirectories are made.
    ///
    /// # Errors
    /// [`Error::Name`] as for [`RunDir::file`]; [`Error::Io`] if a subdirectory is a symbolic link;
    /// otherwise as [`durable_write`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.file(name)?;
        for directory in path.ancestors().skip(1).take_while(|above| *above != self.path) {
            fs::refuse_link(directory)?;
        }
        fs::create_dir_all(fs::parent(&path))?;
        durable_write(&path, bytes)
    }

    /// Reads the manifest.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn manifest(&self) -> Result<Manifest> {
        Manifest::read(&self.path.join(MANIFEST))
    }

    /// Writes the manifest durably.
    ///
    /// # Errors
    /// As [`Manifest::write`].
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        manifest.write(&self.path.join(MANIFEST))
    }

    /// Opens `metrics.jsonl`, or begins it.
    ///
    /// # Errors
    /// As [`AppendLog::open`].
    pub fn metrics(&self) -> Result<AppendLog> {
        AppendLog::open(&self.path.join(METRICS))
    }

    /// Opens `snapshots.npy` and `snapshots.csv`, or begins them; each snapshot has `parameters`
    /// numbers.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be opened, read or cut; [`Error::Format`] if the snapshots
    /// there are have another number of parameters, or are truncated.
    pub fn snapshots(&self, parameters: usize) -> Result<SnapshotLog> {
        SnapshotLog::open(&self.path, parameters)
    }

    /// The checkpoints of the run.
    #[must_use]
    pub fn checkpoints(&self) -> Checkpoints {
        Self::checkpoints_in(&self.path)
    }

    /// The checkpoints of the run in `path`, to look at without its lock.
    #[must_use]
    pub fn checkpoints_in(path: &Path) -> Checkpoints {
        Checkpoints::new(path.join(CHECKPOINTS))
    }
}

/// Whether a directory holds nothing but perhaps a lock file: a process that was killed before it
/// wrote its manifest leaves that.
fn is_empty(directory: &Path) -> Result<bool> {
    Ok(fs::names(directory)?.iter().all(|name| Lock::is_file(name)))
}

/// A name as a path that stays below where it is joined.
fn plain(name: &str) -> Result<&Path> {
    let path = Path::new(name);
    let mut parts = path.components().peekable();
    if parts.peek().is_none() || !parts.all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::Name { name: name.to_string() });
    }
    Ok(path)
}
