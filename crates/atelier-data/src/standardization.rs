use serde::{Deserialize, Serialize};

use crate::Subset;

/// Subtracts a mean from each pixel and divides by a scale, after pixels were scaled to [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardization {
    /// What is subtracted, one for each pixel, in units of the full pixel range.
    pub mean: Vec<f32>,
    /// What is divided by, one for each pixel, never 0.
    pub scale: Vec<f32>,
}

impl Standardization {
    /// The mean and the standard deviation of each pixel over `examples`, which must be training
    /// examples alone; a pixel that never changes has scale 1.
    ///
    /// The sums are exact, so that the order of the examples does not matter.
    #[must_use]
    pub fn fit(examples: &Subset) -> Self {
        let pixels = examples.dataset().pixels();
        let (mut sums, mut squares) = (vec![0_u64; pixels], vec![0_u64; pixels]);
        for &index in examples.indices() {
            let row = &examples.dataset().bytes()[index as usize * pixels..][..pixels];
            for ((&value, sum), square) in row.iter().zip(&mut sums).zip(&mut squares) {
                *sum += u64::from(value);
                *square += u64::from(value) * u64::from(value);
            }
        }
        let n = examples.len().max(1) as f64;
        let (mut mean, mut scale) = (Vec::with_capacity(pixels), Vec::with_capacity(pixels));
        for (sum, square) in sums.into_iter().zip(squares) {
            // n^2 times the variance: an integer, 0 only where all values are equal.
            let spread = examples.len() as u128 * u128::from(square) - u128::from(sum).pow(2);
            mean.push(narrow(sum as f64 / (255.0 * n)));
            scale.push(if spread == 0 {
                1.0
            } else {
                narrow((spread as f64).sqrt() / (255.0 * n))
            });
        }
        Self { mean, scale }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "f32 is what the network computes in")]
fn narrow(value: f64) -> f32 {
    value as f32
}
