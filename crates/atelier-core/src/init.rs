//! How weights are drawn before training.
//!
//! # References
//! He et al., *Delving deep into rectifiers*, ICCV 2015; Glorot and Bengio, *Understanding the
//! difficulty of training deep feedforward neural networks*, AISTATS 2010; LeCun et al., *Efficient
//! backprop*, 1998.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::seed::Stream;

/// A distribution of initial weights; `n` is the number of inputs of the layer, `m` of its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initializer {
    /// N(0, 2/n).
    #[default]
    HeNormal,
    /// U(-b, b) with b = sqrt(6/n).
    HeUniform,
    /// N(0, 2/(n + m)).
    XavierNormal,
    /// U(-b, b) with b = sqrt(6/(n + m)).
    XavierUniform,
    /// N(0, 1/n).
    LecunNormal,
    /// U(-b, b) with b = sqrt(3/n).
    LecunUniform,
    /// PyTorch's default for a linear layer: weights and biases from U(-b, b) with b = 1/sqrt(n).
    Pytorch,
    /// N(0, 1), whatever the layer: the scale alone decides.
    Normal,
}

impl Initializer {
    /// A weight in PyTorch's layout, (m, n) row-major, multiplied by `scale`.
    #[must_use]
    pub fn weight(
        self,
        inputs: usize,
        outputs: usize,
        scale: f64,
        stream: &mut Stream,
    ) -> Vec<f32> {
        let (n, m) = (inputs.max(1) as f64, outputs.max(1) as f64);
        let count = inputs * outputs;
        match self {
            Self::HeNormal => normal(count, scale * (2.0 / n).sqrt(), stream),
            Self::XavierNormal => normal(count, scale * (2.0 / (n + m)).sqrt(), stream),
            Self::LecunNormal => normal(count, scale * (1.0 / n).sqrt(), stream),
            Self::Normal => normal(count, scale, stream),
            Self::HeUniform => uniform(count, scale * (6.0 / n).sqrt(), stream),
            Self::XavierUniform => uniform(count, scale * (6.0 / (n + m)).sqrt(), stream),
            Self::LecunUniform => uniform(count, scale * (3.0 / n).sqrt(), stream),
            Self::Pytorch => uniform(count, scale * (1.0 / n).sqrt(), stream),
        }
    }

    /// A bias (m): 0, except with [`Initializer::Pytorch`].
    #[must_use]
    pub fn bias(self, inputs: usize, outputs: usize, scale: f64, stream: &mut Stream) -> Vec<f32> {
        match self {
            Self::Pytorch => uniform(outputs, scale / (inputs.max(1) as f64).sqrt(), stream),
            _ => vec![0.0; outputs],
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
fn normal(count: usize, deviation: f64, stream: &mut Stream) -> Vec<f32> {
    (0..count)
        .map(|_| {
            let z: f64 = StandardNormal.sample(stream);
            (z * deviation) as f32
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
fn uniform(count: usize, bound: f64, stream: &mut Stream) -> Vec<f32> {
    (0..count).map(|_| ((stream.random::<f64>() * 2.0 - 1.0) * bound) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;

    #[test]
    fn each_distribution_has_the_variance_of_its_paper() {
        let (n, m) = (200, 300);
        for (initializer, variance) in [
            (Initializer::HeNormal, 2.0 / 200.0),
            (Initializer::HeUniform, 2.0 / 200.0),
            (Initializer::XavierNormal, 2.0 / 500.0),
            (Initializer::XavierUniform, 2.0 / 500.0),
            (Initializer::LecunNormal, 1.0 / 200.0),
            (Initializer::LecunUniform, 1.0 / 200.0),
            (Initializer::Pytorch, 1.0 / 600.0),
            (Initializer::Normal, 1.0),
        ] {
            let w = initializer.weight(n, m, 0.5, &mut stream(1, "init", 0, 0));
            let mean = w.iter().map(|&x| f64::from(x)).sum::<f64>() / w.len() as f64;
            let found = w.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / w.len() as f64;
            // 60,000 draws: the relative standard error of a variance is at most 0.6 %.
            assert!((found / (0.25 * variance) - 1.0).abs() < 0.03, "{initializer:?}: {found}");
            assert!(mean.abs() < 5.0 * (found / w.len() as f64).sqrt(), "{initializer:?}: {mean}");
        }
    }

    #[test]
    fn biases_are_zero_except_with_pytorchs_default() {
        let zero = Initializer::HeNormal.bias(100, 50, 1.0, &mut stream(1, "init", 0, 0));
        assert!(zero.iter().all(|&b| b.to_bits() == 0));
        let drawn = Initializer::Pytorch.bias(100, 50, 1.0, &mut stream(1, "init", 0, 0));
        assert!(drawn.iter().all(|b| b.abs() <= 0.1) && drawn.iter().any(|b| b.abs() > 0.05));
    }
}
