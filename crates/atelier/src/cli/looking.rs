//! What looks at runs, and at the command line itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::OutputFlags;

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
