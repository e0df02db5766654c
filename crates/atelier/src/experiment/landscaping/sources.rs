//! Which runs a landscape is of, and whether they are still those that it was begun with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use atelier_store::Manifest;

use super::subject::{Run, Source};
use crate::cli::LandscapeArgs;
use crate::config::LandscapingConfig;
use crate::failure::Help as _;
use crate::home;
use crate::verbs::runs::find;

/// Where the manifest's configuration has digests of the runs that were there before.
pub(super) const DRAWN: &str = "snapshots";

/// The runs that are to be drawn.
pub(super) fn sources(
    arguments: &LandscapeArgs,
    config: &LandscapingConfig,
) -> Result<Vec<Source>> {
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).with_context(|| format!("cannot use {}", path.display()))
    };
    let mut sources = Vec::new();
    for run in &arguments.run {
        sources.push(Source::Run(absolute(&find(run)?)?));
    }
    for directory in &arguments.import {
        sources.push(Source::Import(absolute(directory)?));
    }
    if sources.is_empty() {
        sources.extend((0..config.landscape.runs as u64).map(Source::Trained));
    }
    Ok(sources)
}

/// Refuses a landscape of other runs than those that it trains itself.
pub(crate) fn own_runs(path: &Path, manifest: &Manifest) -> Result<()> {
    let sources: Vec<Source> = serde_json::from_value(manifest.config["sources"].clone())
        .with_context(|| format!("the runs in {}", path.join("manifest.json").display()))?;
    if sources.iter().all(|source| matches!(source, Source::Trained(_))) {
        return Ok(());
    }
    Err(anyhow!("the landscape in {} is of runs that were there before", path.display()))
        .help(|| format!("move {} away, and --resume begins it anew", home::quoted(path)))
}

/// Refuses runs that are not those that a landscape began with, where they were there before it.
pub(super) fn same_runs(manifest: &Manifest, runs: &[Run]) -> Result<()> {
    let digests = manifest.config[DRAWN].as_array().map_or(&[][..], Vec::as_slice);
    for (before, run) in digests.iter().zip(runs) {
        let now = run.digest();
        if before.as_str() != Some(&now) {
            let (path, before) = (run.path.display(), before.as_str().unwrap_or("none"));
            return Err(anyhow!(
                "the snapshots in {path} are not those that this landscape was begun with: their SHA-256 is {now}, and \
                 was {before}"
            ))
            .help(|| "put them back as they were, or begin another landscape".to_string());
        }
    }
    Ok(())
}
