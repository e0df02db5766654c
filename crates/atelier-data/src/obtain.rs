use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use atelier_store::{Lock, Staged, create_dir_all, remove_leftovers};

use crate::download::Downloader;
use crate::files::{find_file, locate};
use crate::load::{self, Loaded, load_dir};
use crate::{Error, Event, FASHION_MNIST, FILE_NAMES, Pin, Pins, Result, SAMPLE, idx, package};

/// How often a process that waits for another looks whether that has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Where data are looked for, in this order: the data directory and the cache in it, the
/// distribution's folder, the URLs, the distribution's package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Where the user's files may lie, and where the cache is kept (in a folder of its own).
    pub data_dir: PathBuf,
    /// Whether the user named `data_dir`: it must exist then, and files in it are taken as meant:
    /// an error if they are not good or not complete. (The cache folder is never the user's; a
    /// directory without any of the files is filled.)
    pub named: bool,
    /// Take whatever well-formed data `data_dir` holds, and nothing from elsewhere.
    pub allow_unpinned: bool,
    /// Where the distribution's package installs the files.
    pub system_dir: PathBuf,
    /// Addresses that give a file when `/NAME.gz` is put after them.
    pub urls: Vec<String>,
    /// The distribution's package to fetch, if any.
    pub package: Option<String>,
    /// The data set.
    pub pins: Pins,
    /// Take the course's NPY files ([`COURSE_FILE_NAMES`](crate::COURSE_FILE_NAMES)) and no others:
    /// those in `data_dir`, or those that the URLs give when `/NAME` is put after them, which are
    /// kept in a folder of their own. With `allow_unpinned` their content need not be that of `pins`.
    pub course: bool,
}

impl Sources {
    /// All sources of Fashion-MNIST, with `data_dir` as the data directory.
    #[must_use]
    pub fn fashion_mnist(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            named: false,
            allow_unpinned: false,
            system_dir: "/usr/share/datasets/fashion-mnist".into(),
            urls: vec![
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com".to_string(),
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion"
                    .to_string(),
            ],
            package: Some("dataset-fashion-mnist".to_string()),
            pins: FASHION_MNIST,
            course: false,
        }
    }

    /// The course's own files of Fashion-MNIST, with `data_dir` as the data directory.
    #[must_use]
    pub fn course(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            urls: vec!["https://s3.amazonaws.com/jrwprojects".to_string()],
            package: None,
            course: true,
            ..Self::fashion_mnist(data_dir)
        }
    }

    /// The folder of decompressed, verified files; of the course's files, as they came.
    #[must_use]
    pub fn cache_dir(&self) -> PathBuf {
        let name = self.pins.name;
        self.data_dir.join(if self.course { format!("{name}-course") } else { name.to_string() })
    }
}

/// A source that was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The source.
    pub source: String,
    /// Why it could not give the data.
    pub reason: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

impl Attempt {
    /// One indented line for each.
    pub(crate) fn list(attempts: &[Self]) -> String {
        let lines: Vec<_> = attempts.iter().map(|attempt| format!("  {attempt}\n")).collect();
        lines.concat()
    }
}

/// Gets the data from the first source that has them, verified, and keeps a decompressed copy, so
/// that the next call takes well under a tenth of a second.
///
/// `observe` is told what happens. Sources that refuse are passed over at once. Of several processes
/// one obtains the data, and the others wait for it. What an interrupted one left is removed.
///
/// # Errors
/// [`Error::NoDirectory`] if the user named one that is not there; as [`load_dir`] for files in a
/// directory that the user named, or with unpinned data allowed; [`Error::Unobtainable`] or
/// [`Error::NoCourseFiles`] with all that was tried if no source has the data.
pub fn obtain(sources: &Sources, observe: &mut dyn FnMut(&Event)) -> Result<Loaded> {
    if sources.named && !sources.data_dir.is_dir() {
        return Err(Error::NoDirectory { directory: sources.data_dir.clone() });
    }
    let mut chain = Chain { sources, cache: sources.cache_dir(), attempts: Vec::new(), observe };
    if sources.course {
        return chain.course();
    }
    if sources.allow_unpinned {
        let loaded = load_dir(&sources.data_dir, &[sources.pins, SAMPLE], true)?;
        (chain.observe)(&Event::Obtained { source: loaded.provenance.source.clone() });
        return Ok(loaded);
    }
    if let Some(loaded) = chain.present()? {
        return Ok(loaded);
    }
    // From here on something is written, by one process at a time.
    let (_lock, waited) = chain.lock();
    if let Some(loaded) = waited.then(|| chain.try_cache()).flatten() {
        return Ok(loaded);
    }
    if let Some(loaded) = chain.data_dir() {
        return Ok(loaded);
    }
    if let Some(loaded) = chain.system_dir() {
        return Ok(loaded);
    }
    if let Some(loaded) = chain.urls() {
        return Ok(loaded);
    }
    if let Some(loaded) = chain.package() {
        return Ok(loaded);
    }
    Err(Error::Unobtainable {
        name: sources.pins.name,
        attempts: chain.attempts,
        directory: sources.data_dir.clone(),
    })
}

/// The sources on the way from one to the next.
pub(crate) struct Chain<'a> {
    pub sources: &'a Sources,
    pub cache: PathBuf,
    pub attempts: Vec<Attempt>,
    pub observe: &'a mut dyn FnMut(&Event),
}

impl Chain<'_> {
    /// Files that the user put into a directory that they named, whatever they are; otherwise the
    /// cache. Nothing is written.
    fn present(&mut self) -> Result<Option<Loaded>> {
        let Sources { named, pins, .. } = self.sources;
        if let Some(place) = self.own_files().filter(|_| *named) {
            let loaded = load_dir(&place, &[*pins, SAMPLE], false)?;
            (self.observe)(&Event::Obtained { source: loaded.provenance.source.clone() });
            return Ok(Some(loaded));
        }
        Ok(self.try_cache())
    }

    /// Where in the data directory the user's own files lie.
    fn own_files(&self) -> Option<PathBuf> {
        locate(&self.sources.data_dir).filter(|place| *place != self.cache)
    }

    /// The lock of the cache, and whether another process held it before. Where there can be no
    /// lock, there can be no cache either, and the data are used without one.
    pub fn lock(&mut self) -> (Option<Lock>, bool) {
        let mut waited = false;
        if make_dir(&self.cache).is_err() {
            return (None, waited);
        }
        loop {
            match Lock::acquire(&self.cache) {
                Ok(lock) => {
                    // What cannot be removed stands in nobody's way.
                    let _ = remove_leftovers(&self.cache);
                    package::remove_leftovers(&self.sources.data_dir);
                    return (Some(lock), waited);
                }
                Err(atelier_store::Error::Locked { holder, .. }) => {
                    if !waited {
                        let directory = self.cache.clone();
                        (self.observe)(&Event::Waiting { directory, holder });
                    }
                    waited = true;
                    thread::sleep(LOOK_AGAIN);
                }
                Err(_) => return (None, waited),
            }
        }
    }

    /// Files that the user put into a data directory that they did not name: good ones are kept as
    /// the cache, which is faster.
    fn data_dir(&mut self) -> Option<Loaded> {
        let Some(place) = self.own_files() else {
            self.pass(self.sources.data_dir.display().to_string(), "holds none of the files");
            return None;
        };
        match load_dir(&place, &[self.sources.pins], false) {
            Ok(loaded) => Some(self.keep(loaded)),
            Err(error) => {
                self.pass(place.display().to_string(), error.to_string());
                None
            }
        }
    }

    fn try_cache(&mut self) -> Option<Loaded> {
        if FILE_NAMES.iter().all(|name| find_file(&self.cache, name).is_none()) {
            return None;
        }
        let source = self.cache.display().to_string();
        match self.cached() {
            Ok(loaded) => return Some(loaded),
            Err(error @ Error::Missing { .. }) => self.pass(source, error.to_string()),
            Err(error) => {
                let reason = match error {
                    // Without the advice, which is for files that a user put there.
                    Error::Digest { path, found, .. } => {
                        format!("{}: SHA-256 is {found}", path.display())
                    }
                    Error::Larger { path, found, .. } => {
                        format!("{}: {found} bytes, which is too many", path.display())
                    }
                    error => error.to_string(),
                };
                self.attempts.push(Attempt { source, reason: reason.clone() });
                (self.observe)(&Event::Damaged { directory: self.cache.clone(), reason });
            }
        }
        None
    }

    fn system_dir(&mut self) -> Option<Loaded> {
        let directory = &self.sources.system_dir;
        if !directory.is_dir() {
            self.pass(directory.display().to_string(), "not there");
            return None;
        }
        match load_dir(directory, &[self.sources.pins], false) {
            Ok(loaded) => Some(self.keep(loaded)),
            Err(error) => {
                self.pass(directory.display().to_string(), error.to_string());
                None
            }
        }
    }

    fn urls(&mut self) -> Option<Loaded> {
        if self.sources.urls.is_empty() {
            return None;
        }
        if let Err(error) = make_dir(&self.cache) {
            self.pass("download", error.to_string());
            return None;
        }
        let downloader = Downloader::new();
        for url in &self.sources.urls {
            (self.observe)(&Event::Trying { source: url.clone() });
            match self.download(&downloader, url) {
                Ok(mut loaded) => {
                    loaded.provenance.source.clone_from(url);
                    return Some(loaded);
                }
                Err(reason) => self.pass(url, reason),
            }
        }
        None
    }

    /// Fetches the files that the cache does not have yet, whoever they came from.
    fn download(
        &mut self,
        downloader: &Downloader,
        base: &str,
    ) -> std::result::Result<Loaded, String> {
        for (file, pin) in FILE_NAMES.into_iter().zip(self.sources.pins.files) {
            let target = self.cache.join(file);
            if is_good(&target, file, pin) {
                continue;
            }
            let url = format!("{}/{file}.gz", base.trim_end_matches('/'));
            let observe = &mut *self.observe;
            downloader.fetch(&url, pin, &target, &mut |done| {
                observe(&Event::Progress { file, done, total: pin.bytes });
            })?;
        }
        self.cached().map_err(|error| error.to_string())
    }

    fn package(&mut self) -> Option<Loaded> {
        let package = self.sources.package.as_deref()?;
        let source = format!("apt-get download {package}");
        (self.observe)(&Event::Trying { source: source.clone() });
        let unpacked = match make_dir(&self.sources.data_dir)
            .map_err(|error| error.to_string())
            .and_then(|()| package::fetch(package, &self.sources.data_dir))
        {
            Ok(unpacked) => unpacked,
            Err(reason) => {
                self.pass(source, reason);
                return None;
            }
        };
        match load_dir(unpacked.path(), &[self.sources.pins], false) {
            Ok(mut loaded) => {
                loaded.provenance.source = source;
                Some(self.keep(loaded))
            }
            Err(error) => {
                self.pass(source, error.to_string());
                None
            }
        }
    }

    /// Loads the cache.
    fn cached(&mut self) -> Result<Loaded> {
        let loaded = load_dir(&self.cache, &[self.sources.pins], false)?;
        (self.observe)(&Event::Obtained { source: loaded.provenance.source.clone() });
        Ok(loaded)
    }

    /// Keeps a decompressed copy of data that were read elsewhere.
    fn keep(&mut self, loaded: Loaded) -> Loaded {
        (self.observe)(&Event::Obtained { source: loaded.provenance.source.clone() });
        if let Err(error) = write_cache(&self.cache, &loaded) {
            (self.observe)(&Event::NotCached {
                directory: self.cache.clone(),
                reason: error.to_string(),
            });
        }
        loaded
    }

    pub fn pass(&mut self, source: impl Into<String>, reason: impl Into<String>) {
        let attempt = Attempt { source: source.into(), reason: reason.into() };
        let Attempt { source, reason } = attempt.clone();
        (self.observe)(&Event::Passed { source, reason });
        self.attempts.push(attempt);
    }
}

pub(crate) fn make_dir(directory: &Path) -> Result<()> {
    Ok(create_dir_all(directory)?)
}

/// Whether `path` is a decompressed file with that digest.
fn is_good(path: &Path, file: &str, pin: Pin) -> bool {
    let found = load::fingerprint(path, file.contains("images"), pin.bytes);
    found.is_ok_and(|print| print.sha256 == pin.sha256)
}

fn write_cache(cache: &Path, loaded: &Loaded) -> Result<()> {
    make_dir(cache)?;
    // Keeping a copy is no look at the test examples.
    let test = loaded.test.uncounted();
    for (dataset, images, labels) in
        [(&*loaded.train, FILE_NAMES[0], FILE_NAMES[1]), (test, FILE_NAMES[2], FILE_NAMES[3])]
    {
        let shape = [dataset.len(), dataset.height(), dataset.width()];
        write_file(&cache.join(images), &shape, dataset.bytes())?;
        write_file(&cache.join(labels), &shape[..1], dataset.labels())?;
    }
    Ok(())
}

fn write_file(path: &Path, dimensions: &[usize], values: &[u8]) -> Result<()> {
    let mut staged = Staged::create(path)?;
    idx::write(&mut staged, dimensions, values).map_err(Error::io(path, "writing"))?;
    Ok(staged.commit()?)
}
