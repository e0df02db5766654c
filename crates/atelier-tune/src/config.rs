//! The section `tune` of a configuration, as it is written, and the step that checks it.

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::brief;
use crate::{Domain, Error, Options, Parameter, Pruner, Result, Sampler, Schedule, Space, Value};

/// How settings are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SamplerKind {
    /// Every point of a grid, in a shuffled order.
    Grid,
    /// Independently and uniformly.
    Random,
    /// Scrambled Sobol points.
    QuasiRandom,
    /// Where good trials are dense and bad ones are not.
    #[default]
    Tpe,
}

/// How trials are ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PrunerKind {
    /// Not at all.
    None,
    /// What is worse than the median of completed trials.
    #[default]
    Median,
    /// All but the best share at each rung.
    SuccessiveHalving,
    /// Successive halving with several first rungs in turn.
    Hyperband,
}

/// The section `tune` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TuneConfig {
    /// How many trials the study has in total, at most 100,000.
    pub trials: usize,
    /// How settings are chosen.
    pub sampler: SamplerKind,
    /// Grid: values of a parameter that has a continuum of them.
    pub grid_points: usize,
    /// How trials are ended early.
    pub pruner: PrunerKind,
    /// Pruners: the first step after which a trial may be ended.
    pub first_rung: u64,
    /// Hyperband: the last step of a trial.
    pub last_rung: u64,
    /// Successive halving and Hyperband: one of this many goes on at each rung, and rungs are
    /// this factor apart.
    pub reduction: u64,
    /// How many trials are chosen at once, before any of them has a result. The study depends on
    /// it, and on no number of workers.
    pub batch: usize,
    /// Choose and decide by whatever results are there: no worker waits, but no study repeats
    /// itself.
    #[serde(rename = "async")]
    pub asynchronous: bool,
    /// What is searched.
    pub space: SpaceConfig,
}

impl Default for TuneConfig {
    fn default() -> Self {
        Self {
            trials: 40,
            sampler: SamplerKind::default(),
            grid_points: 5,
            pruner: PrunerKind::default(),
            first_rung: 1,
            last_rung: 27,
            reduction: 3,
            batch: 8,
            asynchronous: false,
            space: SpaceConfig::default(),
        }
    }
}

impl TuneConfig {
    /// The checked search space, and options with everything else that this section says.
    ///
    /// # Errors
    /// [`Error::Setting`] or [`Error::Parameter`] with the key that is wrong.
    pub fn check(&self) -> Result<(Space, Options<'static>)> {
        let space = self.space.check()?;
        let sampler = match self.sampler {
            SamplerKind::Grid => Sampler::Grid { points: self.grid_points },
            SamplerKind::Random => Sampler::Random,
            SamplerKind::QuasiRandom => Sampler::QuasiRandom,
            SamplerKind::Tpe => Sampler::Tpe,
        };
        let (first, reduction) = (self.first_rung, self.reduction);
        let pruner = match self.pruner {
            PrunerKind::None => Pruner::None,
            PrunerKind::Median => Pruner::Median { first },
            PrunerKind::SuccessiveHalving => Pruner::SuccessiveHalving { first, reduction },
            PrunerKind::Hyperband => Pruner::Hyperband { first, last: self.last_rung, reduction },
        };
        let schedule =
            if self.asynchronous { Schedule::Async } else { Schedule::Batches(self.batch) };
        let options =
            Options { trials: self.trials, sampler, pruner, schedule, ..Options::default() };
        options.check(&space)?;
        Ok((space, options))
    }
}

/// The section `tune.space`: parameters by the paths of the keys that they set.
///
/// In TOML a path may be quoted or not: `"optimizer.learning_rate" = { float = [0.001, 0.5], log =
/// true }` and `optimizer.learning_rate = { … }` say the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpaceConfig(pub Vec<(String, ParameterConfig)>);

/// One parameter as it is written: one of `float`, `int` and `choices`, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParameterConfig {
    /// The least and the greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float: Option<[f64; 2]>,
    /// The least and the greatest integer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub int: Option<[i64; 2]>,
    /// Values without an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<Value>>,
    /// Whether factors count and not differences.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
    /// The distance of neighbouring values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// Only in settings where each of these keys has this value.
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    pub when: toml::Table,
}

impl SpaceConfig {
    /// The checked search space.
    ///
    /// # Errors
    /// [`Error::Setting`] or [`Error::Parameter`] with what is wrong.
    pub fn check(&self) -> Result<Space> {
        let parameters: Result<Vec<Parameter>> =
            self.0.iter().map(|(name, config)| config.parameter(name)).collect();
        Space::new(parameters?)
    }
}

impl ParameterConfig {
    fn parameter(&self, name: &str) -> Result<Parameter> {
        let domain = match (&self.float, &self.int, &self.choices) {
            (&Some([low, high]), None, None) => {
                Domain::Float { low, high, log: self.log, step: self.step }
            }
            (None, &Some([low, high]), None) => {
                let step = self.step.unwrap_or(1.0);
                if step.fract() != 0.0 || !(1.0..1e15).contains(&step) {
                    let (expected, found) = ("an integer of 1 or more", format!("{step:?}"));
                    return Err(Error::parameter(name, "step", expected, found));
                }
                #[expect(clippy::cast_possible_truncation, reason = "checked above")]
                let step = step as i64;
                Domain::Int { low, high, log: self.log, step }
            }
            (None, None, Some(choices)) => {
                if self.log || self.step.is_some() {
                    let found = "log or step beside choices";
                    return Err(Error::parameter(name, "its kind", "choices alone", found));
                }
                Domain::Choices(choices.clone())
            }
            _ => {
                let expected = "exactly one of float, int and choices";
                return Err(Error::parameter(name, "its kind", expected, "another number of them"));
            }
        };
        let mut when = Vec::new();
        for (parent, value) in paths(&self.when, |_| false) {
            let value = Value::deserialize(value.clone())
                .map_err(|error| Error::parameter(name, "when", "plain values", error))?;
            when.push((parent, value));
        }
        Ok(Parameter { name: name.to_string(), domain, when })
    }
}

/// The leaves of nested tables with their dotted paths; `is_leaf` says which tables are leaves.
fn paths(table: &toml::Table, is_leaf: fn(&toml::Table) -> bool) -> Vec<(String, &toml::Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) if !is_leaf(inner) => {
                let inner = paths(inner, is_leaf);
                found.extend(inner.into_iter().map(|(path, leaf)| (format!("{key}.{path}"), leaf)));
            }
            leaf => found.push((key.clone(), leaf)),
        }
    }
    found
}

/// Whether a table describes a parameter, and is not one of parameters.
fn describes(table: &toml::Table) -> bool {
    table.is_empty() || table.values().any(|value| !value.is_table())
}

impl<'de> Deserialize<'de> for SpaceConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let table = toml::Table::deserialize(deserializer)?;
        let leaves = paths(&table, describes).into_iter();
        let parameters: std::result::Result<_, D::Error> = leaves
            .map(|(path, value)| {
                let config = ParameterConfig::deserialize(value.clone());
                let config = config.map_err(|error| {
                    D::Error::custom(format!("{}: {}", brief(&path), brief(error.message())))
                });
                Ok((path, config?))
            })
            .collect();
        Ok(Self(parameters?))
    }
}

impl Serialize for SpaceConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, config) in &self.0 {
            map.serialize_entry(name, config)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        trials = 12
        sampler = "quasi-random"
        pruner = "successive-halving"
        [space]
        "optimizer.learning_rate" = { float = [0.001, 0.5], log = true }
        optimizer.kind = { choices = ["sgd", "adam"] }
        model.hidden = { choices = [[30, 30, 30], [50, 50]] }
        train.epochs = { int = [2, 10], step = 2 }
        optimizer.momentum = { float = [0, 1], step = 0.1, when = { "optimizer.kind" = "sgd" } }
    "#;

    #[test]
    fn a_section_of_toml_becomes_a_space_and_options() {
        let config: TuneConfig = toml::from_str(TEXT).expect("TOML");
        let (space, options) = config.check().expect("a space");
        let names: Vec<&str> = space.parameters().iter().map(|p| p.name.as_str()).collect();
        let expected = [
            "optimizer.learning_rate",
            "optimizer.kind",
            "optimizer.momentum",
            "model.hidden",
            "train.epochs",
        ];
        let mut sorted = names.clone();
        sorted.sort_unstable();
        let mut expected_sorted = expected.to_vec();
        expected_sorted.sort_unstable();
        assert_eq!(sorted, expected_sorted);
        let momentum = space.parameters().iter().find(|p| p.name == "optimizer.momentum");
        let momentum = momentum.expect("momentum");
        assert_eq!(momentum.when, [("optimizer.kind".to_string(), Value::from("sgd"))]);
        assert_eq!(momentum.domain.size(), Some(11));
        assert_eq!(options.trials, 12);
        assert_eq!(options.pruner, Pruner::SuccessiveHalving { first: 1, reduction: 3 });
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let config: TuneConfig = toml::from_str(TEXT).expect("TOML");
        let written = toml::to_string(&config).expect("TOML");
        assert_eq!(toml::from_str::<TuneConfig>(&written).expect("TOML"), config, "{written}");
    }

    #[test]
    fn mistakes_are_named_with_their_key() {
        let message = |text: &str| match toml::from_str::<TuneConfig>(text) {
            Ok(config) => config.check().expect_err("refused").to_string(),
            Err(error) => error.message().to_string(),
        };
        assert!(message("space.a.b = { flaot = [0, 1] }").contains("a.b: unknown field `flaot`"));
        assert!(message("space.a = { int = [0, 1], float = [0, 1] }").contains("exactly one of"));
        assert!(message("space.a = { int = [0, 4], step = 0.5 }").contains("an integer of 1"));
        assert!(message("space.a = { choices = [1], log = true }").contains("choices alone"));
        assert!(message("trials = 3").contains("tune.space is empty"));
        for trials in ["0", "9223372036854775807"] {
            let message = message(&format!("trials = {trials}\nspace.a = {{ int = [0, 4] }}"));
            assert_eq!(message, format!("tune.trials is {trials}, expected from 1 to 100000"));
        }
        assert!(message("batch = 0\nspace.a = { int = [0, 4] }").contains("tune.batch is 0"));
    }
}
