use atelier_data::{DataConfig, SplitSeed};
use atelier_landscape::LandscapeConfig;
use atelier_models::ModelConfig;
use atelier_train::{OptimizerConfig, ScheduleConfig, TrainConfig};
use serde::{Deserialize, Serialize};

use super::Config;

/// Everything that a landscape is configured by: itself, and the runs that are trained for it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandscapingConfig {
    /// The seed of the first run, of its examples, and of all other randomness.
    pub seed: u64,
    /// The landscape.
    pub landscape: LandscapeConfig,
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

impl LandscapingConfig {
    /// The configuration of run number `position`: a seed of its own, and the examples of the first.
    #[must_use]
    pub fn training(&self, position: u64) -> Config {
        let mut data = self.data.clone();
        if data.seed == SplitSeed::Run {
            data.seed = SplitSeed::Fixed(self.seed);
        }
        Config {
            seed: self.seed.saturating_add(position),
            data,
            model: self.model.clone(),
            train: self.train.clone(),
            optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
        }
    }
}
