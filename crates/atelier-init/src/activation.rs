//! Activations and their slopes, element by element in f64.

use atelier_core::Activation;

use crate::quadrature::normal_density;

/// The slope of LeakyReLU for negative inputs.
pub(crate) const LEAKY_SLOPE: f64 = 0.01;

/// The activation of `x`.
pub(crate) fn value(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu => x.max(LEAKY_SLOPE * x),
        Activation::Elu if x > 0.0 => x,
        Activation::Elu => x.exp_m1(),
        Activation::Gelu => x * normal_probability(x),
        Activation::Silu => x * sigmoid(x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
    }
}

/// The derivative of the activation at `x`; at a kink that from the left.
pub(crate) fn slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Identity => 1.0,
        Activation::Relu => f64::from(u8::from(x > 0.0)),
        Activation::LeakyRelu | Activation::Elu if x > 0.0 => 1.0,
        Activation::LeakyRelu => LEAKY_SLOPE,
        Activation::Elu => x.exp(),
        Activation::Gelu => normal_probability(x) + x * normal_density(x),
        Activation::Silu => sigmoid(x) * (1.0 + x * sigmoid(-x)),
        Activation::Tanh => 1.0 - x.tanh().powi(2),
        Activation::Sigmoid => sigmoid(x) * sigmoid(-x),
    }
}

/// The probability that N(0, 1) is below `x`.
pub(crate) fn normal_probability(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
pub(crate) const ALL: [Activation; 8] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Elu,
    Activation::Gelu,
    Activation::Silu,
    Activation::Tanh,
    Activation::Sigmoid,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_formulas() {
        for (activation, below, above) in [
            (Activation::Identity, -0.5, 2.0),
            (Activation::Relu, 0.0, 2.0),
            (Activation::LeakyRelu, -0.005, 2.0),
            (Activation::Elu, -0.393_469_340_287_366_6, 2.0),
            // x Phi(x), with Phi(0.5) = 0.691462461 and Phi(2) = 0.977249868.
            (Activation::Gelu, -0.154_268_769_6, 1.954_499_736),
            (Activation::Silu, -0.188_770_334_4, 1.761_594_156),
            (Activation::Tanh, -0.462_117_157_3, 0.964_027_580_1),
            (Activation::Sigmoid, 0.377_540_668_8, 0.880_797_078),
        ] {
            assert!((value(activation, -0.5) - below).abs() < 1e-9, "{activation:?}");
            assert!((value(activation, 2.0) - above).abs() < 1e-9, "{activation:?}");
        }
    }

    #[test]
    fn slopes_are_the_derivatives_of_the_values() {
        for activation in ALL {
            for x in [-7.0, -1.3, -0.2, 0.4, 1.0, 6.0] {
                let h = 1e-5;
                let difference = (value(activation, x + h) - value(activation, x - h)) / (2.0 * h);
                assert!((slope(activation, x) - difference).abs() < 1e-9, "{activation:?} at {x}");
            }
        }
        assert!(slope(Activation::Relu, 0.0).abs() < 1e-12);
    }
}
