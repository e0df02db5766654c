use anyhow::{Context as _, Result, anyhow, bail};
use atelier_data::DataConfig;
use atelier_models::ModelConfig;
use atelier_train::{OptimizerConfig, ScheduleConfig, TrainConfig};
use atelier_tune::{Domain, Options, Space, TuneConfig};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{Config, keys};
use crate::failure::Help as _;
use crate::terminal::brief;

/// Everything that a search for settings is configured by: the search, and the recipe around the settings
/// that it varies.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningConfig {
    /// The seed of the search, and of each of its trials.
    pub seed: u64,
    /// The search.
    pub tune: TuneConfig,
    /// What is done with its winner.
    pub retrain: RetrainConfig,
    /// The examples.
    pub data: DataConfig,
    /// The network.
    pub model: ModelConfig,
    /// The loop.
    pub train: TrainConfig,
    /// The update rule.
    pub optimizer: OptimizerConfig,
    /// The learning rate over time.
    pub schedule: ScheduleConfig,
}

/// The section `retrain`: the winner is trained anew, on the validation examples as well.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrainConfig {
    /// How often every training example is seen; 0 is as often as in the winning trial.
    pub epochs: usize,
}

/// Stands for `model.hidden` in a search space: the number of hidden layers, all of one width.
const LAYERS: &str = "model.layers";
/// Stands for `model.hidden` in a search space: the width of every hidden layer.
const UNITS: &str = "model.units";
const HIDDEN: &str = "model.hidden";

/// What must be the same for all trials, so that their values can be compared.
const FIXED: [&str; 3] = ["seed", "data.validation", "data.seed"];

impl TuningConfig {
    /// The recipe that the search varies.
    #[must_use]
    pub fn training(&self) -> Config {
        Config {
            seed: self.seed,
            data: self.data.clone(),
            model: self.model.clone(),
            train: self.train.clone(),
            optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
        }
    }

    /// The recipe with these settings in it.
    ///
    /// # Errors
    /// Fails if a setting is none of a training run.
    pub fn with(&self, settings: &atelier_tune::Settings) -> Result<Config> {
        let settings = settings.iter().map(|(name, value)| {
            let value = Value::try_from(value).context("a setting cannot be written as TOML")?;
            Ok((name, value))
        });
        self.applied(&settings.collect::<Result<Vec<_>>>()?)
    }

    fn applied(&self, settings: &[(&str, Value)]) -> Result<Config> {
        let mut table = Table::try_from(self.training()).context("cannot write the recipe")?;
        let find = |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, v)| v);
        for (name, value) in settings {
            if ![LAYERS, UNITS].contains(name) {
                keys::put(&mut table, name, value.clone());
            }
        }
        if find(LAYERS).is_some() || find(UNITS).is_some() {
            let count = |name: &str, default: Option<usize>| match find(name) {
                Some(value) => value
                    .as_integer()
                    .and_then(|count| usize::try_from(count).ok())
                    .ok_or_else(|| anyhow!("`{name}` is {value}, expected a whole number")),
                None => default.ok_or_else(|| anyhow!("model.hidden is empty beside `{LAYERS}`")),
            };
            let layers = count(LAYERS, Some(self.model.hidden.len()))?;
            let most = ModelConfig::MOST_LAYERS;
            if layers > most {
                bail!("`{LAYERS}` is {layers}, expected at most {most}");
            }
            let units = count(UNITS, self.model.hidden.first().copied())?;
            let units = Value::try_from(vec![units; layers]).context("the widths of layers")?;
            keys::put(&mut table, HIDDEN, units);
        }
        Config::deserialize(table).context("the settings do not fit a training run")
    }

    /// The search space, every key and value of it checked against a training run, and what else
    /// the section `tune` says.
    ///
    /// # Errors
    /// Fails with the key that is wrong.
    pub fn check(&self) -> Result<(Space, Options<'static>)> {
        let (space, options) = self.tune.check()?;
        let known = Table::try_from(Config::default()).context("cannot write the defaults")?;
        let mut known = keys::leaves(&known);
        known.extend([LAYERS, UNITS].map(String::from));
        let named = |name: &str| space.parameters().iter().any(|p| p.name == name);
        for parameter in space.parameters() {
            let name = &parameter.name;
            if FIXED.contains(&name.as_str()) {
                let fixed: Result<()> = Err(anyhow!(
                    "`{name}` cannot be searched: with another one, values of trials cannot be compared"
                ));
                fixed.help(|| format!("give `{name}` itself one value"))?;
            }
            if !known.contains(name) {
                let near = keys::did_you_mean(name, known.iter().map(String::as_str));
                let unknown: Result<()> =
                    Err(anyhow!("unknown key `{}` in tune.space{near}", brief(name)));
                unknown.help(|| {
                    format!(
                        "`config show` lists every key of a training run; `{LAYERS}` and `{UNITS}` stand for \
                         `{HIDDEN}`"
                    )
                })?;
            }
            self.check_values(name, &parameter.domain)
                .with_context(|| format!("tune.space.\"{}\"", brief(name)))?;
        }
        if named(HIDDEN) && (named(LAYERS) || named(UNITS)) {
            bail!("tune.space has `{HIDDEN}`, and `{LAYERS}` or `{UNITS}`, which stand for it");
        }
        Ok((space, options))
    }

    /// Tries values of one parameter in the recipe: all choices, and the ends of a range.
    fn check_values(&self, name: &str, domain: &Domain) -> Result<()> {
        let values: Vec<Value> = match domain {
            Domain::Float { low, high, .. } => vec![Value::Float(*low), Value::Float(*high)],
            Domain::Int { low, high, .. } => vec![Value::Integer(*low), Value::Integer(*high)],
            Domain::Choices(choices) => {
                choices.iter().map(Value::try_from).collect::<Result<_, _>>()?
            }
            _ => return Ok(()),
        };
        for value in values {
            let config = self.applied(&[(name, value.clone())]).map_err(|error| {
                let cause = error.root_cause().to_string();
                anyhow!("{}: {}", brief(&value.to_string()), brief(cause.trim()))
            })?;
            // Whether a switch or a kind is allowed may depend on other parameters.
            if !matches!(value, Value::Boolean(_) | Value::String(_)) {
                refuse(name, config.model.check())?;
                refuse(name, config.settings().check())?;
            }
        }
        Ok(())
    }
}

/// The error, if it is about the key `name`: whatever else is wrong with the recipe is told of the recipe.
fn refuse<E: std::error::Error + Send + Sync + 'static>(
    name: &str,
    checked: Result<(), E>,
) -> Result<()> {
    let section = if [LAYERS, UNITS].contains(&name) { HIDDEN } else { name };
    match checked {
        Err(error) if error.to_string().contains(section) => Err(error.into()),
        _ => Ok(()),
    }
}

impl Config {
    /// The sections that the training loop reads.
    pub(crate) fn settings(&self) -> atelier_train::Settings {
        atelier_train::Settings {
            train: self.train.clone(),
            optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(space: &str) -> TuningConfig {
        let mut config = TuningConfig::default();
        config.model.hidden = vec![20, 10];
        config.tune = toml::from_str(space).expect("a section");
        config
    }

    fn settings(pairs: &[(&str, atelier_tune::Value)]) -> atelier_tune::Settings {
        pairs.iter().map(|(name, value)| (*name, value.clone())).collect()
    }

    #[test]
    fn layers_and_units_stand_for_the_widths_of_layers() {
        let config = TuningConfig::default();
        let both = settings(&[(LAYERS, 4.into()), (UNITS, 30.into())]);
        assert_eq!(config.with(&both).expect("a recipe").model.hidden, [30; 4]);
        let config = self::config("");
        let layers = settings(&[(LAYERS, 3.into())]);
        assert_eq!(config.with(&layers).expect("a recipe").model.hidden, [20; 3]);
        let units = settings(&[(UNITS, 7.into())]);
        assert_eq!(config.with(&units).expect("a recipe").model.hidden, [7, 7]);
    }

    #[test]
    fn settings_replace_values_of_the_recipe_and_nothing_else() {
        let config = self::config("");
        let changed = config.with(&settings(&[
            ("optimizer.learning_rate", 0.25.into()),
            ("optimizer.kind", "adam".into()),
            ("train.batch_size", 16.into()),
        ]));
        let mut expected = config.training();
        expected.optimizer.learning_rate = 0.25;
        expected.optimizer.kind = atelier_train::OptimizerKind::Adam;
        expected.train.batch_size = 16;
        assert_eq!(changed.expect("a recipe"), expected);
    }

    #[test]
    fn what_cannot_be_searched_is_refused_with_its_key() {
        for (space, expected) in [
            ("space.\"train.epoch\" = { int = [1, 2] }", "did you mean `train.epochs`?"),
            ("space.\"seed\" = { int = [1, 2] }", "`seed` cannot be searched"),
            ("space.\"train.epochs\" = { float = [1, 2] }", "tune.space.\"train.epochs\""),
            ("space.\"train.epochs\" = { int = [0, 2] }", "train.epochs is 0"),
            ("space.\"optimizer.kind\" = { choices = [\"sgdd\"] }", "sgdd"),
            ("space.\"optimizer.momentum\" = { float = [0, 1] }", "optimizer.momentum is 1"),
            ("space.\"model.units\" = { int = [0, 5] }", "model.hidden"),
            ("space.\"model.layers\" = { int = [1, 9007199254740992] }", "expected at most 256"),
            (
                "space.\"model.layers\" = { choices = [9223372036854775807] }",
                "expected at most 256",
            ),
            (
                "space.\"model.units\" = { int = [1, 5] }\nspace.\"model.hidden\" = { choices = [[5]] }",
                "which stand for it",
            ),
            ("trials = 3", "tune.space is empty"),
        ] {
            let refused = config(space).check().expect_err(space);
            let message = crate::failure::render(&refused);
            assert!(message.contains(expected), "{space}: {message}");
        }
    }

    #[test]
    fn a_switch_may_depend_on_what_else_is_searched() {
        let space = "space.\"optimizer.nesterov\" = { choices = [true, false] }";
        assert!(config(space).check().is_ok());
    }
}
