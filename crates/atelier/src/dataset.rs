//! The data that the flags ask for, and its record in a manifest.

use std::path::{Path, PathBuf};

use anyhow::Result;
use atelier_data::{
    Error, Event, FASHION_MNIST, FILE_NAMES, Loaded, Provenance, SAMPLE, Sources, load_course,
    load_dir, obtain,
};

use crate::cli::{DataFlags, DataSource};
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
    let mut progress = Bytes::new(terminal);
    let loaded = obtain(&sources(flags), &mut |event| match event {
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
    Ok(told(loaded?, terminal))
}

/// The data that is there already; nothing is fetched.
pub(crate) fn load_present(flags: &DataFlags, terminal: Terminal) -> Result<Loaded> {
    if flags.smoke {
        return load_sample(flags);
    }
    let sources = sources(flags);
    let (directory, named) = (&sources.data_dir, sources.named);
    if named && !directory.is_dir() {
        return Err(Error::NoDirectory { directory: directory.clone() }.into());
    }
    let loaded = if sources.course {
        load_course(&sources)
    } else {
        load_dir(directory, &[FASHION_MNIST, SAMPLE], flags.allow_unpinned)
    };
    match loaded {
        Err(error) if can_be_fetched(&error, directory, named) => Err(error).help(|| {
            let mut command = format!("{} data fetch", home::program());
            if sources.course {
                command.push_str(" --source course");
            }
            if named {
                command = format!("{command} --data-dir {}", home::quoted(directory));
            }
            format!("`{command}` obtains the data")
        }),
        loaded => Ok(told(loaded?, terminal)),
    }
}

/// The sources that the flags allow.
fn sources(flags: &DataFlags) -> Sources {
    let directory = directory(flags);
    let mut sources = match flags.source {
        Some(DataSource::Course) => Sources::course(directory),
        None => Sources::fashion_mnist(directory),
    };
    sources.named = flags.data_dir.is_some();
    sources.allow_unpinned = flags.allow_unpinned;
    sources
}

/// Says what was assumed in reading the files.
fn told(loaded: Loaded, terminal: Terminal) -> Loaded {
    for assumption in &loaded.assumptions {
        terminal.talk(assumption);
    }
    loaded
}

/// Whether `data fetch` mends this: it fills a directory that has none of the files and replaces a
/// damaged cache, and leaves the user's own files as they are.
fn can_be_fetched(error: &Error, directory: &Path, named: bool) -> bool {
    let cache = directory.join(FASHION_MNIST.name);
    match error {
        Error::Missing { names, .. } => names.len() == FILE_NAMES.len() || cache.is_dir() && !named,
        Error::Digest { path, .. }
        | Error::Larger { path, .. }
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
    let home = std::path::absolute(home::data()).unwrap_or_default();
    // The course's files are kept below it, and looked for only where they are asked for.
    let course = Sources::course(&home).cache_dir();
    let usual = [home, system].iter().any(|place| source.starts_with(place));
    let elsewhere = source.is_dir() && (!usual || source == course);
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
