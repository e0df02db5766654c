/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument lies outside what it may be.
    #[error("{argument} is {found}, expected {expected}")]
    Argument {
        /// The argument, by name.
        argument: &'static str,
        /// What would have been allowed.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A signal grew beyond the numbers of f64, or was not a number to begin with.
    #[error(
        "the {signal} of layer {layer} is not finite in draw {draw}; take fewer layers or a smaller scale"
    )]
    NonFinite {
        /// What is not finite: "pre-activation" or "gradient".
        signal: &'static str,
        /// The layer, counted from 1.
        layer: usize,
        /// The network it happened in, counted from 0.
        draw: usize,
    },
}

impl Error {
    /// [`Error::Argument`] with its facts.
    pub(crate) fn argument(
        argument: &'static str,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::Argument { argument, expected, found: found.to_string() }
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
