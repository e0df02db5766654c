use std::fmt;
use std::path::{Path, PathBuf};

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation.
    #[error("cannot {operation} {}: {cause}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, such as `write`.
        operation: &'static str,
        /// What the operating system said. It is part of the message and therefore not repeated as
        /// the error's source.
        cause: std::io::Error,
    },
    /// Another process is using the run directory.
    #[error(
        "{} is in use by {holder}; wait until it ends, stop it, or choose another directory",
        path.display()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who holds it: process number, host and program, as far as they are known.
        holder: String,
    },
    /// A run directory was to be created where something is already.
    #[error(
        "{} exists already and is not an empty directory; choose another --out, or take up the run in it with --resume",
        path.display()
    )]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A run was to begin in a directory that holds a file which the run would have to replace.
    #[error(
        "{} is there already, is not what this run would write, and is kept; move it away or choose another --out",
        path.display()
    )]
    Kept {
        /// The file.
        path: PathBuf,
    },
    /// A directory was to be opened as a run and is none.
    #[error(
        "{} is not a run directory: it has no manifest.json; give the directory of a run, or \
         begin one that was killed too early with the same command again, without --resume",
        path.display()
    )]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
    /// A run directory is not where its run began, or something else is there.
    #[error("{} is not the directory that this run is in: it was moved, removed or replaced while the run went on", path.display())]
    Moved {
        /// Where it was.
        path: PathBuf,
    },
    /// A file does not hold what it should.
    #[error("{} is damaged: {what} is {found}, expected {expected}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The part of it that is wrong.
        what: String,
        /// What should have been there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An NPY file is not what it should be, or holds what is not understood.
    #[error("{}: byte {offset}: {what} is {found}, expected {expected}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong.
        what: &'static str,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A run recorded no snapshots, or they are gone.
    #[error(
        "{} has no snapshots.npy with its snapshots.csv; record them by training with --set train.snapshots_per_epoch=4",
        path.display()
    )]
    NoSnapshots {
        /// The directory of the run.
        path: PathBuf,
    },
    /// A manifest was written under a schema that this version cannot read.
    #[error(
        "{} has schema_version {found}, expected {expected}; read it with the version of the program that wrote it",
        path.display()
    )]
    Schema {
        /// The manifest.
        path: PathBuf,
        /// The version that is understood.
        expected: u64,
        /// The version that was found.
        found: String,
    },
    /// A name would lead out of the run directory, or names nothing.
    #[error(
        "{name:?} cannot name a file of a run: use a relative path without `..`, such as figures/curves.png"
    )]
    Name {
        /// The name as it was given.
        name: String,
    },
    /// A float array holds an infinity or something that is not a number.
    #[error("{}: value {index} of array {array:?} is not a finite number", path.display())]
    NonFinite {
        /// The file that was read or was to be written.
        path: PathBuf,
        /// The array, by name.
        array: String,
        /// Position of the first such value, counted from 0 in row-major order.
        index: usize,
    },
    /// An array is not what its place asks for.
    #[error("array {array:?}: {what} is {found}, expected {expected}")]
    Array {
        /// The array, by name.
        array: String,
        /// What about it is wrong.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A metadata key of a checkpoint is one that the file format uses itself.
    #[error("metadata key {key:?} belongs to the file format; choose another name")]
    ReservedKey {
        /// The key.
        key: String,
    },
    /// A record of a log holds a line break and would become two.
    #[error(
        "a record for {} holds a line break at byte {offset}; a record is one line",
        path.display()
    )]
    LineBreak {
        /// The log.
        path: PathBuf,
        /// Where in the record the first line break stands.
        offset: usize,
    },
    /// The file system has not enough room.
    #[error(
        "{} has room for {available} bytes, {needed} are needed; free some space or choose another directory",
        path.display()
    )]
    NoSpace {
        /// A directory on the file system.
        path: PathBuf,
        /// How many bytes are needed.
        needed: u64,
        /// How many bytes this user may still write.
        available: u64,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, operation: &'static str, cause: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), operation, cause }
    }

    pub(crate) fn corrupt(
        path: &Path,
        what: impl Into<String>,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self::Corrupt {
            path: path.to_path_buf(),
            what: what.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(crate) fn format(
        path: &Path,
        offset: impl TryInto<u64>,
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self::Format {
            path: path.to_path_buf(),
            offset: offset.try_into().unwrap_or(u64::MAX),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(crate) fn array(
        array: &str,
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self::Array {
            array: array.to_string(),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// Whether a directory belongs to another process, or did until now.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Exists { .. })
    }

    /// Whether the operating system answered with `kind`.
    pub(crate) fn is(&self, kind: std::io::ErrorKind) -> bool {
        matches!(self, Self::Io { cause, .. } if cause.kind() == kind)
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
