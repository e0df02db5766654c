//! The data that the flags ask for, and its record in a manifest.

use std::path::PathBuf;

use anyhow::Result;
use atelier_data::{Event, FASHION_MNIST, Loaded, Provenance, SAMPLE, Sources, load_dir, obtain};

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
    load_dir(&directory(flags), &[FASHION_MNIST, SAMPLE], flags.allow_unpinned)
        .help(|| format!("`{} data fetch` obtains the data", home::program()))
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
        source: provenance.source.clone(),
        files: digests.collect(),
    }
}
