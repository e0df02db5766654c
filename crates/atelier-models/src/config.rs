use serde::{Deserialize, Serialize};

/// The activation after a hidden layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// max(0, x).
    #[default]
    Relu,
    /// x for x > 0, 0.01 x otherwise.
    LeakyRelu,
    /// x for x > 0, exp(x) - 1 otherwise.
    Elu,
    /// x for x > 0, a x otherwise, with one trained `a` per layer that begins at 0.25.
    Prelu,
    /// x Phi(x), with the normal distribution function (by the error function, not by tanh).
    Gelu,
    /// x sigmoid(x).
    Silu,
    /// tanh(x).
    Tanh,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
}

/// How weights are drawn before training; biases begin at 0 except with `pytorch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initializer {
    /// N(0, 2 / fan-in): He et al. 2015.
    #[default]
    HeNormal,
    /// U(-b, b) with b = sqrt(6 / fan-in).
    HeUniform,
    /// N(0, 2 / (fan-in + fan-out)): Glorot and Bengio 2010.
    XavierNormal,
    /// U(-b, b) with b = sqrt(6 / (fan-in + fan-out)).
    XavierUniform,
    /// N(0, 1 / fan-in): LeCun et al. 1998.
    LecunNormal,
    /// PyTorch's default for a linear layer: weights and biases from U(-b, b), b = 1 / sqrt(fan-in).
    Pytorch,
}

/// The section `model` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Factor on the standard deviation that `init` gives.
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
