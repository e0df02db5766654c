use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result, durable_write, fs, sealed, unsealed};

/// The version of `manifest.json` that this crate writes and reads.
pub const SCHEMA_VERSION: u64 = 1;

/// No manifest is nearly as long; what is read takes up to 150 times as much memory.
const LARGEST: u64 = 1 << 20;
/// How many of these bytes are kept for what a manifest says only when its run has ended.
const FOR_THE_END: u64 = 64 << 10;

/// What a run is, and how it went: `manifest.json`.
///
/// Fields that a reader does not know are passed over, so that some can be added without a new
/// schema version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u64,
    /// The program that made the run.
    pub program: Program,
    /// The commit of the source tree that it ran from, where there is one.
    pub git_commit: Option<String>,
    /// What was run, such as `train`.
    pub verb: String,
    /// The command line, program first.
    pub command_line: Vec<String>,
    /// The configuration with everything resolved.
    pub config: Value,
    /// The data that was used, if any.
    pub dataset: Option<Dataset>,
    /// The file of weights that the run began from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// The device, such as `cpu`.
    pub device: String,
    /// How many threads computed.
    pub threads: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// When the run began, in UTC as [`utc_now`](crate::utc_now) writes it.
    pub started: String,
    /// When it ended, in the same way; `None` while it runs.
    pub finished: Option<String>,
    /// How it stands.
    pub status: Status,
    /// Why it failed, where it did.
    pub error: Option<String>,
    /// Whether it failed because its numbers are no longer finite: taken up, it would do so again.
    #[serde(default)]
    pub diverged: bool,
    /// How many times the test set was read.
    pub test_set_reads: u64,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The data of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// What the data is, such as `fashion-mnist`.
    pub name: String,
    /// Whether its digests are those that the program knows.
    pub pinned: bool,
    /// Where it was found.
    pub source: String,
    /// SHA-256 of the raw content of each file, in hexadecimal, by name.
    pub files: BTreeMap<String, String>,
}

/// A file of weights that was given to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// As it was named.
    pub file: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It runs; or it was killed, if its directory is not locked.
    Running,
    /// It came to its end.
    Complete,
    /// It was stopped and can be resumed.
    Interrupted,
    /// It ended with an error.
    Failed,
}

impl Status {
    /// The word that stands in the manifest.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Schema`] if it is of another schema
    /// version; [`Error::Corrupt`] if it is not JSON or a field is missing or of the wrong type.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&fs::read_regular(path, LARGEST)?, path)
    }

    /// As [`Manifest::read`], of the content of a file; `path` is for messages alone.
    ///
    /// # Errors
    /// As there.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let corrupt = |error| Error::corrupt(path, "the content", "a manifest in JSON", error);
        let value: Value = serde_json::from_slice(bytes).map_err(corrupt)?;
        // First of all, because nothing else means anything under another version.
        let version = value.get("schema_version").unwrap_or(&Value::Null);
        if version.as_u64() != Some(SCHEMA_VERSION) {
            let found = if version.is_null() { "none".to_string() } else { version.to_string() };
            let path = path.to_path_buf();
            return Err(Error::Schema { path, expected: SCHEMA_VERSION, found });
        }
        serde_json::from_value(value).map_err(corrupt)
    }

    /// Refuses a file in which a value is another than was written: it has a checksum of all others under `checksum`.
    /// One without it, of before there were any, is taken.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Corrupt`] if it is not JSON or was changed.
    pub fn check_unchanged(path: &Path) -> Result<()> {
        let bytes = fs::read_regular(path, LARGEST)?;
        let corrupt = |error| Error::corrupt(path, "the content", "a manifest in JSON", error);
        let mut object = serde_json::from_slice(&bytes).map_err(corrupt)?;
        unsealed(&mut object).map_err(|checksum| {
            let expected = "the values that its checksum was made of";
            Error::corrupt(
                path,
                "the content",
                expected,
                format!("values with the checksum {checksum}"),
            )
        })
    }

    /// Refuses a manifest that is so long that it could not be read when its run has ended.
    ///
    /// # Errors
    /// [`Error::Io`] with the number of bytes.
    pub(crate) fn check_length(&self, path: &Path) -> Result<()> {
        self.encode(path, LARGEST - FOR_THE_END).map(drop)
    }

    /// Writes the manifest durably, in place of the one before.
    ///
    /// # Errors
    /// [`Error::Io`] if it is longer than what [`Manifest::read`] reads; otherwise as
    /// [`durable_write`].
    pub fn write(&self, path: &Path) -> Result<()> {
        durable_write(path, &self.encode(path, LARGEST)?)
    }

    fn encode(&self, path: &Path, most: u64) -> Result<Vec<u8>> {
        let failed = |cause: std::io::Error| Error::io(path, "write", cause);
        let value = serde_json::to_value(self).map_err(|error| failed(error.into()))?;
        let object = value.as_object().cloned().unwrap_or_default();
        let mut bytes =
            serde_json::to_vec_pretty(&sealed(object)).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        if bytes.len() as u64 > most {
            let length = bytes.len();
            return Err(failed(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                format!(
                    "it would have {length} bytes, and at most {most} can be read again; shorten the settings and the \
                     command line, which it holds"
                ),
            )));
        }
        Ok(bytes)
    }
}
