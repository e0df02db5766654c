use atelier_core::init::Initializer;
use atelier_core::{MOST_WEIGHTS, number};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The activation after a hidden layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(0, x).
    #[default]
    Relu,
    /// x for x > 0, 0.01 x otherwise.
    LeakyRelu,
    /// x for x > 0, e^x - 1 otherwise.
    Elu,
    /// x for x > 0, a x otherwise, with one trained `a` per layer that begins at 0.25.
    Prelu,
    /// x Phi(x), by the error function.
    Gelu,
    /// x sigmoid(x).
    Silu,
    /// tanh(x).
    Tanh,
    /// 1 / (1 + e^-x).
    Sigmoid,
}

impl Activation {
    /// PyTorch's name of the module.
    pub(crate) fn module(self) -> &'static str {
        self.elementwise().map_or("PReLU", module)
    }

    /// The activation of core; `None` for PReLU, which has a parameter of its own.
    pub(crate) fn elementwise(self) -> Option<atelier_core::Activation> {
        use atelier_core::Activation as Core;
        Some(match self {
            Self::Relu => Core::Relu,
            Self::LeakyRelu => Core::LeakyRelu,
            Self::Elu => Core::Elu,
            Self::Prelu => return None,
            Self::Gelu => Core::Gelu,
            Self::Silu => Core::Silu,
            Self::Tanh => Core::Tanh,
            Self::Sigmoid => Core::Sigmoid,
        })
    }
}

/// PyTorch's name of the module that applies `activation`.
pub(crate) fn module(activation: atelier_core::Activation) -> &'static str {
    use atelier_core::Activation as Core;
    match activation {
        Core::Identity => "Identity",
        Core::Relu => "ReLU",
        Core::LeakyRelu => "LeakyReLU",
        Core::Elu => "ELU",
        Core::Gelu => "GELU",
        Core::Silu => "SiLU",
        Core::Tanh => "Tanh",
        Core::Sigmoid => "Sigmoid",
    }
}

/// The section `model` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Widths of the hidden layers, first to last.
    pub hidden: Vec<usize>,
    /// The activation after each hidden layer.
    pub activation: Activation,
    /// Batch normalisation between each hidden layer and its activation.
    pub batch_norm: bool,
    /// Probability with which a hidden unit is dropped in training, in [0, 1).
    pub dropout: f64,
    /// How weights are drawn.
    pub init: Initializer,
    /// Factor on the deviation that `init` gives.
    pub init_scale: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            hidden: vec![50, 50, 50],
            activation: Activation::Relu,
            batch_norm: false,
            dropout: 0.0,
            init: Initializer::HeNormal,
            init_scale: 1.0,
        }
    }
}

/// Drawn numbers lie within some ten deviations, so that with this factor every weight is one of f32.
const LARGEST_SCALE: f64 = 1e30;

impl ModelConfig {
    /// More units than this in one layer are taken for a slip of the pen.
    pub const MOST_UNITS: usize = 65_536;
    /// More hidden layers than this are taken for a slip of the pen.
    pub const MOST_LAYERS: usize = 256;

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first value out of range, with its key.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &'static str, expected: &'static str, found: String| {
            Err(Error::Setting { key, expected, found })
        };
        if self.hidden.len() > Self::MOST_LAYERS {
            return refuse("model.hidden", "at most 256 layers", self.hidden.len().to_string());
        }
        if let Some(width) = self.hidden.iter().find(|&&w| w == 0 || w > Self::MOST_UNITS) {
            return refuse("model.hidden", "widths from 1 to 65536", width.to_string());
        }
        check_weights(&self.hidden)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("model.dropout", "a probability in [0, 1)", number(self.dropout));
        }
        if !(0.0..=LARGEST_SCALE).contains(&self.init_scale) {
            return refuse("model.init_scale", "from 0 to 1e30", number(self.init_scale));
        }
        Ok(())
    }
}

/// Refuses layers of these widths, the first and the last the ends, that have too many weights.
pub(crate) fn check_weights(widths: &[usize]) -> Result<()> {
    let weights = widths
        .windows(2)
        .fold(0_usize, |sum, pair| sum.saturating_add(pair[0].saturating_mul(pair[1])));
    if weights <= MOST_WEIGHTS {
        return Ok(());
    }
    Err(Error::Setting {
        key: "model.hidden",
        expected: "widths that give at most 268435456 weights",
        found: match widths {
            _ if widths.len() < 10 => format!("{weights} weights in layers {widths:?}"),
            _ => format!("{weights} weights in {} layers", widths.len() - 1),
        },
    })
}
