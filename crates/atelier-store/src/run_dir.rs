use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::durable::{is_temporary, remove_leftovers};
use crate::place::Place;
use crate::{
    AppendLog, Checkpoints, Error, Lock, Manifest, Result, SnapshotLog, durable_write, fs,
};

pub(crate) const MANIFEST: &str = "manifest.json";
/// What a run begins with, written before its manifest.
const CONFIG: &str = "config.toml";
const START: &str = "start.safetensors";
/// Stands in a directory until the manifest does: the files of a beginning are the run's own then, and
/// nobody put them there. Swept like a temporary file.
const BEGINS: &str = ".atelier-begins.tmp";
/// So many directories are made for one run at most.
const MOST_LOST: u32 = 100;
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const FIGURES: &str = "figures";
/// What the trials of a search keep while they run.
const TRIALS: &str = "trials";

/// The directory of a run, locked for as long as the value lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    place: Place,
    _lock: Lock,
}

impl RunDir {
    /// Makes the next numbered directory of a verb, such as `runs/train-0007`: its number is one
    /// more than the largest there is. One in which a process was killed before its run had begun is
    /// taken again. `runs_root` is made where it is missing. Processes that do so at the same time
    /// get different directories.
    ///
    /// # Errors
    /// [`Error::Name`] if the verb is not a plain name; [`Error::Io`] if a directory cannot be made.
    pub fn create_numbered(runs_root: &Path, verb: &str) -> Result<Self> {
        // As one part alone: what follows a separator at the end would be put below another directory.
        if plain(verb)?.file_name() != Some(verb.as_ref()) {
            return Err(Error::Name { name: verb.to_string() });
        }
        fs::create_dir_all(runs_root)?;
        let mut number = 1;
        for name in fs::names(runs_root)? {
            let digits = name.strip_prefix(verb).and_then(|rest| rest.strip_prefix('-'));
            let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let Some(found) = digits.and_then(|digits| digits.parse::<u32>().ok()) else {
                continue;
            };
            number = number.max(found.saturating_add(1));
            if let Some(run) = Self::take_again(runs_root.join(name)) {
                return Ok(run);
            }
        }
        let mut lost = 0;
        loop {
            let path = runs_root.join(format!("{verb}-{number:04}"));
            let made = fs::create_dir(&path);
            lost += u32::from(made.is_ok());
            match made.and_then(|()| Self::beginning(path)) {
                // Another process was faster, in making it or in taking what looked like a leftover; one that
                // is so every time is none, but something that fills each new directory.
                Err(error)
                    if number < u32::MAX
                        && lost < MOST_LOST
                        && (error.is(ErrorKind::AlreadyExists) || error.is_taken()) =>
                {
                    number += 1;
                }
                made => return made,
            }
        }
    }

    /// Takes a numbered directory in which no run has begun, if it is one and holds nothing that may
    /// be somebody's. One that cannot be looked at or taken is left alone.
    fn take_again(path: PathBuf) -> Option<Self> {
        let kept = |path: &Path| {
            let names = fs::names(path).unwrap_or_default();
            names.iter().any(|name| is_of_a_beginning(name))
        };
        let left = |path: &Path| {
            is_unbegun(path).unwrap_or(false) && (path.join(BEGINS).exists() || !kept(path))
        };
        if path.is_symlink() || !path.is_dir() || path.join(MANIFEST).exists() || !left(&path) {
            return None;
        }
        // What is there under the lock and without the mark has come from somebody meanwhile.
        Self::beginning(path).ok().filter(|run| !kept(&run.path))
    }

    /// Makes the directory `path`, and those above it where they are missing. An empty directory
    /// will do, and so will one that a process left that was killed before its run had begun;
    /// [`RunDir::begin`] looks at what it left.
    ///
    /// # Errors
    /// [`Error::Exists`] if something else is there; [`Error::Locked`] if another process was
    /// faster; [`Error::Io`] if the directory cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(fs::parent(path))?;
        match fs::create_dir(path) {
            Err(error) if error.is(ErrorKind::AlreadyExists) => {
                if !path.is_dir() || !is_unbegun(path)? {
                    return Err(Error::Exists { path: path.to_path_buf() });
                }
            }
            made => made?,
        }
        Self::beginning(path.to_path_buf())
    }

    /// Locks a directory in which no run has begun, sweeps it and marks it. With the mark, the files of a beginning
    /// are those of a process that was killed, and go as well.
    fn beginning(path: PathBuf) -> Result<Self> {
        let run = Self::locked(path)?;
        // Another process may have come and gone between the look and the lock.
        if !is_unbegun(&run.path)? {
            return Err(Error::Exists { path: run.path });
        }
        let names = fs::names(&run.path)?;
        let marked = names.iter().any(|name| name == BEGINS);
        let swept = |name: &str| {
            (is_temporary(name) && name != BEGINS) || (marked && is_of_a_beginning(name))
        };
        for name in names.iter().filter(|name| swept(name)) {
            fs::remove_file(&run.path.join(name))?;
        }
        // Without it, who wrote the files of a beginning that are there already cannot be told.
        if !marked && !names.iter().any(|name| is_of_a_beginning(name)) {
            fs::File::open_or_create(&run.path.join(BEGINS))?;
        }
        Ok(run)
    }

    /// Looks whether [`RunDir::create`] would find `path` free, and makes nothing: for before work
    /// that would be in vain. Gives the directory that is there already and would hold it: `path`
    /// itself, or the nearest above.
    ///
    /// # Errors
    /// [`Error::Exists`] if something else is there; [`Error::Io`] if no directory can be above it.
    pub fn free(path: &Path) -> Result<PathBuf> {
        if path.is_dir() {
            let free = is_unbegun(path)?;
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
    /// [`Error::Io`] if a symbolic link is in the place of its checkpoints, figures or trials; as
    /// [`Manifest::read`] if the manifest cannot be used.
    pub fn open(path: &Path) -> Result<Self> {
        // Before the lock, which would leave its file in a directory that is none of ours.
        if !path.join(MANIFEST).is_file() {
            return Err(Error::NotARun { path: path.to_path_buf() });
        }
        let run = Self::locked(path.to_path_buf())?;
        run.manifest()?;
        remove_leftovers(path)?;
        for directory in [CHECKPOINTS, FIGURES, TRIALS].map(|name| path.join(name)) {
            fs::refuse_link(&directory)?;
        }
        for name in fs::names(path)? {
            let directory = path.join(name);
            // A run within this one does so by itself, and what a link leads to is none of it.
            let ours = directory.is_dir() && !directory.is_symlink();
            if ours && !directory.join(MANIFEST).exists() {
                remove_leftovers(&directory)?;
            }
        }
        Ok(run)
    }

    fn locked(path: PathBuf) -> Result<Self> {
        let lock = Lock::acquire(&path)?;
        Ok(Self { place: Place::of(&path)?, path, _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes its files have, in all its directories: what a run that is taken up needs no
    /// room for any more.
    ///
    /// # Errors
    /// [`Error::Io`] if a directory cannot be read.
    pub fn bytes(&self) -> Result<u64> {
        fs::bytes(&self.path)
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
    /// [`Error::Name`] as for [`RunDir::file`]; [`Error::Moved`] if the run directory is no longer there;
    /// [`Error::Io`] if a subdirectory is a symbolic link; otherwise as [`durable_write`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.file(name)?;
        self.place.check()?;
        for directory in path.ancestors().skip(1).take_while(|above| *above != self.path) {
            fs::refuse_link(directory)?;
        }
        fs::create_dir_all(fs::parent(&path))?;
        durable_write(&path, bytes)
    }

    /// Begins the run: writes `config.toml`, which repeats it, `start.safetensors` where it begins
    /// from weights, and then the manifest. Without a manifest no run has begun, and
    /// [`RunDir::create`] takes the directory again. A file of these that is there already is
    /// replaced only by its like: it may be somebody's.
    ///
    /// # Errors
    /// [`Error::Kept`] with the file that is there and differs; [`Error::Io`] if the manifest is
    /// too long to be read again; otherwise as [`durable_write`].
    pub fn begin(&self, config: &str, start: Option<&[u8]>, manifest: &Manifest) -> Result<()> {
        manifest.check_length(&self.path.join(MANIFEST))?;
        let config = config.as_bytes();
        for (name, content) in [(CONFIG, Some(config)), (START, start)] {
            let path = self.path.join(name);
            if path.symlink_metadata().is_ok() {
                let same = content.map_or(Ok(false), |new| holds(&path, new))?;
                if !same {
                    return Err(Error::Kept { path });
                }
            }
        }
        self.write(CONFIG, config)?;
        start.map_or(Ok(()), |start| self.write(START, start))?;
        self.write_manifest(manifest)?;
        fs::remove_file(&self.path.join(BEGINS))?;
        // A mark that a power cut brought back would say of a user's file that it is a beginning's.
        fs::sync_dir(&self.path)
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
    /// [`Error::Moved`] if the run directory is no longer there; otherwise as [`Manifest::write`].
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        self.place.check()?;
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
        Checkpoints::of_run(&self.path.join(CHECKPOINTS), self.place.clone())
    }

    /// The checkpoints of the run in `path`, to look at without its lock.
    #[must_use]
    pub fn checkpoints_in(path: &Path) -> Checkpoints {
        Checkpoints::new(path.join(CHECKPOINTS))
    }
}

/// Whether no run has begun in a directory and nothing else is there, as far as names tell: it is
/// empty, or a process left it that was killed before its manifest was in place, with its lock file,
/// temporary files and those that a run begins with.
fn is_unbegun(directory: &Path) -> Result<bool> {
    let names = fs::all_names(directory)?;
    let Some(names) = names.iter().map(|name| name.to_str()).collect::<Option<Vec<_>>>() else {
        // We give no name that is not UTF-8.
        return Ok(false);
    };
    let locked = names.iter().any(|name| Lock::is_file(name));
    let left = |name: &str| {
        Lock::is_file(name) || is_temporary(name) || (locked && is_of_a_beginning(name))
    };
    Ok(names.iter().all(|name| left(name)) && Lock::is_ours(directory))
}

fn is_of_a_beginning(name: &str) -> bool {
    [CONFIG, START].contains(&name)
}

/// Whether this is the content of the file at `path`.
fn holds(path: &Path, content: &[u8]) -> Result<bool> {
    match fs::read_regular(path, content.len() as u64) {
        // Longer, or no regular file.
        Err(error) if error.is(ErrorKind::InvalidInput) => Ok(false),
        found => Ok(found? == content),
    }
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
