//! The results of a run, read and checked before anything is typeset.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use atelier_store::{Manifest, Status, is_steering, read_regular};
use serde_json::{Map, Value, json};

use crate::parts::{PARTS, Part};
use crate::shape::{brief, check};
use crate::{Error, Result, listings};

/// No summary is nearly as long; what is read takes up to a hundred times as much memory.
const LARGEST_SUMMARY: u64 = 8 << 20;
const LARGEST_FIGURE: u64 = 64 << 20;
/// More points than this no figure has.
const MOST_PIXELS: u64 = 64_000_000;
/// The version of the summaries that the report understands.
const SCHEMA_VERSION: u64 = 1;

/// Everything that the report shows.
#[derive(Debug)]
pub(crate) struct Results {
    /// What the report's sources read: manifest and summary of each part by its name, the authors, and what is of this program.
    pub json: Value,
    /// PNG files by their paths from the run directory.
    pub figures: BTreeMap<String, Vec<u8>>,
}

impl Results {
    /// Reads the run in a directory.
    pub(crate) fn read(run: &Path, authors: &[String]) -> Result<Self> {
        if authors.iter().any(|author| author.trim().is_empty()) {
            return Err(Error::NoName);
        }
        let mut json = Map::new();
        let mut figures = BTreeMap::new();
        for part in &PARTS {
            let directory = run.join(part.directory);
            let (manifest, summary) = (manifest(&directory, part)?, summary(&directory, part)?);
            let shown = shown(run, part, &mut figures)?;
            let part_json = json!({ "manifest": manifest, "summary": summary, "figures": shown });
            json.insert(part.name.to_owned(), part_json);
        }
        json.insert("authors".to_owned(), json!(authors));
        json.insert("listings".to_owned(), listings::all()?);
        json.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        Ok(Self { json: plain(Value::Object(json)), figures })
    }
}

fn manifest(directory: &Path, part: &Part) -> Result<Value> {
    let path = there(directory.join("manifest.json"), part)?;
    let manifest = Manifest::read(&path)?;
    if manifest.verb != part.verb {
        return Err(Error::value(
            &path,
            "verb",
            format!("{:?}", part.verb),
            format!("{:?}", manifest.verb),
        ));
    }
    // The reproduction itself still runs while its report is made; it has a summary when all of its parts are complete.
    if manifest.status != Status::Complete && !part.directory.is_empty() {
        return Err(Error::value(
            &path,
            "status",
            "\"complete\"",
            format!("{:?}", manifest.status.word()),
        ));
    }
    let value = serde_json::to_value(&manifest)
        .map_err(|cause| Error::NotJson { path: path.clone(), cause })?;
    check(&path, &value, part.manifest)?;
    Ok(value)
}

fn summary(directory: &Path, part: &Part) -> Result<Value> {
    let path = there(directory.join("summary.json"), part)?;
    let bytes = read_regular(&path, LARGEST_SUMMARY)?;
    let summary: Value = serde_json::from_slice(&bytes)
        .map_err(|cause| Error::NotJson { path: path.clone(), cause })?;
    let expect = |key: &str, expected: Value| {
        let found = summary.get(key);
        if found == Some(&expected) {
            return Ok(());
        }
        let found = found.map_or_else(|| "missing".to_owned(), brief);
        Err(Error::value(&path, key, expected.to_string(), found))
    };
    // First of all, because nothing else means anything under another version.
    expect("schema_version", json!(SCHEMA_VERSION))?;
    expect("verb", json!(part.verb))?;
    check(&path, &summary, part.keys)?;
    Ok(summary)
}

/// Reads the figures of a part and gives the path of each under its name: null of one that is not there, as where data
/// of a user's own have so many classes that it had no room.
fn shown(run: &Path, part: &Part, figures: &mut BTreeMap<String, Vec<u8>>) -> Result<Value> {
    let directory = run.join(part.directory).join("figures");
    let mut names: Vec<String> = part.figures.iter().map(|&name| name.to_owned()).collect();
    names.extend(others(&directory, part));
    let mut shown = Map::new();
    for name in names {
        let path = directory.join(format!("{name}.png"));
        if !is_there(&path) {
            shown.insert(name, Value::Null);
            continue;
        }
        let bytes = read_regular(&path, LARGEST_FIGURE)?;
        if !is_picture(&bytes) {
            return Err(Error::NotPng { path });
        }
        let place = format!("/{}/figures/{name}.png", part.directory);
        shown.insert(name, json!(place));
        figures.insert(place, bytes);
    }
    Ok(Value::Object(shown))
}

/// The names of the figures in a directory that are shown where they are, in order.
fn others(directory: &Path, part: &Part) -> Vec<String> {
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".png").map(str::to_owned))
        .filter(|name| plain(name) && part.others.iter().any(|start| name.starts_with(start)))
        .collect();
    names.sort();
    names
}

/// Whether every point of a PNG file can be read.
fn is_picture(bytes: &[u8]) -> bool {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let read = || -> std::result::Result<(), png::DecodingError> {
        let mut reader = decoder.read_info()?;
        let (width, height) = (reader.info().width, reader.info().height);
        let size = reader
            .output_buffer_size()
            .filter(|_| u64::from(width) * u64::from(height) <= MOST_PIXELS);
        let Some(size) = size else {
            return Err(png::DecodingError::LimitsExceeded);
        };
        reader.next_frame(&mut vec![0; size]).map(drop)
    };
    read().is_ok()
}

/// The path, where something is there.
fn there(path: PathBuf, part: &Part) -> Result<PathBuf> {
    if is_there(&path) { Ok(path) } else { Err(Error::Missing { path, holds: part.holds }) }
}

/// Whether something has this name; what cannot be looked at is told when it is read.
fn is_there(path: &Path) -> bool {
    !path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The value with all that steers in its texts replaced: neither a PDF nor a web page has a place for it.
fn plain(value: Value) -> Value {
    let text = |text: String| text.replace(|c| is_steering(c) && c != '\n', "?");
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (text(key), plain(value))).collect()
        }
        other => other,
    }
}
