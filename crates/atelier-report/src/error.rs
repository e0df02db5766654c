use std::path::{Path, PathBuf};

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the run is not there.
    #[error("{} is missing, which holds {holds}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the report takes from it.
        holds: &'static str,
    },
    /// A file could not be read, or a report not written.
    #[error(transparent)]
    Store(#[from] atelier_store::Error),
    /// A file that must hold JSON does not.
    #[error("{} is damaged: {cause}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong there.
        cause: serde_json::Error,
    },
    /// A value is not there, or not what it must be.
    #[error("{}: `{key}` is {found}, expected {expected}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The way to the value: `ranking[3].value`.
        key: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A figure is no PNG file.
    #[error("{} is damaged: it is no PNG picture", path.display())]
    NotPng {
        /// The file.
        path: PathBuf,
    },
    /// A name of an author says nothing.
    #[error("an author's name is empty")]
    NoName,
    /// Typst refuses the document.
    #[error("the report cannot be typeset: {0}")]
    Typesetting(String),
}

impl Error {
    pub(crate) fn value(
        path: &Path,
        key: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Value {
            path: path.to_path_buf(),
            key: key.into(),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// What to do about it, where there is something.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } => Some(
                "give the directory of a run of `reproduce`; one that was stopped goes on with `atelier reproduce \
                 --resume --out DIR`",
            ),
            Self::NotJson { .. } | Self::NotPng { .. } => {
                Some("`atelier reproduce` makes a new run")
            }
            Self::Value { key, .. } if key == "verb" => Some(
                "give the directory of a run of `reproduce`; `atelier runs list` lists all runs",
            ),
            Self::Value { .. } => Some(
                "the file belongs to another version or was changed; `atelier reproduce` makes a run that \
                 this version can report",
            ),
            Self::NoName => Some("--author takes a name, such as --author 'Ada Lovelace'"),
            Self::Store(_) | Self::Typesetting(_) => None,
        }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
