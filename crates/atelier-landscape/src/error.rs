/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting or an argument lies outside what it may be.
    #[error("{key} is {found}, expected {expected}")]
    Setting {
        /// The key in the configuration, or the name of the argument.
        key: &'static str,
        /// What would have been allowed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Points of a run that do not allow what was asked.
    #[error("{run}: found {found}, expected {expected}")]
    Trajectory {
        /// The name of the run.
        run: String,
        /// What would have been allowed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A loss that is not a number or infinite.
    #[error("the loss is {value} at {place}, expected a finite number")]
    NonFinite {
        /// Where.
        place: String,
        /// The loss.
        value: f64,
    },
    /// The eigendecomposition failed.
    #[error("the eigendecomposition of a {size} x {size} matrix failed: {reason}")]
    Decomposition {
        /// Rows of the matrix.
        size: usize,
        /// What the solver said.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("stopped after {done} of at most {of} steps")]
    Stopped {
        /// How many steps were done.
        done: usize,
        /// How many there would have been at most.
        of: usize,
    },
    /// The system gives no thread.
    #[error("cannot begin a thread: {0}")]
    Thread(std::io::Error),
    /// A file could not be read or written.
    #[error(transparent)]
    Store(#[from] atelier_store::Error),
    /// A computation failed.
    #[error(transparent)]
    Core(#[from] atelier_core::Error),
}

impl Error {
    /// [`Error::Setting`] with its facts.
    pub(crate) fn setting(
        key: &'static str,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Setting { key, expected: expected.into(), found: found.to_string() }
    }

    /// [`Error::Trajectory`] with its facts.
    pub(crate) fn trajectory(
        run: impl Into<String>,
        expected: impl Into<String>,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Trajectory { run: run.into(), expected: expected.into(), found: found.to_string() }
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Core(error.into())
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
