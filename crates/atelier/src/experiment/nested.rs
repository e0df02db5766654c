//! A run within another: a directory of its own inside that of the run that wants it.

use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_data::SAMPLE;
use atelier_store::{Dataset, Manifest, Status, read_regular};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::recorded::Recorded;
use super::same_settings::belongs;
use crate::cli::{DataFlags, RunFlags};
use crate::dataset;
use crate::verbs::runs::LARGEST_SUMMARY;

/// What is to be done for a run within another.
pub(crate) enum Nested<S> {
    /// Nothing: it is complete, with this summary.
    Complete(Box<S>),
    /// It is to be begun, or taken up, with these flags.
    Run(RunFlags, DataFlags),
}

/// How far the run in `path` within `outer` is, which is one of the verb and the settings that are `wanted`.
pub(crate) fn nested<S: DeserializeOwned>(
    path: &Path,
    outer: &Recorded,
    wanted: (&str, &(impl Serialize + DeserializeOwned)),
    run: &RunFlags,
    data: &DataFlags,
) -> Result<Nested<S>> {
    let manifest = path.join("manifest.json");
    let begun = manifest.is_file().then(|| Manifest::read(&manifest)).transpose()?;
    if let Some(manifest) = &begun {
        belongs(path, manifest, wanted, outer.manifest.dataset.as_ref())?;
    }
    if begun.as_ref().is_some_and(|manifest| manifest.status == Status::Complete) {
        let file = path.join("summary.json");
        let bytes = read_regular(&file, LARGEST_SUMMARY)?;
        let summary = serde_json::from_slice(&bytes)
            .with_context(|| format!("cannot use {}", file.display()))?;
        return Ok(Nested::Complete(Box::new(summary)));
    }
    let (run, data) = inner_flags(path, begun.is_some(), outer, run, data);
    Ok(Nested::Run(run, data))
}

/// The flags that begin the run in `path` within `outer`, or take it up where it was begun.
pub(crate) fn inner_flags(
    path: &Path,
    begun: bool,
    outer: &Recorded,
    run: &RunFlags,
    data: &DataFlags,
) -> (RunFlags, DataFlags) {
    let run = RunFlags {
        out: Some(path.to_path_buf()),
        resume: begun,
        device: Some(outer.manifest.device.clone()),
        ..run.clone()
    };
    (run, same_data(data, outer.manifest.dataset.as_ref()))
}

/// The flags that lead to the data that a run began with. `--smoke` is none of them: it would once more make
/// small what the configuration has already, and what `--set` may have made larger again.
pub(crate) fn same_data(flags: &DataFlags, before: Option<&Dataset>) -> DataFlags {
    let mut data = DataFlags { smoke: false, ..flags.clone() };
    let Some(before) = before else { return data };
    data.allow_unpinned |= !before.pinned;
    if data.data_dir.is_none() {
        data.data_dir = if before.name == SAMPLE.name {
            Some(dataset::directory(&DataFlags { smoke: true, ..DataFlags::default() }))
        } else {
            dataset::recorded_directory(before)
        };
    }
    data
}
