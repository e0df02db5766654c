use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_store::is_steering;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, json};
use toml::{Table, Value};

use super::layers::Layers;
use super::{Config, Origin, keys, presets};
use crate::cli::ConfigFlags;
use crate::terminal::WIDEST;

/// A configuration of a verb with the origin of each of its values.
#[derive(Debug, Clone)]
pub struct Resolved<C = Config> {
    /// The values.
    pub config: C,
    origins: BTreeMap<String, Origin>,
}

/// What `--smoke` makes small, so that a run takes seconds.
const SMOKE: &[(&str, i64)] = &[("data.validation", 400), ("train.epochs", 3)];
/// The same for a landscape.
const SMOKE_LANDSCAPE: &[(&str, i64)] = &[
    ("data.validation", 0),
    ("data.examples", 500),
    ("train.epochs", 3),
    ("landscape.examples", 0),
    ("landscape.grid", 15),
    ("landscape.curvature", 2),
    ("landscape.path_epochs", 3),
];
/// The same for a study of initialisation.
const SMOKE_INIT: &[(&str, i64)] = &[
    ("init.draws", 5000),
    ("init.networks", 3),
    ("depths.seeds", 1),
    ("data.examples", 0),
    ("train.epochs", 1),
];
/// The same for a search.
const SMOKE_TUNE: &[(&str, i64)] =
    &[("data.validation", 400), ("tune.trials", 12), ("train.epochs", 3), ("retrain.epochs", 3)];

impl<C: Default + Serialize + DeserializeOwned> Resolved<C> {
    /// The configuration of `verb` under these flags.
    ///
    /// # Errors
    /// Fails if a preset, a file or a key does not exist, or if a value has the wrong type; the
    /// error names the key and where it was written.
    pub fn new(verb: &str, flags: &ConfigFlags, smoke: bool) -> Result<Self> {
        let mut layers = Layers::new::<C>()?;
        layers.preset(presets::find(verb, flags.preset.as_deref())?)?;
        if let Some(path) = &flags.config {
            layers.file(path)?;
        }
        if smoke {
            let small = match verb {
                "init" => SMOKE_INIT,
                "landscape" => SMOKE_LANDSCAPE,
                "tune" => SMOKE_TUNE,
                _ => SMOKE,
            };
            for (key, value) in small {
                layers.put(key, Value::Integer(*value), Origin::Smoke)?;
            }
        }
        for text in &flags.set {
            layers.set(text)?;
        }
        if let Some(seed) = flags.seed {
            let seed = i64::try_from(seed).unwrap_or(i64::MAX);
            layers.put("seed", Value::Integer(seed), Origin::Seed)?;
        }
        Self::of(layers)
    }

    /// The program's defaults under the content of a configuration file; `path` is for messages alone.
    ///
    /// # Errors
    /// As [`Resolved::new`].
    pub fn from_text(text: &str, path: &Path) -> Result<Self> {
        let mut layers = Layers::new::<C>()?;
        layers.document(text, path)?;
        Self::of(layers)
    }

    fn of(layers: Layers) -> Result<Self> {
        let config = C::deserialize(layers.table).context("the configuration does not fit")?;
        Ok(Self { config, origins: layers.origins })
    }

    /// The values as one TOML table.
    ///
    /// # Errors
    /// Fails if a value cannot be written as TOML.
    pub fn table(&self) -> Result<Table> {
        Table::try_from(&self.config).context("cannot write the configuration as TOML")
    }

    /// The configuration as TOML, the origin of each value as a comment behind it.
    ///
    /// # Errors
    /// Fails if a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        let table = self.table()?;
        let keys = keys::leaves(&table);
        // A value after the head of a section belongs to that section, so values come section by
        // section; the sort is stable, and those of no section stand first.
        let section =
            |key: &str| key.rsplit_once('.').map_or("", |(section, _)| section).to_string();
        let sections: Vec<String> = keys.iter().map(|key| section(key)).collect();
        let mut ordered = keys;
        ordered.sort_by_key(|key| {
            let own = section(key);
            (!own.is_empty(), sections.iter().position(|known| *known == own), key == keys::SPACE)
        });

        // Section, text and origin of each line.
        let mut rows: Vec<(String, String, &str)> = Vec::new();
        for key in &ordered {
            match keys::get(&table, key) {
                Some(Value::Table(space)) if key == keys::SPACE => {
                    let row = |(name, value): (&String, &Value)| {
                        (keys::SPACE.to_string(), format!("{name:?} = {value}"), key.as_str())
                    };
                    rows.extend(space.iter().map(row));
                }
                Some(value) => {
                    let name = key.rsplit_once('.').map_or(key.as_str(), |(_, name)| name);
                    rows.push((section(key), format!("{name} = {value}"), key));
                }
                None => {}
            }
        }
        let width = rows.iter().map(|(_, text, _)| text.chars().count()).max().unwrap_or(0);
        let width = width.min(WIDEST);
        let mut lines = Vec::new();
        let mut current = "";
        for (section, text, key) in &rows {
            if section != current {
                current = section;
                lines.push(format!("\n[{current}]"));
            }
            // A comment ends with its line: a file name with a line break in it must not end it.
            let origin = self.origins.get(*key).unwrap_or(&Origin::Default).to_string();
            let origin = origin.replace(is_steering, "?");
            lines.push(format!("{text:width$}  # {origin}"));
        }
        lines.push(String::new());
        Ok(lines.join("\n"))
    }

    /// `{schema_version, config, origins}`.
    ///
    /// # Errors
    /// Fails if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        let config =
            serde_json::to_value(&self.config).context("cannot write the configuration")?;
        let origins: Map<_, _> = self
            .origins
            .iter()
            .map(|(key, origin)| (key.clone(), json!(origin.to_string())))
            .collect();
        Ok(json!({ "schema_version": 1, "config": config, "origins": origins }))
    }
}
