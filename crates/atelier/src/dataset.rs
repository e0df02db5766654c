//! The data that the flags ask for, and its record in a manifest.

use std::path::{Path, PathBuf};

use anyhow::Result;
use atelier_data::{
    Error, Event, FASHION_MNIST, FILE_NAMES, Loaded, Provenance, SAMPLE, Sources, load_dir, obtain,
};

use crate::cli::DataFlags;
use crate::failure::Help as _;
use crate::home;
use crate::terminal::{Bytes, Terminal, warn};

/// Where the flags say that the data is.
pub(crate) fn directory(flags: &DataFlags) -> PathBuf {
    match &flags.data_dir {
        Some(directory) => directory.clone(),
        None if flags.smoke => home::data().join("sample"),
        None => home::data(),
    }
}

/// The data, obtained if it is not there; a line for each source that is tried.
pub(crate) fn load(flags: &DataFlags, terminal: Terminal) -> Result<Loaded> {
    if flags.smoke {
        return load_sample(flags);
    }
    let mut sources = Sources::fashion_mnist(directory(flags));
    sources.named = flags.data_dir.is_some();
    sources.allow_unpinned = flags.allow_unpinned;
    let mut progress = Bytes::new(terminal);
    let loaded = obtain(&sources, &mut |event| match event {
        Event::Progress { file, done, total } => progress.show(file, *done, *total),
        Event::Damaged { .. } | Event::NotCached { .. } => {
            progress.clear();
            warn(&format!("warning: {event}"));
        }
        _ => {
            progress.clear();
            terminal.talk(&event.to_string());
        }
    });
    progress.clear();
    Ok(loaded?)
}

/// The data that is there already; nothing is fetched.
pub(crate) fn load_present(flags: &DataFlags) -> Result<Loaded> {
    if flags.smoke {
        return load_sample(flags);
    }
    let directory = directory(flags);
    let named = flags.data_dir.is_some();
    if named && !directory.is_dir() {
        return Err(Error::NoDirectory { directory }.into());
    }
    match load_dir(&directory, &[FASHION_MNIST, SAMPLE], flags.allow_unpinned) {
        Err(error) if can_be_fetched(&error, &directory, named) => Err(error).help(|| {
            let mut command = format!("{} data fetch", home::program());
            if named {
                command = format!("{command} --data-dir {}", home::quoted(&directory));
            }
            format!("`{command}` obtains the data")
        }),
        loaded => Ok(loaded?),
    }
}

/// Whether `data fetch` mends this: it fills a directory that has none of the files and replaces a
/// damaged cache, and leaves the user's own files as they are.
fn can_be_fetched(error: &Error, directory: &Path, named: bool) -> bool {
    let cache = directory.join(FASHION_MNIST.name);
    match error {
        Error::Missing { names, .. } => names.len() == FILE_NAMES.len() || cache.is_dir() && !named,
        Error::Digest { path, .. }
        | Error::Mnist { path, .. }
        | Error::Format { path, .. }
        | Error::NotIdx { path, .. } => !named && path.starts_with(&cache),
        _ => false,
    }
}

/// Where a run that began with `before` finds its data again, where that is not where the data are
/// looked for anyway.
pub(crate) fn recorded_directory(before: &atelier_store::Dataset) -> Option<PathBuf> {
    let source = PathBuf::from(&before.source);
    let system = Sources::fashion_mnist("").system_dir;
    let usual = [std::path::absolute(home::data()).unwrap_or_default(), system];
    let elsewhere = source.is_dir() && !usual.iter().any(|place| source.starts_with(place));
    elsewhere.then_some(source)
}

/// The name of a data set as people write it.
pub(crate) fn title(name: &str) -> &str {
    match name {
        "fashion-mnist" => "Fashion-MNIST",
        "fashion-mnist-sample" => "Fashion-MNIST (sample)",
        "mnist" => "MNIST",
        "unpinned" => "own data",
        other => other,
    }
}

fn load_sample(flags: &DataFlags) -> Result<Loaded> {
    load_dir(&directory(flags), &[SAMPLE], false).help(|| {
        "--smoke reads data/sample of the repository: run `cargo xtask` in it, or set ATELIER_HOME \
         to its directory"
            .to_string()
    })
}

/// The data as a manifest records it.
pub(crate) fn record(provenance: &Provenance) -> atelier_store::Dataset {
    let digests = provenance.files.iter().map(|(name, file)| (name.clone(), file.sha256.clone()));
    atelier_store::Dataset {
        name: provenance.name.clone(),
        pinned: provenance.pinned,
        source: match std::path::absolute(&provenance.source) {
            // It is to be found from other directories too.
            Ok(directory) if directory.is_dir() => directory.display().to_string(),
            _ => provenance.source.clone(),
        },
        files: digests.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_set_that_is_known_has_a_title() {
        for pins in [FASHION_MNIST, SAMPLE] {
            assert!(title(pins.name).starts_with("Fashion-MNIST"), "{}", pins.name);
        }
    }
}
