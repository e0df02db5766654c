//! The course's own files: NPY, whose element type and shape are not known beforehand.

use std::path::Path;

use atelier_store::durable_write;

use crate::download::Downloader;
use crate::files::{COURSE_FILE_NAMES, find_files_named};
use crate::load::{self, Loaded, load_files};
use crate::obtain::{Chain, make_dir};
use crate::pins::Pin;
use crate::{Error, Event, Result, SAMPLE, Sources, npy};

/// Bytes of a file for each byte of its content, at most: floats of 64 bits.
const LARGEST_ELEMENT: u64 = 8;
/// More than a header may have.
const HEADER: u64 = 64 << 10;

/// The course's files that are there already, in the data directory or where they are kept; nothing
/// is fetched or written.
///
/// # Errors
/// As [`load_dir`](crate::load_dir).
pub fn load_course(sources: &Sources) -> Result<Loaded> {
    let own = &sources.data_dir;
    let is_there = COURSE_FILE_NAMES.iter().any(|name| own.join(name).is_file());
    course_in(&if is_there { own.clone() } else { sources.cache_dir() }, sources)
}

/// The files in `place`, whatever other sets lie there.
fn course_in(place: &Path, sources: &Sources) -> Result<Loaded> {
    let paths = find_files_named(place, &COURSE_FILE_NAMES)?;
    load_files(place, &paths, &[sources.pins, SAMPLE], sources.allow_unpinned)
}

impl Chain<'_> {
    /// The course's files from the data directory, from the folder where they are kept, or from the
    /// URLs, in that order.
    pub(crate) fn course(mut self) -> Result<Loaded> {
        let own = self.sources.data_dir.clone();
        if COURSE_FILE_NAMES.iter().any(|name| own.join(name).is_file()) {
            return course_in(&own, self.sources).map(|loaded| self.obtained(loaded));
        }
        if let Some(loaded) = self.kept_course() {
            return Ok(loaded);
        }
        let (_lock, waited) = self.lock();
        if let Some(loaded) = waited.then(|| self.kept_course()).flatten() {
            return Ok(loaded);
        }
        for url in &self.sources.urls {
            (self.observe)(&Event::Trying { source: url.clone() });
            match self.download_course(url) {
                Ok(loaded) => return Ok(self.obtained(loaded)),
                Err(reason) => self.pass(url, reason),
            }
        }
        Err(Error::NoCourseFiles { attempts: self.attempts, directory: own })
    }

    fn obtained(&mut self, loaded: Loaded) -> Loaded {
        (self.observe)(&Event::Obtained { source: loaded.provenance.source.clone() });
        loaded
    }

    /// The files that were kept, if they are all there and good.
    fn kept_course(&mut self) -> Option<Loaded> {
        let cache = self.cache.clone();
        if !COURSE_FILE_NAMES.iter().all(|name| cache.join(name).is_file()) {
            return None;
        }
        match course_in(&cache, self.sources) {
            Ok(loaded) => Some(self.obtained(loaded)),
            Err(error) => {
                let reason = error.to_string();
                (self.observe)(&Event::Damaged { directory: cache, reason });
                None
            }
        }
    }

    /// Fetches the files that are not there yet.
    fn download_course(&mut self, base: &str) -> std::result::Result<Loaded, String> {
        make_dir(&self.cache).map_err(|error| error.to_string())?;
        let downloader = Downloader::new();
        for (file, pin) in COURSE_FILE_NAMES.into_iter().zip(self.sources.pins.files) {
            let target = self.cache.join(file);
            let kept = load::fingerprint(&target, file.contains("images"), pin.bytes);
            if kept.is_ok_and(|print| self.sources.allow_unpinned || print.sha256 == pin.sha256) {
                continue;
            }
            let url = format!("{}/{file}", base.trim_end_matches('/'));
            let largest = pin.bytes * LARGEST_ELEMENT + HEADER;
            let observe = &mut *self.observe;
            let bytes = downloader.fetch_npy(&url, largest, &mut |done, total| {
                observe(&Event::Progress { file, done, total });
            })?;
            check(&bytes, &url, pin, self.sources.allow_unpinned)?;
            durable_write(&target, &bytes).map_err(|error| error.to_string())?;
        }
        course_in(&self.cache, self.sources).map_err(|error| error.to_string())
    }
}

/// Refuses what is not the content of `pin`, unless anything well formed will do.
fn check(bytes: &[u8], url: &str, pin: Pin, allowed: bool) -> std::result::Result<(), String> {
    let path = Path::new(url);
    let print = if url.contains("images") {
        npy::decode_images(bytes, path).map(|(_, print, _)| print)
    } else {
        npy::decode_labels(bytes, path).map(|(_, print)| print)
    };
    let found = print.map_err(|error| error.to_string())?.sha256;
    if allowed || found == pin.sha256 {
        return Ok(());
    }
    Err(format!(
        "{url}: other content than that of the data set: as IDX it has SHA-256 {found}, expected {} \
         (--allow-unpinned takes it as it is)",
        pin.sha256
    ))
}
