//! The file of a grid: a line that says of which, then one for each row that is done.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use atelier_store::{AppendLog, read_regular};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, Height, Result};

/// Four million points, as many as there can be, take less.
const LARGEST: u64 = 512 << 20;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// SHA-256 of everything that the values depend on.
    of: String,
}

/// Any other line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    row: Row,
    /// Of the head's digest and the row.
    sha256: String,
}

/// The heights along a row.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) y: usize,
    loss: Vec<f64>,
    standard_error: Option<Vec<f64>>,
    accuracy: Option<Vec<f64>>,
}

impl Row {
    /// How many points it has.
    pub(crate) fn width(&self) -> usize {
        self.loss.len()
    }

    /// Its points, in order.
    pub(crate) fn heights(&self) -> Vec<Height> {
        let at = |list: &Option<Vec<f64>>, x: usize| list.as_ref().map(|list| list[x]);
        let height = |(x, &loss): (usize, &f64)| Height {
            loss,
            standard_error: at(&self.standard_error, x),
            accuracy: at(&self.accuracy, x),
        };
        self.loss.iter().enumerate().map(height).collect()
    }

    fn is_even(&self) -> bool {
        let lists = [&self.standard_error, &self.accuracy];
        lists.into_iter().flatten().all(|list| list.len() == self.loss.len())
    }
}

/// What the content of a file says up to the first line that is damaged.
#[derive(Default)]
pub(crate) struct Content {
    /// The digest of the grid.
    pub(crate) of: String,
    pub(crate) rows: Vec<Row>,
    /// The bytes up to there.
    pub(crate) end: u64,
    /// The number of that line, and what was expected of it.
    damage: Option<(usize, &'static str)>,
    /// Which rows there are.
    known: HashSet<usize>,
}

impl Content {
    /// What `file` says; of no file nothing.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        match read_regular(file, LARGEST) {
            Ok(bytes) => Ok(Self::parse(&bytes)),
            Err(atelier_store::Error::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let lines = bytes.split_inclusive(|&byte| byte == b'\n');
        // A last line without its end was cut by a kill.
        let whole = lines.map_while(|line| line.strip_suffix(b"\n"));
        for (number, line) in (1..).zip(whole) {
            let added = if number == 1 { found.begin(line) } else { found.add(line) };
            if let Err(expected) = added {
                found.damage = Some((number, expected));
                break;
            }
            found.end += line.len() as u64 + 1;
        }
        found
    }

    fn begin(&mut self, line: &[u8]) -> std::result::Result<(), &'static str> {
        let head: Head = serde_json::from_slice(line).map_err(|_| "the digest of a grid")?;
        self.of = head.of;
        Ok(())
    }

    fn add(&mut self, line: &[u8]) -> std::result::Result<(), &'static str> {
        let line: Line =
            serde_json::from_slice(line).map_err(|_| "a row of the grid with its checksum")?;
        if checksum(&self.of, &line.row).ok() != Some(line.sha256) {
            return Err("a row that its checksum is of");
        }
        if !line.row.is_even()
            || self.rows.first().is_some_and(|row| row.width() != line.row.width())
        {
            return Err("as many values as in the other rows");
        }
        if !self.known.insert(line.row.y) {
            return Err("another row than those before");
        }
        self.rows.push(line.row);
        Ok(())
    }

    /// The number of rows, or the damage behind them.
    fn checked(self, path: &Path) -> Result<usize> {
        match self.damage {
            None => Ok(self.rows.len()),
            Some((number, expected)) => Err(Error::Store(atelier_store::Error::Corrupt {
                path: path.to_path_buf(),
                what: format!("line {number}"),
                expected: expected.to_string(),
                found: "something else".to_string(),
            })),
        }
    }
}

/// How many rows a file of [`GridWork::remember`](crate::GridWork::remember) holds; none where there is no file. A last
/// line without its end, which a kill leaves, is left out.
///
/// # Errors
/// [`Error::Store`] if the file cannot be read, and at the first line that is damaged: from there on
/// [`evaluate_grid`](crate::evaluate_grid) evaluates anew, and says nothing of it.
pub fn read_rows(file: &Path) -> Result<usize> {
    Content::read(file)?.checked(file)
}

/// As [`read_rows`], of the content of a file; `path` is for messages alone.
///
/// # Errors
/// As [`read_rows`].
pub fn parse_rows(bytes: &[u8], path: &Path) -> Result<usize> {
    Content::parse(bytes).checked(path)
}

/// Begins the file of the grid with this digest.
pub(crate) fn append_head(log: &mut AppendLog, of: &str) -> Result<()> {
    Ok(log.append(&json(&Head { of: of.to_string() })?)?)
}

/// Adds the heights along row `y` of the grid with this digest.
pub(crate) fn append_row(
    log: &mut AppendLog,
    of: &str,
    y: usize,
    heights: &[Height],
) -> Result<()> {
    let row = Row {
        y,
        loss: heights.iter().map(|h| h.loss).collect(),
        standard_error: heights.iter().map(|h| h.standard_error).collect(),
        accuracy: heights.iter().map(|h| h.accuracy).collect(),
    };
    let sha256 = checksum(of, &row)?;
    Ok(log.append(&json(&Line { row, sha256 })?)?)
}

/// Numbers come back from JSON to the bit, so that what was read has the checksum of what was written.
fn checksum(of: &str, row: &Row) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(of);
    digest.update(json(row)?);
    Ok(hex(digest))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| Error::setting("a row of the grid", "finite numbers", error))
}

/// A finished digest as text.
pub(crate) fn hex(digest: Sha256) -> String {
    let mut text = String::new();
    for byte in digest.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
