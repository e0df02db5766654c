use std::fmt::Display;
use std::path::{Path, PathBuf};

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting of the study lies outside what it may be.
    #[error("{key} is {found}, expected {expected}")]
    Setting {
        /// The key in the configuration.
        key: &'static str,
        /// What would have been allowed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The system gives no more threads.
    #[error("cannot begin a thread for a trial: {0}; search with fewer workers")]
    Thread(std::io::Error),
    /// The search space cannot be what it says.
    #[error("parameter {name:?} of the search space: {what} is {found}, expected {expected}")]
    Parameter {
        /// The parameter, by name.
        name: String,
        /// What about it is wrong.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A trial has no such setting, or one of another kind.
    #[error("setting {name:?} of the trial is {found}, expected {expected}")]
    Lookup {
        /// The setting, by name.
        name: String,
        /// What was asked for.
        expected: &'static str,
        /// What the trial has.
        found: String,
    },
    /// The stored study was begun under other conditions.
    #[error(
        "the stored study has {what} {found}, this one {expected}; resume it as it was begun, or give the new study another file or name"
    )]
    Mismatch {
        /// What differs.
        what: String,
        /// What was asked for.
        expected: String,
        /// What the stored study has.
        found: String,
    },
    /// A whole line of a journal is not what the format asks for.
    #[error("{} line {line}: found {found}, expected {expected}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// The objective met an error that no other setting would cure; the trial waits to be run again.
    #[error("trial {number}: {message}")]
    Objective {
        /// The trial's number.
        number: usize,
        /// What the objective said.
        message: String,
        /// The objective's error.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something could not be written or read.
    #[error(transparent)]
    Store(#[from] atelier_store::Error),
}

impl Error {
    pub(crate) fn setting(key: &'static str, expected: impl Display, found: impl Display) -> Self {
        Self::Setting { key, expected: expected.to_string(), found: found.to_string() }
    }

    pub(crate) fn parameter(
        name: &str,
        what: &'static str,
        expected: impl Display,
        found: impl Display,
    ) -> Self {
        let (expected, found) = (brief(expected), brief(found));
        Self::Parameter { name: brief(name), what, expected, found }
    }

    pub(crate) fn mismatch(
        what: impl Into<String>,
        expected: impl Display,
        found: impl Display,
    ) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self::Mismatch { what: what.into(), expected, found }
    }

    pub(crate) fn journal(
        path: &Path,
        line: u64,
        expected: impl Display,
        found: impl Display,
    ) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self::Journal { path: path.to_path_buf(), line, expected, found }
    }
}

/// The text, without its middle where it is long: what names and values there are comes from outside.
pub(crate) fn brief(text: impl Display) -> String {
    const START: usize = 80;
    const END: usize = 40;
    let text: Vec<char> = text.to_string().chars().collect();
    if text.len() <= START + END {
        return text.into_iter().collect();
    }
    text[..START].iter().chain(&['…']).chain(&text[text.len() - END..]).collect()
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
