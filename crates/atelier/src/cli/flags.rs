//! The flags that verbs share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::LARGEST_SEED;

pub(super) const MAX_SEED: u64 = LARGEST_SEED.unsigned_abs();

/// Where the configuration comes from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration (later wins: preset, file, --smoke, --set, --seed)")]
pub struct ConfigFlags {
    /// A configuration that comes with the program [default: the verb's first]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// A TOML file, such as the config.toml of a run
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One value, such as train.epochs=5 or model.hidden=50,50,50; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// All randomness comes from this number; the same as --set seed=N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MAX_SEED))]
    pub seed: Option<u64>,
}

/// Which data.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Data")]
pub struct DataFlags {
    /// Where the data is, or is to be kept.
    #[arg(
        long,
        value_name = "DIR",
        help = "Where the data is, or is to be kept [default: data, under $ATELIER_HOME if that is set]"
    )]
    pub data_dir: Option<PathBuf>,
    /// Take files whose SHA-256 is not the pinned one (one's own data); recorded with the run
    #[arg(long)]
    pub allow_unpinned: bool,
    /// Take the files of one source only: `course` for the course's own NPY files [default: whichever
    /// source has the data]
    #[arg(long, value_enum, value_name = "SOURCE", hide_possible_values = true)]
    pub source: Option<DataSource>,
    /// Take the small sample that comes with the repository (2,000 + 1,000 images), 400 of it for
    /// validation, and train for 3 epochs: everything is done, within seconds, and the accuracy
    /// means nothing
    #[arg(long, conflicts_with_all = ["data_dir", "allow_unpinned", "source"])]
    pub smoke: bool,
}

/// A source of data that can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DataSource {
    /// The course's own files.
    Course,
}

/// Where a run is written and what it runs on.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Run")]
pub struct RunFlags {
    /// The run directory; it must be new or empty [default: the next number under runs]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Take up the interrupted run in --out, or the newest interrupted one, with its own
    /// configuration
    #[arg(long)]
    pub resume: bool,
    /// What to compute on: cpu, cuda or cuda:N [default: cpu; with --resume as before]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// How many threads compute; the results do not depend on it [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// What is shown.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Results as `text`, or as exactly one `json` object [default: text]
    #[arg(long, value_enum, default_value_t = Format::Text, hide_possible_values = true, hide_default_value = true)]
    pub format: Format,
    /// Show results and errors only
    #[arg(long, short)]
    pub quiet: bool,
}

/// The form of results on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Tables.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Weights from a file, in place of drawn ones. It is a `.safetensors` file, of PyTorch or of a run, with exactly the tensors
/// of the configured network, for pixels in [0, 1].
#[derive(Debug, Clone, Default, Args)]
pub struct WeightFlags {
    /// Do not train: evaluate the configured network with the weights in this .safetensors file, of
    /// PyTorch or of a run, on the validation and the test examples
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "find_learning_rate", "from"])]
    pub evaluate: Option<PathBuf>,
    /// Begin from the weights in this .safetensors file, of PyTorch or of a run, in place of drawn ones
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "find_learning_rate"])]
    pub from: Option<PathBuf>,
}
