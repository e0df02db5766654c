//! The configuration of a run: the crates' sections put together, and where each value came from.
//!
//! Values come in layers, later over earlier: the program's defaults, a preset, the file of
//! `--config`, what `--smoke` makes small, `--set`, `--seed`. Every key that is written anywhere
//! must exist; a wrong one is refused with the place and the nearest right one.

mod assignment;
mod autoencoding;
mod initialising;
pub(crate) mod keys;
mod landscaping;
mod layers;
mod origin;
pub mod presets;
mod reproducing;
mod resolved;
mod tuning;
mod varying;

use atelier_data::DataConfig;
use atelier_models::ModelConfig;
use atelier_train::{OptimizerConfig, ScheduleConfig, TrainConfig};
use serde::{Deserialize, Serialize};

pub use autoencoding::AutoencodingConfig;
pub use initialising::{DepthsConfig, InitialisingConfig};
pub use landscaping::LandscapingConfig;
pub(crate) use layers::{LARGEST, LARGEST_SEED};
pub use origin::Origin;
pub use reproducing::ReproducingConfig;
pub use resolved::Resolved;
pub use tuning::{RetrainConfig, TuningConfig};
pub(crate) use varying::MOST_SEEDS;
pub use varying::{VariantConfig, VariantsConfig, VaryingConfig};

/// Everything that a training run is configured by.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// All randomness comes from this number.
    pub seed: u64,
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
