//! Whether what a run directory holds belongs to the settings that its run is to go on with.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_store::{Checkpoint, Dataset, Error as StoreError, Manifest, read_regular};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::prepared::{Prepared, Trainable};
use super::recorded::same_files;
use crate::config;
use crate::failure::Help as _;
use crate::home;
use crate::terminal::brief;

/// Refuses a checkpoint that was made under other settings than the manifest's, by the names of those
/// that differ.
pub(super) fn same_settings<C: Trainable>(
    checkpoint: &Checkpoint,
    prepared: &Prepared<C, C::Model>,
) -> Result<()> {
    let recorded = checkpoint.metadata.get("settings");
    let Some(before) = recorded.and_then(|text| serde_json::from_str(text).ok()) else {
        // The trainer knows what to say of it.
        return Ok(());
    };
    let now = serde_json::to_value((&prepared.settings, prepared.seed))?;
    let differing = differences(&before, &now, "");
    if differing.is_empty() {
        return Ok(());
    }
    let told = told(&differing, |key, before, now| {
        format!("{key} is {now}, and was {before} when the checkpoint was made")
    });
    bail!("manifest.json is not that of the checkpoint: {told}")
}

/// A value that differs between two records of one run.
struct Difference<'v> {
    key: String,
    before: &'v Value,
    now: &'v Value,
}

/// Each value that differs; one that is missing is as good as null.
fn differences<'v>(before: &'v Value, now: &'v Value, path: &str) -> Vec<Difference<'v>> {
    let inner = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match (before, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let of = |key: &String| {
                let value = |of: &'v Map<String, Value>| of.get(key).unwrap_or(&Value::Null);
                differences(value(a), value(b), &inner(key))
            };
            keys.into_iter().flat_map(of).collect()
        }
        (Value::Array(a), Value::Array(b)) if path.is_empty() && a.len() == b.len() => {
            // The sections, then the seed.
            let pairs = a.iter().zip(b).zip(["", "seed"]);
            pairs.flat_map(|((a, b), name)| differences(a, b, name)).collect()
        }
        _ if before == now => Vec::new(),
        // TOML knows whole numbers, and takes them where JSON has 0.0.
        (Value::Number(a), Value::Number(b))
            if a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64() =>
        {
            Vec::new()
        }
        _ => vec![Difference { key: path.to_string(), before, now }],
    }
}

/// At most so many differences are told.
const MOST_TOLD: usize = 5;

/// The first few of them in words.
fn told(differing: &[Difference<'_>], tell: impl Fn(&str, String, String) -> String) -> String {
    let one =
        |d: &Difference<'_>| tell(&d.key, brief(&d.before.to_string()), brief(&d.now.to_string()));
    let mut told: Vec<String> = differing.iter().take(MOST_TOLD).map(one).collect();
    if let Some(more) = differing.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

/// Refuses a run whose `config.toml` says other settings than its manifest, by the names of those that differ:
/// somebody changed one of the two, and neither can be gone by.
pub(crate) fn same_config(run: &Path, manifest: &Manifest) -> Result<()> {
    let path = run.join("config.toml");
    let bytes = match read_regular(&path, config::LARGEST) {
        Err(StoreError::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
            return Err(anyhow!("{} is not there", path.display())).help(|| {
                "it was written when the run began: put it back from a copy, or begin another run"
                    .to_string()
            });
        }
        bytes => bytes?,
    };
    let help = || {
        "a run goes on with the settings that it began with: undo the change, or begin another with --config"
            .to_string()
    };
    let table: Result<toml::Table> = String::from_utf8(bytes)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(toml::from_str(&text)?));
    let table = table.with_context(|| format!("{} cannot be used", path.display())).help(help)?;
    let written = serde_json::to_value(table)?;
    let mut differing = differences(settings(manifest), &written, "");
    // The one setting that a run that goes on can be given anew, which is written to both, one after the other.
    differing.retain(|difference| difference.key != "tune.trials");
    if manifest.verb == "landscape" {
        // Of runs that were there before, its configuration leaves out how they were trained.
        differing.retain(|difference| !difference.now.is_null());
    }
    if differing.is_empty() {
        return Ok(());
    }
    let told = told(&differing, |key, recorded, written| {
        let [written, recorded] = [written, recorded].map(|value| match value.as_str() {
            "null" => "not there".to_string(),
            _ => value,
        });
        format!("{key} is {written} in config.toml and {recorded} in manifest.json")
    });
    Err(anyhow!("the settings in {} do not agree: {told}", run.display())).help(help)
}

/// What a manifest says of the settings: the part that `config.toml` says as well.
fn settings(manifest: &Manifest) -> &Value {
    match manifest.verb.as_str() {
        "best-dense" => &manifest.config["train"],
        "bottlenecks" => &manifest.config["autoencoder"],
        "landscape" => &manifest.config["landscape"],
        "reproduce" => &manifest.config["parts"],
        _ => &manifest.config,
    }
}

/// Refuses a run in whose manifest a value was changed, be it one that stands nowhere else.
pub(crate) fn unchanged(run: &Path) -> Result<()> {
    Manifest::check_unchanged(&run.join("manifest.json"))
        .help_with_file(|| "put it back as it was, or begin another run".to_string())
}

/// Refuses a run within another that is not the one that belongs there: of another verb, with other settings than
/// `wanted` or other data, or from weights of its own, as where a search that went on has another winner, or somebody
/// put another run in its place.
pub(crate) fn belongs<C: Serialize + DeserializeOwned>(
    path: &Path,
    manifest: &Manifest,
    (verb, wanted): (&str, &C),
    dataset: Option<&Dataset>,
) -> Result<()> {
    let help = || {
        let path = home::quoted(path);
        format!("move {path} away, and --resume begins it anew")
    };
    let another =
        || format!("{} holds another run than the one that belongs there", path.display());
    if manifest.verb != verb {
        let found = &manifest.verb;
        return Err(anyhow!(
            "{} holds a run of `{found}`, expected one of `{verb}`",
            path.display()
        ))
        .help(help);
    }
    unchanged(path)?;
    if let Some(start) = &manifest.start {
        return Err(anyhow!("{}: it began from the weights in {}", another(), start.file))
            .help(help);
    }
    if let (Some(wanted), Some(found)) = (dataset, &manifest.dataset) {
        same_files(wanted, found).with_context(another).help(help)?;
    }
    // Keys that an earlier build did not have are as they were then: the defaults.
    let found = C::deserialize(settings(manifest)).map(serde_json::to_value);
    let found = found.unwrap_or_else(|_| Ok(settings(manifest).clone()))?;
    let wanted = serde_json::to_value(wanted)?;
    let differing = differences(&found, &wanted, "");
    if differing.is_empty() {
        return Ok(());
    }
    let told =
        told(&differing, |key, found, wanted| format!("{key} is {found}, expected {wanted}"));
    Err(anyhow!("{}: {told}", another())).help(help)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_that_differ_are_told_by_their_keys() {
        let before = json!([{ "train": { "epochs": 5, "ema": 0.0 }, "schedule": {} }, 3]);
        let now = json!([{ "train": { "epochs": 9, "ema": 0.0 }, "schedule": { "every": 2 } }, 4]);
        assert!(differences(&before, &before, "").is_empty());
        let differing = differences(&before, &now, "");
        let told = told(&differing, |key, before, now| format!("{key}: {before}, {now}"));
        assert_eq!(told, "schedule.every: null, 2; train.epochs: 5, 9; seed: 3, 4");
    }
}
