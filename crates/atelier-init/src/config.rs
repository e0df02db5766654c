use atelier_core::MOST_WEIGHTS;
use serde::{Deserialize, Serialize};

use crate::identity::FEWEST_DRAWS;
use crate::{Error, Network, Result};

/// With more layers, weights twice as large as He's leave the numbers that f64 has.
const MOST_LAYERS: usize = 400;
/// All draws of an identity are held at the same time.
const MOST_DRAWS: usize = 10_000_000;

/// The section `init` of a configuration: how much is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitConfig {
    /// Random draws of each identity and of each violation, 1000 to 10,000,000.
    pub draws: usize,
    /// Layers that signals are sent through, at most 400.
    pub layers: usize,
    /// Units of each of these layers; all of them have at most 2^28 weights.
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
        within("init.draws", "from 1000 to 10000000", self.draws, FEWEST_DRAWS, MOST_DRAWS)?;
        within("init.layers", "from 1 to 400", self.layers, 1, MOST_LAYERS)?;
        within("init.width", "from 1 to 65536", self.width, 1, 65_536)?;
        within("init.networks", "from 1 to 10000", self.networks, 1, 10_000)?;
        within("init.examples", "from 1 to 60000", self.examples, 1, 60_000)?;
        // All layers of a network are held, and what entered each of them.
        let units = self.layers * self.width;
        if units.saturating_mul(self.width) > MOST_WEIGHTS {
            let expected = "a width that gives at most 268435456 weights in init.layers layers";
            return Err(Error::argument("init.width", expected, self.width));
        }
        if units.saturating_mul(self.examples) > MOST_WEIGHTS {
            let expected =
                "so many that init.layers times init.width times them is at most 268435456";
            return Err(Error::argument("init.examples", expected, self.examples));
        }
        Ok(())
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
        refused(&|c| c.width = 65_536, "init.width is 65536, expected a width that gives at most");
        refused(&|c| (c.width, c.examples) = (2000, 60_000), "init.examples is 60000");
        refused(&|c| c.networks = 0, "init.networks");
        refused(&|c| c.examples = 0, "init.examples");
    }
}
