use atelier_core::Activation;
use serde::Serialize;

use crate::activation::{LEAKY_SLOPE, normal_probability, slope, value};
use crate::quadrature::gaussian_mean;

/// The gain of an activation: with weights from N(0, gain^2/n), pre-activations of variance 1 lead
/// to pre-activations of variance 1.
///
/// It belongs to the variance 1 unless the activation is homogeneous, as ReLU and LeakyReLU are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gain {
    /// The activation, phi.
    pub activation: Activation,
    /// `1 / sqrt(E[phi(z)^2])` for z from N(0, 1), by numerical integration: keeps the signal.
    pub forward: f64,
    /// `1 / sqrt(E[phi'(z)^2])`: keeps the gradient, with as many outputs as inputs.
    pub backward: f64,
    /// The forward gain as a formula gives it, where there is one.
    pub closed_form: Option<f64>,
    /// What PyTorch's `calculate_gain` recommends, where it knows the activation. 5/3 for tanh is a
    /// rule of thumb that is larger than the forward gain, and 1 for the sigmoid a convention.
    pub pytorch: Option<f64>,
}

/// The gains of all activations.
///
/// ```
/// use atelier_core::Activation;
///
/// let gains = atelier_init::gains();
/// let relu = gains.iter().find(|gain| gain.activation == Activation::Relu).ok_or("no ReLU")?;
/// assert!((relu.forward - 2.0_f64.sqrt()).abs() < 1e-9);
/// assert!((relu.backward - relu.forward).abs() < 1e-9);
/// # Ok::<(), &'static str>(())
/// ```
#[must_use]
pub fn gains() -> Vec<Gain> {
    [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
    ]
    .map(gain)
    .to_vec()
}

/// The gain of one activation.
#[must_use]
pub fn gain(activation: Activation) -> Gain {
    Gain {
        activation,
        forward: gaussian_mean(|z| value(activation, z).powi(2)).sqrt().recip(),
        backward: gaussian_mean(|z| slope(activation, z).powi(2)).sqrt().recip(),
        closed_form: mean_square(activation).map(|square| square.sqrt().recip()),
        pytorch: match activation {
            Activation::Identity | Activation::Sigmoid => Some(1.0),
            Activation::Relu => Some(std::f64::consts::SQRT_2),
            Activation::LeakyRelu => Some((2.0 / (1.0 + LEAKY_SLOPE * LEAKY_SLOPE)).sqrt()),
            Activation::Tanh => Some(5.0 / 3.0),
            Activation::Elu | Activation::Gelu | Activation::Silu => None,
        },
    }
}

/// E[phi(z)^2] for z from N(0, 1), where it has a closed form.
fn mean_square(activation: Activation) -> Option<f64> {
    use std::f64::consts::{E, PI};
    match activation {
        Activation::Identity => Some(1.0),
        Activation::Relu => Some(0.5),
        Activation::LeakyRelu => Some(0.5 * (1.0 + LEAKY_SLOPE * LEAKY_SLOPE)),
        // The negative half of (e^z - 1)^2: E[e^(k z); z < 0] = e^(k^2 / 2) Phi(-k).
        Activation::Elu => {
            Some(1.0 + E * E * normal_probability(-2.0) - 2.0 * E.sqrt() * normal_probability(-1.0))
        }
        // E[z^2 f] = E[f] + E[f''] with f = Phi^2, and E[Phi^2] = 1/3.
        Activation::Gelu => Some(1.0 / 3.0 + 1.0 / (2.0 * PI * 3.0_f64.sqrt())),
        Activation::Silu | Activation::Tanh | Activation::Sigmoid => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::ALL;

    #[test]
    fn integrated_gains_are_those_of_the_formulas() {
        let mut checked = 0;
        for gain in gains() {
            if let Some(known) = gain.closed_form {
                assert!((gain.forward - known).abs() < 1e-9, "{gain:?}");
                checked += 1;
            }
        }
        assert_eq!((checked, gains().len()), (5, ALL.len()));
    }

    #[test]
    fn pytorchs_gains_are_these_but_for_tanh_and_sigmoid() {
        for gain in gains() {
            let Some(theirs) = gain.pytorch else { continue };
            let ours = (gain.forward - theirs).abs() < 1e-9;
            let convention = matches!(gain.activation, Activation::Tanh | Activation::Sigmoid);
            assert!(ours != convention, "{gain:?}");
        }
        // The published value of 1 / sqrt(E[tanh^2]) is 1.5925.
        assert!((gain(Activation::Tanh).forward - 1.592_5).abs() < 1e-4);
    }

    #[test]
    fn homogeneous_activations_keep_signal_and_gradient_with_the_same_gain() {
        for activation in ALL {
            let gain = gain(activation);
            let homogeneous = matches!(
                activation,
                Activation::Identity | Activation::Relu | Activation::LeakyRelu
            );
            assert_eq!((gain.forward - gain.backward).abs() < 1e-9, homogeneous, "{gain:?}");
        }
    }
}
