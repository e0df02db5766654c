use atelier_autoencoder::AutoencoderConfig;
use atelier_data::DataConfig;
use atelier_train::{OptimizerConfig, ScheduleConfig, TrainConfig};
use serde::{Deserialize, Serialize};

/// Everything that a run of the autoencoder is configured by.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencodingConfig {
    /// All randomness comes from this number.
    pub seed: u64,
    /// The examples.
    pub data: DataConfig,
    /// The network.
    pub autoencoder: AutoencoderConfig,
    /// The loop.
    pub train: TrainConfig,
    /// The update rule.
    pub optimizer: OptimizerConfig,
    /// The learning rate over time.
    pub schedule: ScheduleConfig,
}
