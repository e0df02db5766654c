//! The command line as clap reads it: verbs and flags, their help texts, nothing else.

mod looking;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use looking::{CompletionsArgs, RunsCheckArgs, RunsCompareArgs, RunsVerifyArgs};

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

/// TOML has no larger integer.
const MAX_SEED: u64 = i64::MAX as u64;

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
