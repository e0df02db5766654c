use atelier_core::{Activation, init::Initializer};
use serde::Serialize;

use crate::{Error, Result};

/// What a layer normalises its pre-activations with; PyTorch's default as well.
pub(crate) const EPSILON: f64 = 1e-5;

/// A deep network at initialisation: `layers` dense layers of `width` units, each followed by the
/// activation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Network {
    /// Dense layers, at least one.
    pub layers: usize,
    /// Units of each layer.
    pub width: usize,
    /// The activation after each layer.
    pub activation: Activation,
    /// From which distribution the weights and biases are.
    pub initializer: Initializer,
    /// Factor on all weights and biases.
    pub scale: f64,
    /// Whether each layer normalises its pre-activations over the batch, as in training: to mean 0
    /// and variance 1 for each unit, before the activation.
    pub batch_norm: bool,
}

impl Default for Network {
    /// 50 layers of 256 units with ReLU and He's initialisation.
    fn default() -> Self {
        Self {
            layers: 50,
            width: 256,
            activation: Activation::Relu,
            initializer: Initializer::HeNormal,
            scale: 1.0,
            batch_norm: false,
        }
    }
}

/// An initialisation under the name that figures give it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scheme {
    /// The name.
    pub name: &'static str,
    /// The distribution.
    pub initializer: Initializer,
    /// The factor on it.
    pub scale: f64,
}

/// The initialisations worth comparing: He, Xavier, LeCun, PyTorch's default, and He's with weights
/// half and twice as large.
#[must_use]
pub fn schemes() -> [Scheme; 6] {
    let scheme = |name, initializer, scale| Scheme { name, initializer, scale };
    [
        scheme("He", Initializer::HeNormal, 1.0),
        scheme("Xavier", Initializer::XavierNormal, 1.0),
        scheme("LeCun", Initializer::LecunNormal, 1.0),
        scheme("PyTorch", Initializer::Pytorch, 1.0),
        scheme("too small", Initializer::HeNormal, 0.5),
        scheme("too large", Initializer::HeNormal, 2.0),
    ]
}

impl Network {
    /// The same network initialised otherwise.
    #[must_use]
    pub fn initialised(self, scheme: Scheme) -> Self {
        Self { initializer: scheme.initializer, scale: scheme.scale, ..self }
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.layers == 0 {
            return Err(Error::argument("layers", "at least 1", self.layers));
        }
        if self.width == 0 {
            return Err(Error::argument("width", "at least 1", self.width));
        }
        if !(self.scale > 0.0 && self.scale.is_finite()) {
            return Err(Error::argument("scale", "a positive number", self.scale));
        }
        Ok(())
    }

    /// Inputs of layer `layer`, counted from 0, in a network with so many `features`.
    pub(crate) fn inputs(&self, layer: usize, features: usize) -> usize {
        if layer == 0 { features } else { self.width }
    }

    /// The variances of a weight and of a bias of a layer with `inputs` inputs.
    pub(crate) fn variances(&self, inputs: usize) -> (f64, f64) {
        let (n, m) = (inputs as f64, self.width as f64);
        let (weight, bias) = match self.initializer {
            Initializer::HeNormal | Initializer::HeUniform => (2.0 / n, 0.0),
            Initializer::XavierNormal | Initializer::XavierUniform => (2.0 / (n + m), 0.0),
            Initializer::LecunNormal | Initializer::LecunUniform => (1.0 / n, 0.0),
            // U(-b, b) has the variance b^2 / 3.
            Initializer::Pytorch => (1.0 / (3.0 * n), 1.0 / (3.0 * n)),
            Initializer::Normal => (1.0, 0.0),
        };
        (weight * self.scale * self.scale, bias * self.scale * self.scale)
    }
}

#[cfg(test)]
mod tests {
    use atelier_core::seed::stream;

    use super::*;
    use crate::estimate::variance;

    #[test]
    fn variances_are_those_of_the_weights_that_are_drawn() {
        for initializer in [
            Initializer::HeNormal,
            Initializer::HeUniform,
            Initializer::XavierNormal,
            Initializer::XavierUniform,
            Initializer::LecunNormal,
            Initializer::LecunUniform,
            Initializer::Pytorch,
            Initializer::Normal,
        ] {
            let network = Network { width: 400, initializer, scale: 0.7, ..Network::default() };
            let mut stream = stream(1, "variances", 0, 0);
            let sample = |drawn: Vec<f32>| drawn.into_iter().map(f64::from).collect::<Vec<_>>();
            let weights = sample(initializer.weight(30, 400, 0.7, &mut stream));
            let biases = sample(initializer.bias(30, 400, 0.7, &mut stream));
            let (weight, bias) = network.variances(30);
            assert!(variance(&weights).agrees_with(weight), "{initializer:?}");
            assert!(variance(&biases).agrees_with(bias), "{initializer:?}");
        }
    }

    #[test]
    fn networks_that_cannot_be_are_refused() {
        for (network, message) in [
            (Network { layers: 0, ..Network::default() }, "layers is 0, expected at least 1"),
            (Network { width: 0, ..Network::default() }, "width is 0, expected at least 1"),
            (
                Network { scale: f64::NAN, ..Network::default() },
                "scale is NaN, expected a positive number",
            ),
        ] {
            assert_eq!(network.check().err().map(|e| e.to_string()).as_deref(), Some(message));
        }
    }
}
