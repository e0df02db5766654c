//! One layer over another, each value checked where it is put.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_store::{is_steering, read_regular};
use atelier_tune::SpaceConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{Origin, assignment, keys, presets::Preset};
use crate::failure::Help as _;
use crate::home;
use crate::terminal::brief;

/// TOML has no integer above 2^63 - 1, and verbs with several runs use the seeds that follow, too.
pub(crate) const LARGEST_SEED: i64 = i64::MAX - 65_536;

/// No configuration is nearly as long.
pub(crate) const LARGEST: u64 = 1 << 20;

/// The values so far and where each came from.
pub(super) struct Layers {
    defaults: Table,
    /// Whether a table is a configuration.
    fits: fn(Table) -> Result<(), toml::de::Error>,
    pub(super) table: Table,
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// The program's defaults of a verb's configuration.
    pub(super) fn new<C: Default + Serialize + DeserializeOwned>() -> Result<Self> {
        let defaults = Table::try_from(C::default()).context("cannot write the defaults")?;
        let origins = keys::leaves(&defaults).into_iter().map(|key| (key, Origin::Default));
        let fits = |table| C::deserialize(table).map(drop);
        Ok(Self { origins: origins.collect(), table: defaults.clone(), defaults, fits })
    }

    /// Puts a preset on top.
    pub(super) fn preset(&mut self, preset: &Preset) -> Result<()> {
        let table: Table =
            toml::from_str(preset.text).with_context(|| format!("preset {}", preset.title()))?;
        for key in keys::leaves(&table) {
            let origin = Origin::Preset { name: preset.title() };
            self.put_from(&table, &key, origin)?;
        }
        Ok(())
    }

    /// Puts the file of `--config` on top.
    pub(super) fn file(&mut self, path: &Path) -> Result<()> {
        let text = read_regular(path, LARGEST)
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Ok(String::from_utf8(bytes)?))
            .with_context(|| format!("cannot read the configuration {}", path.display()))
            .help_with_file(|| {
                format!("give an existing TOML file; `{} config show` prints one", home::program())
            })?;
        self.document(&text, path)
    }

    /// Puts the content of a file on top; `path` is for messages alone.
    pub(super) fn document(&mut self, text: &str, path: &Path) -> Result<()> {
        let document = DeTable::parse(text).map_err(|error| not_toml(&error, text, path))?;
        let lines = lines(text, document.get_ref());
        let table: Table = toml::from_str(text).map_err(|error| not_toml(&error, text, path))?;
        for key in keys::leaves(&table) {
            let line = lines.get(&key).copied().unwrap_or(1);
            self.put_from(&table, &key, Origin::File { path: path.to_path_buf(), line })?;
        }
        Ok(())
    }

    /// Puts one `--set key=value` on top.
    pub(super) fn set(&mut self, text: &str) -> Result<()> {
        let (key, mut value) = assignment::parse(text)?;
        // `model.hidden=50`: a list of one.
        if keys::get(&self.defaults, &key).is_some_and(Value::is_array) && !value.is_array() {
            value = Value::Array(vec![value]);
        }
        self.put(&key, value, Origin::Set).with_context(|| format!("--set {}", brief(text)))
    }

    /// Puts one value on top.
    ///
    /// # Errors
    /// Fails if there is no such key, or if the value is not of the key's type.
    pub(super) fn put(&mut self, key: &str, value: Value, origin: Origin) -> Result<()> {
        // One parameter of the search space, beside those that are there.
        let parameter = key.strip_prefix(keys::SPACE).and_then(|rest| rest.strip_prefix('.'));
        if let (Some(name), Some(Value::Table(space))) =
            (parameter, keys::get(&self.table, keys::SPACE))
        {
            let mut space = space.clone();
            space.insert(name.trim_matches('"').to_string(), value);
            return self.put(keys::SPACE, Value::Table(space), origin);
        }
        self.check(key, &value)?;
        let value = if key == keys::SPACE { flat(value)? } else { value };
        keys::put(&mut self.table, key, value);
        self.origins.insert(key.to_string(), origin);
        Ok(())
    }

    fn put_from(&mut self, layer: &Table, key: &str, origin: Origin) -> Result<()> {
        let Some(value) = keys::get(layer, key) else { return Ok(()) };
        let place = origin.to_string();
        self.put(key, value.clone(), origin).context(place)
    }

    fn check(&self, key: &str, value: &Value) -> Result<()> {
        if let Some(text) = steering(value) {
            // Printed as TOML its lines would stand among those of the configuration.
            let text = brief(&format!("{text:?}"));
            bail!("`{key}` holds the text {text}, expected one line without control characters");
        }
        match keys::get(&self.defaults, key) {
            Some(Value::Table(_)) if key == keys::SPACE => {
                let mut alone = self.defaults.clone();
                keys::put(&mut alone, key, value.clone());
                (self.fits)(alone).map_err(|error| anyhow!("`{key}`: {}", error.message()))
            }
            Some(Value::Table(_)) if value.as_table().is_some_and(Table::is_empty) => Ok(()),
            Some(Value::Table(section)) => {
                let known: Vec<String> =
                    section.keys().map(|name| format!("`{key}.{name}`")).collect();
                bail!("`{key}` is a section, not a value; its keys are {}", known.join(", "))
            }
            Some(_) => self.check_type(key, value),
            None => {
                let sections = self.defaults.iter().filter(|(_, value)| value.is_table());
                let known = self.origins.keys().chain(sections.map(|(name, _)| name));
                let near = keys::did_you_mean(key, known.map(String::as_str));
                let unknown: Result<()> = Err(anyhow!("unknown key `{}`{near}", brief(key)));
                unknown.help(|| format!("`{} config show` lists every key", home::program()))
            }
        }
    }

    /// Tries the value in a configuration that is otherwise the default, so that the complaint is
    /// about this key alone.
    fn check_type(&self, key: &str, value: &Value) -> Result<()> {
        if value.as_float().is_some_and(|number| !number.is_finite()) {
            bail!("`{key}` is {value}, expected a finite number");
        }
        if key == "seed" && value.as_integer().is_some_and(|seed| seed > LARGEST_SEED) {
            bail!(
                "`seed` is {value}, expected at most {LARGEST_SEED}: verbs with several runs use the seeds that follow, \
                 too"
            );
        }
        let Some(of_value) = self.refused(key, value.clone()) else { return Ok(()) };
        let default = keys::get(&self.defaults, key);
        // Which names there are, serde tells only to whoever gives it a text.
        let name = default.is_some_and(Value::is_str) && !value.is_str();
        let of_text = name.then(|| self.refused(key, Value::String(shown(value)))).flatten();
        let message = of_text.as_ref().unwrap_or(&of_value).message();
        Err(anyhow!("`{key}` is {}, expected {}", shown(value), expected(message, default)))
    }

    /// What a configuration that is otherwise the default has against this value.
    fn refused(&self, key: &str, value: Value) -> Option<toml::de::Error> {
        let mut alone = self.defaults.clone();
        keys::put(&mut alone, key, value);
        (self.fits)(alone).err()
    }
}

/// What is wrong with the text of a file, and where. The line is shown, unless it is too long to be.
pub(crate) fn not_toml(error: &toml::de::Error, text: &str, path: &Path) -> anyhow::Error {
    const MOST: usize = 600;
    let told = error.to_string();
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let (line, about) = (before.matches('\n').count() + 1, brief(error.message()));
    let cause = if told.len() <= MOST { anyhow!(told) } else { anyhow!("line {line}: {about}") };
    cause.context(format!("{} is not TOML", path.display()))
}

/// A text in the value that would steer a terminal or break a line.
fn steering(value: &Value) -> Option<&str> {
    let wrong = |text: &str| text.contains(is_steering);
    match value {
        Value::String(text) => Some(text.as_str()).filter(|text| wrong(text)),
        Value::Array(list) => list.iter().find_map(steering),
        Value::Table(table) => {
            let name = table.keys().map(String::as_str).find(|name| wrong(name));
            name.or_else(|| table.values().find_map(steering))
        }
        _ => None,
    }
}

/// A search space whose parameters are named by whole paths, however they were written.
fn flat(space: Value) -> Result<Value> {
    let space = SpaceConfig::deserialize(space).context(keys::SPACE)?;
    Value::try_from(space).context(keys::SPACE)
}

fn shown(value: &Value) -> String {
    let value = match value {
        Value::String(text) => format!("the text {text:?}"),
        Value::Array(_) => format!("the list {value}"),
        Value::Table(_) => "a section".to_string(),
        _ => value.to_string(),
    };
    brief(&value)
}

/// What would have been right, from serde's message, in the words of whoever writes a
/// configuration.
fn expected(message: &str, default: Option<&Value>) -> String {
    let Some((_, wanted)) = message.rsplit_once("expected ") else {
        // An untagged enum does not say what it wants.
        return default.map_or_else(
            || "another type".to_string(),
            |value| format!("a value such as {value}"),
        );
    };
    match wanted.trim() {
        "usize" | "u64" | "u32" => "a whole number, 0 or more".to_string(),
        "f64" | "f32" => "a number".to_string(),
        "a boolean" => "true or false".to_string(),
        "a sequence" => "a list".to_string(),
        wanted => wanted.replace('`', ""),
    }
}

/// The line of every key of a document, counted from 1.
fn lines(text: &str, document: &DeTable<'_>) -> HashMap<String, usize> {
    fn walk(
        breaks: &[usize],
        table: &DeTable<'_>,
        prefix: &str,
        found: &mut HashMap<String, usize>,
    ) {
        for (key, value) in table {
            let name: &Spanned<_> = key;
            let path = match prefix {
                "" => name.get_ref().to_string(),
                _ => format!("{prefix}.{}", name.get_ref()),
            };
            let before = breaks.partition_point(|&at| at < name.span().start);
            if let DeValue::Table(inner) = value.get_ref() {
                walk(breaks, inner, &path, found);
            }
            found.insert(path, before + 1);
        }
    }
    // Searched for each key: a hostile file has as many keys as lines, and counting before each takes minutes.
    let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut found = HashMap::new();
    walk(&breaks, document, "", &mut found);
    found
}
