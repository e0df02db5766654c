use serde::{Deserialize, Serialize};

/// An activation without parameters of its own, applied to every element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// x.
    #[default]
    Identity,
    /// max(0, x).
    Relu,
    /// x for x > 0, 0.01 x otherwise.
    LeakyRelu,
    /// x for x > 0, e^x - 1 otherwise.
    Elu,
    /// x Phi(x), Phi the distribution function of N(0, 1) (by the error function).
    Gelu,
    /// x sigmoid(x).
    Silu,
    /// tanh(x).
    Tanh,
    /// 1 / (1 + e^-x).
    Sigmoid,
}

/// The slope of [`Activation::LeakyRelu`] for negative inputs.
pub const LEAKY_SLOPE: f32 = 0.01;
