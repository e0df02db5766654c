use std::fmt;

/// What can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A device was asked for that this build or this machine does not have.
    #[error("device {requested:?} cannot be used: {reason}")]
    Device {
        /// What was asked for, as it was written.
        requested: String,
        /// Why it cannot be had, and what to do instead.
        reason: String,
    },
    /// A tensor or an array has not the shape that its place asks for.
    #[error("{what} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor, by name.
        what: String,
        /// The shape that was expected.
        expected: Vec<usize>,
        /// The shape that was found.
        found: Vec<usize>,
    },
    /// A value lies outside what its place allows.
    #[error("{what} is {found}, expected {expected}")]
    Value {
        /// The quantity, by name.
        what: String,
        /// What would have been allowed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// candle could not do what it was asked.
    #[error("tensor operation failed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// A [`Error::Shape`] from anything that can be read as dimensions.
    pub fn shape(what: impl Into<String>, expected: &[usize], found: &[usize]) -> Self {
        Self::Shape { what: what.into(), expected: expected.to_vec(), found: found.to_vec() }
    }

    /// A [`Error::Value`] from anything that can be printed.
    pub fn value(
        what: impl Into<String>,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self::Value { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }
}

/// A number as a message gives it: 1e300 and not 301 digits.
#[must_use]
pub fn number(value: f64) -> String {
    if value == 0.0 || (1e-4..1e7).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
