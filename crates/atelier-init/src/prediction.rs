//! What theory says of signals in a deep network: one number a layer, by recurrence.
//!
//! # References
//! Poole et al., *Exponential expressivity in deep neural networks through transient chaos*, `NeurIPS`
//! 2016; Schoenholz et al., *Deep information propagation*, ICLR 2017; Yang et al., *A mean field
//! theory of batch normalization*, ICLR 2019.

use ndarray::{ArrayView2, Axis};
use serde::Serialize;

use crate::activation::{slope, value};
use crate::network::{EPSILON, Network};
use crate::quadrature::gaussian_mean;

/// The mean squares that theory expects in a layer, over all networks that could be drawn.
///
/// Without batch norm they are exact for ReLU, LeakyReLU and no activation at any width, where the
/// biases are 0; otherwise those of wide layers, whose pre-activations are normally distributed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Prediction {
    /// Of the pre-activations `z = W x + b`.
    pub pre_activation: f64,
    /// Of the activations.
    pub activation: f64,
    /// Of the gradients with respect to z.
    pub gradient: f64,
}

/// The prediction for each layer, where the gradients with respect to the last activations have the
/// mean square 1.
pub(crate) fn predict(network: &Network, inputs: ArrayView2<'_, f64>) -> Vec<Prediction> {
    let features = inputs.ncols();
    let phi = |z| value(network.activation, z);
    let derivative = |z| slope(network.activation, z);
    let mut square = inputs.iter().map(|x| x * x).sum::<f64>() / inputs.len() as f64;
    // What batch norm divides by comes from how much an input varies over the batch. Beyond the first
    // layer that is Var[phi(g)] with g from N(0, 1), which is how a normalised unit is distributed.
    let mut varying = inputs.var_axis(Axis(0), 0.0).mean().unwrap_or(0.0);
    let mut predictions = Vec::with_capacity(network.layers);
    let mut shares = Vec::with_capacity(network.layers);
    for layer in 0..network.layers {
        let n = network.inputs(layer, features);
        let (weight, bias) = network.variances(n);
        let pre_activation = n as f64 * weight * square + bias;
        let (deviation, divided) = if network.batch_norm {
            (1.0, n as f64 * weight * varying + EPSILON)
        } else {
            (pre_activation.sqrt(), 1.0)
        };
        square = gaussian_mean(|z| phi(deviation * z).powi(2));
        varying = square - gaussian_mean(|z| phi(deviation * z)).powi(2);
        let passed = gaussian_mean(|z| derivative(deviation * z).powi(2));
        shares.push(passed / divided);
        predictions.push(Prediction { pre_activation, activation: square, gradient: 0.0 });
    }
    let mut gradient = 1.0;
    for (layer, prediction) in predictions.iter_mut().enumerate().rev() {
        prediction.gradient = gradient * shares[layer];
        let (weight, _) = network.variances(network.inputs(layer, features));
        gradient = network.width as f64 * weight * prediction.gradient;
    }
    predictions
}

#[cfg(test)]
mod tests {
    use atelier_core::{Activation, init::Initializer};
    use ndarray::Array2;

    use super::*;
    use crate::gain::gain;

    fn last(network: Network) -> (Prediction, Prediction) {
        let inputs = Array2::from_shape_fn((2, network.width), |(i, _)| [1.0, -1.0][i]);
        let predictions = predict(&network, inputs.view());
        (predictions[0], predictions[network.layers - 1])
    }

    #[test]
    fn relu_networks_multiply_by_half_of_the_weights_variance_a_layer() {
        for (initializer, factor) in [
            (Initializer::HeNormal, 1.0),
            (Initializer::XavierNormal, 0.5),
            (Initializer::LecunNormal, 0.5),
            (Initializer::Normal, 50.0),
        ] {
            let (first, last) =
                last(Network { layers: 11, width: 100, initializer, ..Network::default() });
            let forward = last.pre_activation / first.pre_activation / f64::powi(factor, 10);
            let backward = first.gradient / last.gradient / f64::powi(factor, 10);
            assert!((forward - 1.0).abs() < 1e-8, "{initializer:?}: {forward}");
            assert!((backward - 1.0).abs() < 1e-8, "{initializer:?}: {backward}");
        }
    }

    #[test]
    fn the_gain_of_an_activation_keeps_a_signal_of_variance_one() {
        for activation in [Activation::Tanh, Activation::LeakyRelu, Activation::Identity] {
            let scale = gain(activation).forward;
            let initializer = Initializer::LecunNormal;
            let network = Network { activation, initializer, scale, ..Network::default() };
            let inputs = Array2::from_elem((1, 256), 1.0 / scale);
            for prediction in predict(&network, inputs.view()) {
                assert!((prediction.pre_activation - 1.0).abs() < 1e-8, "{activation:?}");
            }
        }
    }

    #[test]
    fn batch_norm_fixes_the_signal_and_lets_gradients_grow_by_pi_over_pi_minus_one() {
        use std::f64::consts::PI;
        for scale in [0.01, 1.0, 100.0] {
            let (_, last) = last(Network { batch_norm: true, scale, ..Network::default() });
            assert!((last.activation - 0.5).abs() < 1e-9);
        }
        let network = Network { batch_norm: true, ..Network::default() };
        let inputs = Array2::from_shape_fn((2, 256), |(i, _)| [1.0, -1.0][i]);
        let predictions = predict(&network, inputs.view());
        for pair in predictions[1..].windows(2) {
            let growth = pair[0].gradient / pair[1].gradient;
            assert!((growth - PI / (PI - 1.0)).abs() < 1e-3, "{growth}");
        }
    }
}
