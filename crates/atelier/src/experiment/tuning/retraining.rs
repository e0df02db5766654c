//! What becomes of the winner: a configuration to train by, and a run on all training examples.

use anyhow::{Context as _, Result};
use atelier_data::ValidationSize;
use atelier_store::Manifest;
use atelier_tune::TrialRecord;

use super::Asked;
use crate::cli::{ConfigFlags, Format, OutputFlags, TrainArgs, WeightFlags};
use crate::config::{Config, RetrainConfig};
use crate::experiment::nested::{Nested, nested};
use crate::experiment::prepared::Trainable as _;
use crate::experiment::recorded::Recorded;
use crate::experiment::summary::Summary as Training;
use crate::experiment::training::{Trained, train};
use crate::terminal::{Terminal, counted, percent};

/// The directory of the winner's run within that of the search.
pub(super) const DIRECTORY: &str = "retrained";
/// The winner as it was tried, for `train --config`.
pub(crate) const BEST: &str = "best.toml";

/// Writes `best.toml`: the recipe with the winner's settings in it, which repeats the trial.
pub(super) fn write_best(recorded: &Recorded, winner: &Config, best: &TrialRecord) -> Result<()> {
    let accuracy = best.value.map(percent).unwrap_or_default();
    let text = toml::to_string(winner).context("cannot write the winner's configuration")?;
    let text = format!(
        "# Trial {} of a search: validation accuracy {accuracy}.\n# {}\n\n{text}",
        best.number, best.settings
    );
    Ok(recorded.dir.write(BEST, text.as_bytes())?)
}

/// The winner's recipe on all training examples, those for validation included.
pub(super) fn on_everything(winner: &Config, retrain: &RetrainConfig) -> Config {
    let mut config = winner.clone();
    config.data.validation = ValidationSize::Count(0);
    config.data.examples = 0;
    // There is nothing left to stop by.
    config.train.early_stopping = 0;
    if retrain.epochs > 0 {
        config.train.epochs = retrain.epochs;
    }
    config
}

/// Trains the winner anew, and tests it once: begun, taken up, or found complete.
pub(super) fn retrain(
    winner: &Config,
    retrain: &RetrainConfig,
    asked: &Asked,
    recorded: &mut Recorded,
) -> Result<Trained<Training>> {
    let path = recorded.dir.path().join(DIRECTORY);
    let arguments = asked.arguments;
    let config = on_everything(winner, retrain);
    let wanted = (Config::VERB, &config);
    let trained = match nested(&path, recorded, wanted, &arguments.run, &arguments.data)? {
        Nested::Complete(summary) => Trained::Complete(path.clone(), summary),
        Nested::Run(run, data) => {
            let epochs = counted(config.train.epochs, "epoch");
            let all = "the winner is trained on all training examples";
            asked.terminal.talk(&format!("{all}: {epochs}"));
            let mut nested = TrainArgs {
                find_learning_rate: false,
                weights: WeightFlags::default(),
                config: ConfigFlags::default(),
                run,
                data,
                // Its tables would stand between those of the search.
                output: OutputFlags { format: Format::Json, ..arguments.output },
            };
            if !nested.run.resume {
                let text = toml::to_string(&config).context("cannot write its configuration")?;
                recorded.dir.write("retrained.toml", text.as_bytes())?;
                nested.config.config = Some(recorded.dir.path().join("retrained.toml"));
            }
            train(&nested, asked.command_line, Terminal::new(nested.output), asked.stop)?
        }
    };
    if let Trained::Complete(..) = trained {
        recorded.manifest.test_set_reads =
            Manifest::read(&path.join("manifest.json"))?.test_set_reads;
    }
    Ok(trained)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_set_aside_and_the_settings_stay() {
        let mut winner = Config::default();
        winner.optimizer.learning_rate = 0.03;
        winner.train.epochs = 12;
        winner.train.early_stopping = 3;
        winner.data.examples = 500;
        let config = on_everything(&winner, &RetrainConfig { epochs: 40 });
        assert_eq!(config.data.validation, ValidationSize::Count(0));
        assert_eq!((config.data.examples, config.train.early_stopping), (0, 0));
        assert_eq!((config.train.epochs, config.optimizer.clone()), (40, winner.optimizer.clone()));
        let as_long = on_everything(&winner, &RetrainConfig { epochs: 0 });
        assert_eq!(as_long.train.epochs, 12);
    }
}
