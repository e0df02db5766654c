//! The experiments of a reproduction, each an ordinary run in a directory of its own.

use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_store::{Manifest, read_regular};
use serde::Serialize;

use super::Asked;
use crate::cli::{
    AutoencoderArgs, ConfigFlags, Format, InitArgs, LandscapeArgs, OutputFlags, TuneArgs,
    VariantsArgs,
};
use crate::config::{Config, ReproducingConfig};
use crate::experiment::autoencoding;
use crate::experiment::initialising::initialise;
use crate::experiment::landscaping::{landscape, own_runs};
use crate::experiment::nested::inner_flags;
use crate::experiment::recorded::Recorded;
use crate::experiment::same_settings::belongs;
use crate::experiment::training::Trained;
use crate::experiment::tuning::{BEST, tune};
use crate::experiment::variants::variants;
use crate::terminal::Terminal;

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Init,
    Tune,
    Variants,
    Landscape,
    Autoencoder,
}

/// In the order in which they are done: the variants want the search's winner.
pub(super) const PARTS: [Part; 5] =
    [Part::Init, Part::Tune, Part::Variants, Part::Landscape, Part::Autoencoder];

/// About how long the report takes.
pub(super) const REPORT_SECONDS: f64 = 6.0;

/// No configuration is nearly as long.
const LARGEST: u64 = 1 << 20;

impl Part {
    /// Its verb, which is also the name of its directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Tune => "tune",
            Self::Variants => "variants",
            Self::Landscape => "landscape",
            Self::Autoencoder => "autoencoder",
        }
    }

    /// About how long it takes: for the first estimate, until parts that are done tell
    /// how fast this machine is.
    pub(super) fn seconds(self, smoke: bool) -> f64 {
        let [whole, sample] = match self {
            Self::Init => [20.0, 2.0],
            Self::Tune => [57.0, 1.5],
            // Which depends on the winner's batch size most of all.
            Self::Variants => [150.0, 1.0],
            Self::Landscape => [10.0, 2.5],
            Self::Autoencoder => [15.0, 1.5],
        };
        if smoke { sample } else { whole }
    }

    /// Begins the run in `path`, or takes it up where it is not complete; whether it came to its end.
    pub(super) fn run(
        self,
        path: &Path,
        config: &ReproducingConfig,
        asked: &Asked,
        outer: &Recorded,
    ) -> Result<bool> {
        let arguments = asked.arguments;
        let begun = path.join("manifest.json").is_file();
        let (run, data) = inner_flags(path, begun, outer, &arguments.run, &arguments.data);
        let mut flags = ConfigFlags::default();
        if !run.resume {
            let name = format!("{}.toml", self.name());
            outer.dir.write(&name, self.toml(config, outer)?.as_bytes())?;
            flags.config = Some(outer.dir.path().join(name));
        }
        // Its tables would stand between those of the other parts.
        let output = OutputFlags { format: Format::Json, ..arguments.output };
        let (words, terminal, stop) = (asked.command_line, Terminal::new(output), asked.stop);
        Ok(match self {
            Self::Init => {
                let arguments = InitArgs { config: flags, run, data, output };
                ended(&initialise(&arguments, words, terminal, stop)?)
            }
            Self::Tune => {
                let (trials, workers, asynchronous) = (None, None, false);
                let config = flags;
                let arguments =
                    TuneArgs { trials, workers, asynchronous, config, run, data, output };
                ended(&tune(&arguments, words, terminal, stop)?)
            }
            Self::Variants => {
                let arguments = VariantsArgs {
                    best_dense: false,
                    seeds: None,
                    config: flags,
                    run,
                    data,
                    output,
                };
                ended(&variants(&arguments, words, terminal, stop)?)
            }
            Self::Landscape => {
                let (given, import, config, run_flags) = (Vec::new(), Vec::new(), flags, run);
                let arguments =
                    LandscapeArgs { run: given, import, config, run_flags, data, output };
                ended(&landscape(&arguments, words, terminal, stop)?)
            }
            Self::Autoencoder => {
                let arguments =
                    AutoencoderArgs { bottlenecks: None, config: flags, run, data, output };
                ended(&autoencoding::train(&arguments, words, terminal, stop)?)
            }
        })
    }

    /// Refuses what lies in `path` if it is not this part's run.
    pub(super) fn check(
        self,
        path: &Path,
        config: &ReproducingConfig,
        outer: &Recorded,
    ) -> Result<()> {
        let file = path.join("manifest.json");
        if !file.is_file() {
            return Ok(());
        }
        let (manifest, data) = (Manifest::read(&file)?, outer.manifest.dataset.as_ref());
        let name = self.name();
        match self {
            Self::Init => belongs(path, &manifest, (name, &config.init), data),
            Self::Tune => belongs(path, &manifest, (name, &config.tune), data),
            Self::Variants => {
                belongs(path, &manifest, (name, &config.varying(&winner(outer)?)), data)
            }
            Self::Landscape => {
                belongs(path, &manifest, (name, &config.landscape), data)?;
                own_runs(path, &manifest)
            }
            Self::Autoencoder => belongs(path, &manifest, (name, &config.autoencoder), data),
        }
    }

    /// The part's own configuration.
    fn toml(self, config: &ReproducingConfig, outer: &Recorded) -> Result<String> {
        fn text(config: &impl Serialize) -> Result<String> {
            toml::to_string(config).context("cannot write a configuration")
        }
        match self {
            Self::Init => text(&config.init),
            Self::Tune => text(&config.tune),
            Self::Variants => text(&config.varying(&winner(outer)?)),
            Self::Landscape => text(&config.landscape),
            Self::Autoencoder => text(&config.autoencoder),
        }
    }
}

/// The recipe that the search chose.
fn winner(outer: &Recorded) -> Result<Config> {
    let path = outer.dir.path().join(Part::Tune.name()).join(BEST);
    let bytes = read_regular(&path, LARGEST)?;
    toml::from_str(&String::from_utf8_lossy(&bytes))
        .with_context(|| format!("cannot use {}", path.display()))
}

/// Whether a run came to its end.
fn ended<S>(trained: &Trained<S>) -> bool {
    matches!(trained, Trained::Complete(..))
}
