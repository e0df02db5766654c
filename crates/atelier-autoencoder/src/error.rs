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
        expected: String,
        /// What was found.
        found: String,
    },
    /// Numbers that a decomposition or a measurement was asked of do not allow it.
    #[error("{what}: found {found}, expected {expected}")]
    Data {
        /// Which numbers.
        what: &'static str,
        /// What would have been allowed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A decomposition failed.
    #[error("the decomposition of a {size} x {size} covariance failed: {reason}")]
    Decomposition {
        /// Rows of the covariance.
        size: usize,
        /// What the solver said.
        reason: String,
    },
    /// A network could not be built or read.
    #[error(transparent)]
    Model(#[from] atelier_models::Error),
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
