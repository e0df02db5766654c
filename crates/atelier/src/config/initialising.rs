use anyhow::{Result, bail};
use atelier_core::MOST_WEIGHTS;
use atelier_data::{DataConfig, SplitSeed};
use atelier_init::{InitConfig, Scheme};
use atelier_models::ModelConfig;
use atelier_train::{OptimizerConfig, ScheduleConfig, TrainConfig};
use serde::{Deserialize, Serialize};

use super::Config;

/// Everything that a study of initialisation is configured by: what is drawn, and the recipe of the networks
/// that are trained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialisingConfig {
    /// All randomness comes from it; it is the first seed of the networks.
    pub seed: u64,
    /// The draws.
    pub init: InitConfig,
    /// The networks that are trained.
    pub depths: DepthsConfig,
    /// The examples.
    pub data: DataConfig,
    /// The loop.
    pub train: TrainConfig,
    /// The update rule.
    pub optimizer: OptimizerConfig,
    /// The learning rate over time.
    pub schedule: ScheduleConfig,
}

/// The section `depths`: every initialisation is trained at several depths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DepthsConfig {
    /// Numbers of hidden layers.
    pub layers: Vec<usize>,
    /// Units of every hidden layer.
    pub units: usize,
    /// How many seeds every network is trained with; medians are taken over them.
    pub seeds: usize,
}

impl Default for DepthsConfig {
    fn default() -> Self {
        Self { layers: vec![3, 10, 30], units: 50, seeds: 5 }
    }
}

/// More depths than this have no room in the figure.
const MOST_DEPTHS: usize = 4;
const MOST_SEEDS: usize = 100;

impl InitialisingConfig {
    /// Checks every value that is not checked with the recipe.
    ///
    /// # Errors
    /// Fails with the key that is wrong.
    pub fn check(&self) -> Result<()> {
        self.init.check()?;
        let DepthsConfig { layers, units, seeds } = &self.depths;
        let (most_layers, most_units) = (ModelConfig::MOST_LAYERS, ModelConfig::MOST_UNITS);
        if !(1..=MOST_DEPTHS).contains(&layers.len()) {
            bail!(
                "depths.layers is a list of {}, expected 1 to {MOST_DEPTHS} numbers",
                layers.len()
            );
        }
        if !layers.is_sorted_by(|a, b| a < b) {
            bail!("depths.layers is {layers:?}, expected the smallest first and none twice");
        }
        if let Some(count) = layers.iter().find(|count| !(1..=most_layers).contains(*count)) {
            bail!("depths.layers has {count}, expected from 1 to {most_layers} hidden layers");
        }
        if !(1..=most_units).contains(units) {
            bail!("depths.units is {units}, expected from 1 to {most_units}");
        }
        let deepest = layers[layers.len() - 1];
        if units.saturating_pow(2).saturating_mul(deepest - 1) > MOST_WEIGHTS {
            bail!(
                "depths.units is {units}, expected a width that gives at most {MOST_WEIGHTS} weights in \
                 {deepest} layers"
            );
        }
        if !(1..=MOST_SEEDS).contains(seeds) {
            bail!("depths.seeds is {seeds}, expected from 1 to {MOST_SEEDS}");
        }
        Ok(())
    }

    /// The run of a network of `layers` hidden layers that is initialised by `scheme`; all runs have the same
    /// examples.
    #[must_use]
    pub fn training(&self, scheme: Scheme, layers: usize, seed: u64) -> Config {
        let mut data = self.data.clone();
        if data.seed == SplitSeed::Run {
            data.seed = SplitSeed::Fixed(self.seed);
        }
        Config {
            seed,
            data,
            model: ModelConfig {
                hidden: vec![self.depths.units; layers],
                init: scheme.initializer,
                init_scale: scheme.scale,
                ..ModelConfig::default()
            },
            train: self.train.clone(),
            optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
        }
    }

    /// The seeds that every network is trained with.
    #[must_use]
    pub fn seeds(&self) -> Vec<u64> {
        (0..self.depths.seeds as u64).map(|k| self.seed.saturating_add(k)).collect()
    }
}

#[cfg(test)]
mod tests {
    use atelier_init::schemes;

    use super::*;

    #[test]
    fn depths_and_seeds_out_of_range_are_refused_by_their_keys() {
        let refused = |change: &dyn Fn(&mut InitialisingConfig), key: &str| {
            let mut config = InitialisingConfig::default();
            config.check().expect("the defaults");
            change(&mut config);
            let message = config.check().expect_err(key).to_string();
            assert!(message.starts_with(key), "{message}");
        };
        refused(&|c| c.init.draws = 1, "init.draws");
        refused(&|c| c.depths.layers = vec![], "depths.layers");
        refused(&|c| c.depths.layers = vec![0, 3], "depths.layers");
        refused(&|c| c.depths.layers = vec![3, 3], "depths.layers");
        refused(&|c| c.depths.layers = vec![usize::MAX], "depths.layers has");
        refused(&|c| c.depths.units = 0, "depths.units is 0");
        refused(&|c| c.depths.units = 65_536, "depths.units is 65536");
        refused(&|c| c.depths.seeds = 0, "depths.seeds");
    }

    #[test]
    fn a_scheme_is_trained_as_it_is_drawn() {
        let config = InitialisingConfig { seed: 4, ..InitialisingConfig::default() };
        let [.., large] = schemes();
        let training = config.training(large, 10, 5);
        assert_eq!(training.model.hidden, [50; 10]);
        assert_eq!(training.model.init, large.initializer);
        assert!((training.model.init_scale - large.scale).abs() < 1e-12);
        assert_eq!((training.seed, config.seeds()), (5, vec![4, 5, 6, 7, 8]));
        assert_eq!(training.data.seed, SplitSeed::Fixed(4));
    }
}
