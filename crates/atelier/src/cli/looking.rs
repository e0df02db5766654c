//! What looks at runs, at configurations, and at the command line itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::{ConfigFlags, OutputFlags};

/// `runs`.
#[derive(Debug, Subcommand)]
pub enum RunsVerb {
    /// List all runs
    #[command(
        after_help = "Examples:\n  atelier runs list\n  atelier runs list train\n  atelier runs list --format json"
    )]
    List(RunsListArgs),
    /// Show one run: its manifest and its results
    #[command(
        after_help = "Examples:\n  atelier runs show train-0001\n  atelier runs show runs/mine --format json"
    )]
    Show(RunsShowArgs),
    /// Put runs side by side: the settings that differ, the results, and their curves in one figure
    Compare(RunsCompareArgs),
    /// Compute anew what a run says of itself: the digests of its data, and its results from its model
    Verify(RunsVerifyArgs),
    /// Hold the results of a run against requirements; exit code 1 where one does not hold
    Check(RunsCheckArgs),
    /// Write a run for other programs: its network as ONNX, its metrics for TensorBoard
    #[command(
        after_help = "Examples:\n  atelier runs export train-0001 --onnx\n  atelier runs export train-0001 --onnx \
                            --out shoes.onnx\n  atelier runs export train-0001 --tensorboard"
    )]
    Export(RunsExportArgs),
}

/// `runs export`.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("form").required(true).multiple(true))]
pub struct RunsExportArgs {
    /// The name of a run of `train` or `autoencoder`, or its directory
    #[arg(value_name = "RUN")]
    pub name: PathBuf,
    /// The network as ONNX: pixels in [0, 1] in, logits (or reconstructions) out [default place:
    /// model.onnx in the run]
    #[arg(long, group = "form")]
    pub onnx: bool,
    /// The metrics as an event file of TensorBoard [default place: the directory tensorboard in the run]
    #[arg(long, group = "form")]
    pub tensorboard: bool,
    /// The file to write, for one of the two; it must be new
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `runs list`.
#[derive(Debug, Clone, Args)]
pub struct RunsListArgs {
    /// Only those of this verb, such as `train`
    #[arg(value_name = "VERB")]
    pub verb: Option<String>,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `runs show`.
#[derive(Debug, Clone, Args)]
pub struct RunsShowArgs {
    /// The name of a run, or its directory
    #[arg(value_name = "RUN")]
    pub name: PathBuf,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `runs compare`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier runs compare train-0001 train-0002\n  \
                        atelier runs compare runs/a runs/b runs/c --out figures\n  \
                        atelier runs compare tune-0001/retrained train-0003 --format json")]
pub struct RunsCompareArgs {
    /// Names or directories of two to seven runs
    #[arg(value_name = "RUN", required = true, num_args = 2..=7)]
    pub runs: Vec<PathBuf>,
    /// Where the figure of the curves goes, comparison.png and comparison.svg; none that is there is
    /// replaced [default: runs/comparison, which holds the last one]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `runs verify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier runs verify train-0001\n  \
                        atelier runs verify runs/mine --data-dir mydata\n  \
                        atelier runs verify tune-0001 --format json\n\nNothing is written: the run \
                        stays as it is, and so does its count of looks at the test examples.")]
pub struct RunsVerifyArgs {
    /// The name of a run, or its directory
    #[arg(value_name = "RUN")]
    pub name: PathBuf,
    /// Where the data of the run is [default: where the run found it]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub data_dir: Option<PathBuf>,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `runs check`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  atelier runs check train-0001 --require 'test.accuracy>=0.87'\n  \
                      atelier runs check runs/ci --require 'epochs==3' --require 'last_20.19.loss < 1'\n  \
                      atelier runs check variants-0001 --require 'best != baseline'\n\n\
                      KEY is a dotted path into summary.json, entries of lists counted from 0; \
                      `atelier runs show RUN` lists what there is. OP is one of >= <= > < == !=. \
                      VALUE is a number, true, false, null or a text.\n\nExit codes: 0 all hold; 1 \
                      one does not; 2 there is no such run, key or operator."
)]
pub struct RunsCheckArgs {
    /// The name of a run, or its directory
    #[arg(value_name = "RUN")]
    pub name: PathBuf,
    /// What must hold, such as 'test.accuracy>=0.87'; may be repeated. Quote it: a shell takes > and <
    /// for files
    #[arg(long, value_name = "KEY OP VALUE", required = true)]
    pub require: Vec<String>,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Show the resolved configuration and where each value comes from
    #[command(
        after_help = "Examples:\n  atelier config show\n  atelier config show autoencoder/best\n  atelier config show train/baseline --set \
                            train.epochs=5\n  atelier config show > mine.toml"
    )]
    Show(ConfigShowArgs),
}

/// `config show`.
#[derive(Debug, Clone, Args)]
pub struct ConfigShowArgs {
    /// A preset, such as `train/baseline`
    #[arg(value_name = "PRESET", conflicts_with = "preset")]
    pub name: Option<String>,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// Show what `--smoke` would make of it
    #[arg(long)]
    pub smoke: bool,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  source <(atelier completions bash)\n  \
                        atelier completions zsh > ~/.zfunc/_atelier\n  \
                        atelier completions fish > ~/.config/fish/completions/atelier.fish")]
pub struct CompletionsArgs {
    /// The shell that is to complete
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}
