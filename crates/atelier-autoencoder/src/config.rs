use atelier_core::init::Initializer;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The section `autoencoder` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// Widths of the encoder's hidden layers, first to last; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// Units of the code, the bottleneck.
    pub latent: usize,
    /// Whether the decoder's weights are the transposes of the encoder's, which halves their number;
    /// its biases are its own.
    pub tied: bool,
    /// How weights are drawn.
    pub init: Initializer,
    /// Added to the first biases of the code's units. A value near 1 keeps the units alive: what
    /// comes in from the last hidden layer is nowhere negative, so the first steps on a unit's
    /// weights move it the same way for every example, and one that falls below 0 for all of
    /// them gets no gradient any more.
    pub code_bias: f64,
    /// Deviation of the Gaussian noise on the inputs of training steps, of which the clean inputs
    /// are to be reconstructed (denoising, Vincent et al. 2008); 0 is off.
    pub noise: f64,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        Self {
            hidden: vec![128],
            latent: 64,
            tied: false,
            init: Initializer::Pytorch,
            code_bias: 0.0,
            noise: 0.0,
        }
    }
}

/// More units than this in one layer are taken for a slip of the pen.
const MOST_UNITS: usize = 65_536;
/// More hidden layers than this are taken for a slip of the pen.
const MOST_LAYERS: usize = 128;

impl AutoencoderConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first value out of range, with its key.
    pub fn check(&self) -> Result<()> {
        let refuse = |key, expected: &str, found: String| {
            Err(Error::Setting { key, expected: expected.to_string(), found })
        };
        if self.hidden.len() > MOST_LAYERS {
            return refuse(
                "autoencoder.hidden",
                "at most 128 layers",
                self.hidden.len().to_string(),
            );
        }
        let allowed = 1..=MOST_UNITS;
        if let Some(width) = self.hidden.iter().find(|width| !allowed.contains(width)) {
            return refuse("autoencoder.hidden", "widths from 1 to 65536", width.to_string());
        }
        if !allowed.contains(&self.latent) {
            return refuse("autoencoder.latent", "from 1 to 65536 units", self.latent.to_string());
        }
        if !self.code_bias.is_finite() {
            return refuse("autoencoder.code_bias", "a finite number", self.code_bias.to_string());
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return refuse(
                "autoencoder.noise",
                "a finite number, 0 or more",
                self.noise.to_string(),
            );
        }
        Ok(())
    }
}
