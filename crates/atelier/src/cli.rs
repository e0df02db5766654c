//! The command line as clap reads it: verbs and flags, their help texts, nothing else.

mod flags;
mod looking;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use flags::MAX_SEED;
pub use flags::{ConfigFlags, DataFlags, DataSource, Format, OutputFlags, RunFlags, WeightFlags};
pub use looking::{
    CompletionsArgs, ConfigShowArgs, ConfigVerb, RunsCheckArgs, RunsCompareArgs, RunsExportArgs,
    RunsListArgs, RunsShowArgs, RunsVerb, RunsVerifyArgs,
};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "atelier",
    version,
    about = "A workshop for training dynamics: data, training, and what a run left behind",
    after_help = "Examples:\n  atelier train\n  atelier train --set model.hidden=128,64 --seed 3\n  \
                  atelier runs list\n\nInside the repository, `cargo xtask VERB` builds and runs \
                  the same commands.\n\nExit codes: 0 done; 1 a check did not hold or training \
                  diverged; 2 usage, configuration or I/O; 129 hung up; 130 interrupted; 143 terminated."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the whole assignment and say, claim by claim, whether it holds
    Reproduce(ReproduceArgs),
    /// Obtain, check or describe the data
    #[command(subcommand)]
    Data(DataVerb),
    /// Train a dense network
    Train(TrainArgs),
    /// Train an autoencoder and compare it with principal components
    Autoencoder(AutoencoderArgs),
    /// Check the derivation of He's initialisation, and see what initialisation does to deep networks
    Init(InitArgs),
    /// Draw the loss landscape around runs, and their way down it
    Landscape(LandscapeArgs),
    /// Search for the best settings of a dense network, by validation accuracy alone
    Tune(TuneArgs),
    /// Compare variants of a network with it, over many seeds
    Variants(VariantsArgs),
    /// Make the PDF and the web page of a reproduction
    Report(ReportArgs),
    /// Say what is in image files, by a trained network
    Predict(PredictArgs),
    /// Look at what was done
    #[command(subcommand)]
    Runs(RunsVerb),
    /// Look at configurations
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Write the completions of a shell to stdout
    Completions(CompletionsArgs),
}

/// `train`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier train\n  atelier train --seed 3 --out runs/third\n  \
                        atelier train --set data.validation=0 --set train.epochs=40\n  \
                        atelier train --config runs/train-0001/config.toml\n  \
                        atelier train --from mine.safetensors --set optimizer.learning_rate=0.01\n  \
                        atelier train --evaluate mine.safetensors --set model.hidden=128,64\n  \
                        atelier train --resume\n  atelier train --smoke --format json")]
pub struct TrainArgs {
    /// Do not train: raise the learning rate over one short run and show where the loss falls
    /// fastest
    #[arg(long, conflicts_with = "resume")]
    pub find_learning_rate: bool,
    /// Weights from elsewhere.
    #[command(flatten)]
    pub weights: WeightFlags,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// The run directory and the machine.
    #[command(flatten)]
    pub run: RunFlags,
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `autoencoder`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  atelier autoencoder\n  atelier autoencoder --preset best --seed 3\n  \
                        atelier autoencoder --set autoencoder.latent=16 --set train.epochs=5\n  \
                        atelier autoencoder --set autoencoder.noise=0.3\n  \
                        atelier autoencoder --set autoencoder.tied=true\n  \
                        atelier autoencoder --bottlenecks 4,8,16,32,64\n  \
                        atelier autoencoder --resume\n  atelier autoencoder --smoke --format json"
)]
pub struct AutoencoderArgs {
    /// Train once for each of these sizes of the code, in place of autoencoder.latent, and draw the
    /// test error by size [default without sizes: 4,8,16,32,64]
    #[arg(long, value_name = "SIZES", num_args = 0..=1, value_delimiter = ',')]
    pub bottlenecks: Option<Vec<usize>>,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// The run directory and the machine.
    #[command(flatten)]
    pub run: RunFlags,
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `init`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier init\n  atelier init --set init.draws=1000000\n  \
                        atelier init --set depths.layers=5,20 --set depths.seeds=5\n  \
                        atelier init --set optimizer.learning_rate=0.005\n  \
                        atelier init --resume\n  atelier init --smoke --format json\n\n\
                        Exit code 1 where an identity does not hold or a violation is not detected.")]
pub struct InitArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// The run directory and the machine.
    #[command(flatten)]
    pub run: RunFlags,
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `landscape`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier landscape\n  atelier landscape --preset full\n  \
                        atelier landscape --run train-0001 --run train-0002\n  \
                        atelier landscape --run autoencoder-0001 --set landscape.examples=5000\n  \
                        atelier landscape --set landscape.directions=filter-normalized\n  \
                        atelier landscape --import snapshots --set model.hidden=50,50,50\n  \
                        atelier landscape --resume\n  atelier landscape --smoke --format json")]
pub struct LandscapeArgs {
    /// Draw this run of `train` or `autoencoder`, which must have recorded snapshots, in place of
    /// training runs; may be repeated
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    pub run: Vec<PathBuf>,
    /// Draw the .safetensors files in this directory, one run in the order of their names, of the
    /// network that the section `model` describes; may be repeated
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub import: Vec<PathBuf>,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// The run directory and the machine.
    #[command(flatten)]
    pub run_flags: RunFlags,
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `tune`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier tune\n  atelier tune --trials 80 --seed 3\n  \
                        atelier tune --set tune.sampler=random --set tune.pruner=none\n  \
                        atelier tune --set 'tune.space.optimizer.momentum={float=[0.5,0.99]}'\n  \
                        atelier tune --config space.toml\n  atelier tune --resume\n  \
                        atelier tune --smoke --format json\n\nA file with another space:\n  \
                        [tune.space]\n  \"optimizer.kind\" = { choices = [\"sgd\", \"adam\"] }\n  \
                        \"optimizer.learning_rate\" = { float = [1e-4, 0.5], log = true }\n  \
                        \"optimizer.momentum\" = { float = [0.0, 0.9], step = 0.1, when = { \"optimizer.kind\" = \"sgd\" } }\n  \
                        \"model.layers\" = { int = [1, 3] }")]
pub struct TuneArgs {
    /// How many trials there are in total, those before --resume included [default: tune.trials]
    #[arg(long, value_name = "N")]
    pub trials: Option<usize>,
    /// How many trials run at the same time, on one thread each; trials and winner do not depend on
    /// it [default: --threads, or one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// Let no worker wait for another: settings are chosen and trials ended by whatever results are
    /// there. The study then depends on timing and does not repeat itself
    #[arg(long = "async", conflicts_with = "resume")]
    pub asynchronous: bool,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// The run directory and the machine.
    #[command(flatten)]
    pub run: RunFlags,
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `variants`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier variants\n  atelier variants --seeds 5\n  \
                        atelier variants --config runs/tune-0001/best.toml\n  \
                        atelier variants --config mine.toml --set train.epochs=20\n  \
                        atelier variants --best-dense\n  atelier variants --resume\n  \
                        atelier variants --smoke --format json\n\n\
                        A file with variants of one's own:\n  [[variants.list]]\n  \
                        name = \"wider at first\"\n  set = [\"model.hidden=51,49,49\"]")]
pub struct VariantsArgs {
    /// Compare nothing: train preset train/best-dense, the best dense network that was found, with one seed
    /// after the other, and test each
    #[arg(long, conflicts_with = "preset")]
    pub best_dense: bool,
    /// Train every network with so many seeds, at most 20 [default: variants.seeds; with --best-dense 5]
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    pub seeds: Option<u16>,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// The run directory and the machine.
    #[command(flatten)]
    pub run: RunFlags,
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `predict`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  atelier predict shoe.png\n  atelier predict --run train-0001 *.jpg\n  \
                        atelier predict --model mine.safetensors --set model.hidden=128,64 shoe.png\n  \
                        atelier predict --invert never night.png\n  \
                        atelier predict shoe.png --format json"
)]
pub struct PredictArgs {
    /// PNG or JPEG files of any size; crop them to the object
    #[arg(value_name = "IMAGE", required = true)]
    pub images: Vec<PathBuf>,
    /// The name of a run of `train`, or its directory [default: the newest complete one]
    #[arg(long, value_name = "RUN", conflicts_with = "model")]
    pub run: Option<PathBuf>,
    /// A .safetensors file, of PyTorch or of a run, of the network that the section `model` describes
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Whether to exchange dark and light: `auto` where an image is light and the images of the training
    /// are dark, or the reverse; `never`; `always` [default: auto]
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Invert::Auto,
          hide_possible_values = true, hide_default_value = true)]
    pub invert: Invert,
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// Whether dark and light are exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Invert {
    /// Where an image's background is not of the kind of those that the network was trained on.
    #[default]
    Auto,
    /// In no image.
    Never,
    /// In every image.
    Always,
}

/// `reproduce`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier reproduce\n  atelier reproduce --smoke\n  \
                        atelier reproduce --seed 3 --out runs/mine\n  \
                        atelier reproduce --author 'A. Student' --author 'B. Student'\n  \
                        atelier reproduce --resume\n\n\
                        Exit code 1 where a claim does not hold.")]
pub struct ReproduceArgs {
    /// Who hands the report in; may be repeated
    #[arg(long, value_name = "NAME")]
    pub author: Vec<String>,
    /// All randomness comes from this number
    #[arg(long, value_name = "N", conflicts_with = "resume",
          value_parser = clap::value_parser!(u64).range(..=MAX_SEED))]
    pub seed: Option<u64>,
    /// The run directory and the machine.
    #[command(flatten)]
    pub run: RunFlags,
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  atelier report reproduce-0001\n  \
                        atelier report runs/mine --author 'Ada Lovelace' --author 'Grace Hopper'\n\n\
                        Writes report.pdf and index.html into the directory of the run, in place of those \
                        that were there.")]
pub struct ReportArgs {
    /// A run of `reproduce`: its name, or its directory
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Who hands it in; may be repeated [default: nobody is named]
    #[arg(long, value_name = "NAME")]
    pub author: Vec<String>,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// `data`.
#[derive(Debug, Subcommand)]
pub enum DataVerb {
    /// Obtain Fashion-MNIST, unless it is there already
    #[command(
        after_help = "Examples:\n  atelier data fetch\n  atelier data fetch --data-dir /mnt/data\n  \
                      atelier data fetch --source course"
    )]
    Fetch(DataArgs),
    /// Check the files against their pinned SHA-256; fetches nothing
    #[command(
        after_help = "Examples:\n  atelier data verify\n  atelier data verify --data-dir mine --allow-unpinned"
    )]
    Verify(DataArgs),
    /// Describe the data: sizes, classes, pixels, source
    #[command(
        after_help = "Examples:\n  atelier data info\n  atelier data info --smoke --format json"
    )]
    Info(DataArgs),
}

/// The flags of every verb of `data`.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// The data.
    #[command(flatten)]
    pub data: DataFlags,
    /// What is shown.
    #[command(flatten)]
    pub output: OutputFlags,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
