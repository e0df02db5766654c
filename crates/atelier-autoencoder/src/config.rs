use atelier_core::init::Initializer;
use atelier_core::number;
use atelier_models::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The section `autoencoder` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoencoderConfig {
    /// Widths of the encoder's hidden layers, first to last; the decoder has them in reverse.
    pub hidden: Vec<usize>,
    /// Units of the code, the bottleneck, 1 to 8192.
    pub latent: usize,
    /// Whether the decoder's weights are the transposes of the encoder's, which halves their number;
    /// its biases are its own.
    pub tied: bool,
    /// How weights are drawn.
    pub init: Initializer,
    /// Added to the first biases of the code's units, -1000 to 1000. A value near 1 keeps the units alive: what
    /// comes in from the last hidden layer is nowhere negative, so the first steps on a unit's
    /// weights move it the same way for every example, and one that falls below 0 for all of
    /// them gets no gradient any more.
    pub code_bias: f64,
    /// Deviation of the Gaussian noise on the inputs of training steps, of which the clean inputs
    /// are to be reconstructed (denoising, Vincent et al. 2008), up to 10; 0 is off.
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

/// A code of more units than this is no bottleneck of small images any more, and what is measured of
/// the codes of ten thousand images would not fit into the memory of a small machine.
const MOST_LATENT: usize = 8192;
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
        let allowed = 1..=ModelConfig::MOST_UNITS;
        if let Some(width) = self.hidden.iter().find(|width| !allowed.contains(width)) {
            return refuse("autoencoder.hidden", "widths from 1 to 65536", width.to_string());
        }
        if !(1..=MOST_LATENT).contains(&self.latent) {
            return refuse("autoencoder.latent", "from 1 to 8192 units", self.latent.to_string());
        }
        if !(-1e3..=1e3).contains(&self.code_bias) {
            let found = number(self.code_bias);
            return refuse("autoencoder.code_bias", "from -1000 to 1000", found);
        }
        #[expect(clippy::cast_possible_truncation, reason = "as it will be added to f32 inputs")]
        let narrow = self.noise as f32;
        // What is 0 in f32 alone would be off without having been set so.
        let off = self.noise == 0.0;
        if !(off || narrow.is_normal() && (0.0..=10.0).contains(&self.noise)) {
            let expected = "0, or a deviation up to 10 that f32 can hold";
            return refuse("autoencoder.noise", expected, number(self.noise));
        }
        Ok(())
    }
}
