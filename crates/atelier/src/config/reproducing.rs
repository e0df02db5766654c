use anyhow::Result;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{
    AutoencodingConfig, Config, InitialisingConfig, LandscapingConfig, Resolved, TuningConfig,
    VaryingConfig,
};
use crate::cli::ConfigFlags;

/// Everything that a reproduction is configured by: the default preset of each experiment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReproducingConfig {
    /// The study of initialisation.
    pub init: InitialisingConfig,
    /// The search for settings.
    pub tune: TuningConfig,
    /// The comparison of variants; the search's winner takes the place of its baseline.
    pub variants: VaryingConfig,
    /// The loss landscape.
    pub landscape: LandscapingConfig,
    /// The autoencoder.
    pub autoencoder: AutoencodingConfig,
}

impl ReproducingConfig {
    /// The presets, with one seed for all of them, made small where `smoke` is asked for.
    ///
    /// # Errors
    /// Fails if a preset does not fit its verb.
    pub fn new(seed: Option<u64>, smoke: bool) -> Result<Self> {
        let flags = ConfigFlags { seed, ..ConfigFlags::default() };
        let few = ["variants.seeds=2", "variants.retrain=2"].map(ToString::to_string);
        let set = if smoke { few.to_vec() } else { Vec::new() };
        let varying = ConfigFlags { preset: Some("reproduce".to_string()), set, ..flags.clone() };
        Ok(Self {
            init: resolved("init", &flags, smoke)?,
            tune: resolved("tune", &flags, smoke)?,
            variants: resolved("variants", &varying, smoke)?,
            landscape: resolved("landscape", &flags, smoke)?,
            autoencoder: resolved("autoencoder", &flags, smoke)?,
        })
    }

    /// The comparison of variants of `winner`, each trained for as long as the winner is trained anew.
    #[must_use]
    pub fn varying(&self, winner: &Config) -> VaryingConfig {
        let mut train = winner.train.clone();
        if self.tune.retrain.epochs > 0 {
            train.epochs = self.tune.retrain.epochs;
        }
        VaryingConfig {
            seed: self.variants.seed,
            variants: self.variants.variants.clone(),
            data: winner.data.clone(),
            model: winner.model.clone(),
            train,
            optimizer: winner.optimizer.clone(),
            schedule: winner.schedule.clone(),
        }
    }
}

fn resolved<C: Default + Serialize + DeserializeOwned>(
    verb: &str,
    flags: &ConfigFlags,
    smoke: bool,
) -> Result<C> {
    Ok(Resolved::<C>::new(verb, flags, smoke)?.config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_that_of_every_experiment() {
        for smoke in [false, true] {
            let config = ReproducingConfig::new(Some(7), smoke).expect("presets");
            let seeds = [
                config.init.seed,
                config.tune.seed,
                config.variants.seed,
                config.landscape.seed,
                config.autoencoder.seed,
            ];
            assert_eq!(seeds, [7; 5]);
        }
    }

    #[test]
    fn variants_depart_from_the_winner_and_are_trained_as_long_as_it_is() {
        let config = ReproducingConfig::new(None, false).expect("presets");
        let mut winner = Config::default();
        winner.model.hidden = vec![40; 4];
        winner.train.epochs = 12;
        winner.train.batch_size = 32;
        let varying = config.varying(&winner);
        winner.train.epochs = config.tune.retrain.epochs;
        assert!(winner.train.epochs > 12, "the winner is trained for longer");
        assert_eq!(varying.baseline(), winner);
        assert!(varying.networks().expect("networks").len() > 2);
        assert!(varying.variants.retrain > varying.variants.seeds);
    }
}
