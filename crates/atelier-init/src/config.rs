use serde::{Deserialize, Serialize};

use crate::identity::FEWEST_DRAWS;
use crate::{Error, Network, Result};

/// With more layers, weights twice as large as He's leave the numbers that f64 has.
const MOST_LAYERS: usize = 400;

/// The section `init` of a configuration: how much is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitConfig {
    /// Random draws of each identity and of each violation, at least 1000.
    pub draws: usize,
    /// Layers that signals are sent through, at most 400.
    pub layers: usize,
    /// Units of each of these layers.
    pub width: usize,
    /// Networks that are drawn for each initialisation.
    pub networks: usize,
    /// Inputs that are sent through each network.
    pub examples: usize,
}

impl Default for InitConfig {
    fn default() -> Self {
        Self { draws: 100_000, layers: 50, width: 256, networks: 9, examples: 64 }
    }
}

impl InitConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Argument`] for the first value out of range, with its key.
    pub fn check(&self) -> Result<()> {
        let within = |key, expected, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::argument(key, expected, value))
        };
        within("init.draws", "from 1000 to 100000000", self.draws, FEWEST_DRAWS, 100_000_000)?;
        within("init.layers", "from 1 to 400", self.layers, 1, MOST_LAYERS)?;
        within("init.width", "from 1 to 65536", self.width, 1, 65_536)?;
        within("init.networks", "from 1 to 10000", self.networks, 1, 10_000)?;
        within("init.examples", "from 1 to 60000", self.examples, 1, 60_000)
    }

    /// The network that signals are sent through, with He's initialisation.
    #[must_use]
    pub fn network(&self) -> Network {
        Network { layers: self.layers, width: self.width, ..Network::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right_and_every_key_out_of_range_is_named() {
        InitConfig::default().check().expect("the defaults");
        let refused = |change: &dyn Fn(&mut InitConfig), key: &str| {
            let mut config = InitConfig::default();
            change(&mut config);
            let message = config.check().expect_err(key).to_string();
            assert!(message.starts_with(key), "{message}");
        };
        refused(&|c| c.draws = 999, "init.draws is 999, expected from 1000");
        refused(&|c| c.layers = 401, "init.layers");
        refused(&|c| c.width = 0, "init.width");
        refused(&|c| c.networks = 0, "init.networks");
        refused(&|c| c.examples = 0, "init.examples");
    }
}
