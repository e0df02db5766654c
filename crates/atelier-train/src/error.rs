use std::fmt::Display;

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
    /// Training has left the numbers; the newest checkpoint is the last good state.
    #[error(
        "training diverged: the {quantity} is {value} at epoch {epoch}, step {step}, with learning rate {learning_rate:e}"
    )]
    Diverged {
        /// What is no longer finite, such as the loss.
        quantity: &'static str,
        /// What it is.
        value: f32,
        /// Epoch, counted from 1.
        epoch: usize,
        /// Step since the beginning, counted from 1.
        step: u64,
        /// The learning rate of that step.
        learning_rate: f64,
    },
    /// The gradient cannot be clipped, because its norm is not finite.
    #[error("the norm of the gradient is {norm}")]
    GradientNorm {
        /// What it is.
        norm: f64,
    },
    /// A range test over so few steps says nothing.
    #[error("a range test needs {least} steps or more, found {steps}")]
    TooFewSteps {
        /// How many there are.
        steps: usize,
        /// How many there should be.
        least: usize,
    },
    /// There is nothing to train on.
    #[error("the source has no batches")]
    NoBatches,
    /// A checkpoint belongs to another run.
    #[error("the checkpoint cannot be resumed here: {what} is {found}, expected {expected}")]
    Mismatch {
        /// What differs.
        what: String,
        /// What this run has.
        expected: String,
        /// What the checkpoint has.
        found: String,
    },
    /// A computation failed.
    #[error(transparent)]
    Core(#[from] atelier_core::Error),
    /// Something could not be written or read.
    #[error(transparent)]
    Store(#[from] atelier_store::Error),
}

impl Error {
    pub(crate) fn setting(key: &'static str, expected: &'static str, found: impl Display) -> Self {
        Self::Setting { key, expected, found: found.to_string() }
    }

    pub(crate) fn mismatch(
        what: impl Into<String>,
        expected: impl Display,
        found: impl Display,
    ) -> Self {
        Self::Mismatch {
            what: what.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Core(error.into())
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
