use std::fmt;
use std::path::PathBuf;

/// What happens while data are obtained, for whoever wants to show it; `Display` gives one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A source is asked that may take a while.
    Trying {
        /// The source.
        source: String,
    },
    /// Another process is obtaining the same data, and is waited for.
    Waiting {
        /// The cache directory.
        directory: PathBuf,
        /// Who that is: process number, host and program, as far as they are known.
        holder: String,
    },
    /// More of a file has arrived.
    Progress {
        /// The file, by its standard name.
        file: &'static str,
        /// Bytes of decompressed content so far.
        done: u64,
        /// Bytes of decompressed content altogether.
        total: u64,
    },
    /// A source could not give the data.
    Passed {
        /// The source.
        source: String,
        /// Why not.
        reason: String,
    },
    /// The cached copy is not what it should be; it is kept until a good one takes its place.
    Damaged {
        /// The cache directory.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data could not be kept for the next time; they are used all the same.
    NotCached {
        /// The cache directory.
        directory: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A source gave the data, and they are verified.
    Obtained {
        /// The source.
        source: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trying { source } => write!(f, "{source}: trying"),
            Self::Waiting { directory, holder } => {
                write!(f, "{}: being filled by {holder}; waiting", directory.display())
            }
            Self::Progress { file, done, total } => write!(f, "{file}: {done} of {total} bytes"),
            Self::Passed { source, reason } => write!(f, "{source}: {reason}"),
            Self::Damaged { directory, reason } => {
                let directory = directory.display();
                write!(f, "{directory}: the cached copy is damaged and obtained anew: {reason}")
            }
            Self::NotCached { directory, reason } => {
                write!(f, "{}: no copy kept there: {reason}", directory.display())
            }
            Self::Obtained { source } => write!(f, "{source}: data verified"),
        }
    }
}
