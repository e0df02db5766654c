//! The readers of outside bytes that this crate has, as functions of bytes: for fuzzing and for tests of hostile
//! files, and for nothing else. `path` is for messages alone.

use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_store::parse_lines;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{
    AutoencodingConfig, Config, InitialisingConfig, LandscapingConfig, Resolved, TuningConfig,
    VaryingConfig,
};
use crate::experiment::history::{self, EpochRecord, StepRecord};
use crate::experiment::initialising::deepest;
use crate::experiment::prepared::check;
use crate::experiment::saved::SavedClassifier;
use crate::experiment::variants;
use crate::export::tensorboard;
use crate::picture::Picture;
use crate::verbs::runs;

/// Width and height of a picture that `predict` is given.
///
/// # Errors
/// Fails if the bytes are no picture that can be decoded.
pub fn picture(bytes: &[u8], path: &Path) -> Result<(usize, usize)> {
    let picture = Picture::decode(bytes, path)?;
    Ok((picture.width, picture.height))
}

/// What a configuration file means, as TOML; by the verb that it is for. Every value is checked as the verb does before
/// it looks for data.
///
/// # Errors
/// Fails if it is no UTF-8, no TOML, no configuration of that verb, or one with a value that the verb refuses.
pub fn config(verb: &str, bytes: &[u8], path: &Path) -> Result<String> {
    let text = std::str::from_utf8(bytes)
        .with_context(|| format!("cannot read the configuration {}", path.display()))?;
    match verb {
        "autoencoder" => checked(text, path, check::<AutoencodingConfig>),
        "init" => checked(text, path, |config: &InitialisingConfig| {
            config.check()?;
            check(&deepest(config))
        }),
        "landscape" => checked(text, path, |config: &LandscapingConfig| {
            config.landscape.check()?;
            check(&config.training(0))
        }),
        "tune" => checked(text, path, |config: &TuningConfig| {
            config.check()?;
            check(&config.training())
        }),
        "variants" => checked(text, path, |config: &VaryingConfig| config.networks().map(drop)),
        _ => checked(text, path, check::<Config>),
    }
}

fn checked<C: Default + Serialize + DeserializeOwned>(
    text: &str,
    path: &Path,
    check: impl FnOnce(&C) -> Result<()>,
) -> Result<String> {
    let resolved = Resolved::<C>::from_text(text, path)?;
    check(&resolved.config)
        .with_context(|| format!("the values in {} cannot be used", path.display()))?;
    resolved.to_toml()
}

/// How many steps and epochs `metrics.jsonl` tells of; it is also made into TensorBoard's form.
///
/// # Errors
/// Fails at the first line that is no record.
pub fn metrics(bytes: &[u8], path: &Path) -> Result<(usize, usize)> {
    let lines = parse_lines(bytes, path)?;
    let steps: Vec<StepRecord> = history::parse(&lines, "step", path)?;
    let epochs: Vec<EpochRecord> = history::parse(&lines, "epoch", path)?;
    tensorboard::of_lines(&lines, "2026-01-01T00:00:00Z", path)?;
    Ok((steps.len(), epochs.len()))
}

/// How many lines `networks.jsonl` has, of networks called `baseline` and `norm`.
///
/// # Errors
/// Fails at the first line that is no entry.
pub fn networks(bytes: &[u8], path: &Path) -> Result<usize> {
    variants::check_record(&parse_lines(bytes, path)?, &["baseline", "norm"], path)
}

/// The values of `summary.json` with their keys, as they are listed.
///
/// # Errors
/// Fails if it is no JSON.
pub fn summary(bytes: &[u8], path: &Path) -> Result<Vec<(String, String)>> {
    let summary: Value = runs::parse_summary(bytes, path)?;
    Ok(runs::leaves(&summary))
}

/// How many classes the network tells apart that is in a model file and is configured and described so, by
/// the `config` of a manifest and by `summary.json`.
///
/// # Errors
/// Fails if one of the three is not of its format, or they do not belong together.
pub fn classifier(model: &[u8], config: &[u8], summary: &[u8], path: &Path) -> Result<usize> {
    let config: Config = serde_json::from_slice(config)
        .with_context(|| format!("the configuration in {}", path.display()))?;
    Ok(SavedClassifier::parse(model, path, &config, summary)?.outputs())
}
