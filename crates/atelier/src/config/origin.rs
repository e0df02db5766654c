use std::fmt;
use std::path::PathBuf;

/// Where the value of a key comes from; later variants win over earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program's own default.
    Default,
    /// A preset that is built into the program.
    Preset {
        /// Verb and name, such as `train/baseline`.
        name: String,
    },
    /// The file of `--config`.
    File {
        /// The file.
        path: PathBuf,
        /// The line of the key, counted from 1.
        line: usize,
    },
    /// `--smoke`.
    Smoke,
    /// `--set`.
    Set,
    /// `--seed`.
    Seed,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset { name } => write!(f, "preset {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Smoke => f.write_str("--smoke"),
            Self::Set => f.write_str("--set"),
            Self::Seed => f.write_str("--seed"),
        }
    }
}
