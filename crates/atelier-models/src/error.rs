/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting lies outside what it may be.
    #[error("{key} is {found}, expected {expected}")]
    Setting {
        /// The key in the configuration.
        key: &'static str,
        /// What would have been allowed.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A state lacks a tensor that the network has.
    #[error("the state has no tensor {name:?}, which this network needs")]
    Missing {
        /// The tensor.
        name: String,
    },
    /// A state has a tensor that the network lacks.
    #[error("the state has a tensor {name:?}, which this network does not know")]
    Unknown {
        /// The tensor.
        name: String,
    },
    /// A computation failed.
    #[error(transparent)]
    Core(#[from] atelier_core::Error),
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Core(error.into())
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
