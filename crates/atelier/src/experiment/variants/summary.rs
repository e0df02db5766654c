//! `summary.json` of a comparison.

use serde::{Deserialize, Serialize};

use super::statistics::{Spread, bootstrap, paired_t_test, sign_flip_test};
use crate::config::Config;

/// Samples of the bootstrap.
const DRAWS: u64 = 10_000;

/// The results of a comparison. Accuracies are shares in [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) schema_version: u32,
    pub(crate) verb: String,
    pub(crate) seed: u64,
    pub(crate) epochs: usize,
    /// How many training examples the networks that were chosen among learned from.
    pub(crate) examples: usize,
    /// What the networks of the test were trained on and with.
    pub(crate) tested: Tested,
    pub(crate) baseline: Compared,
    pub(crate) variants: Vec<Compared>,
    /// The network with the best mean validation accuracy; it can be the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) best: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contrast: Option<Contrast>,
}

/// The networks of the test: those of the choice, or trained anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tested {
    /// How many training examples they learned from.
    pub(crate) examples: usize,
    pub(crate) seeds: Vec<u64>,
}

/// A network, trained with every seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Compared {
    pub(crate) name: String,
    /// With the first of the seeds.
    pub(crate) config: Config,
    /// Numbers that are trained.
    pub(crate) parameters: usize,
    pub(crate) seeds: Vec<u64>,
    /// On validation examples, seed by seed, where some were set aside.
    #[serde(flatten)]
    pub(crate) validation: Option<Spread>,
    /// Of the baseline and the one variant that was tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) test: Option<Spread>,
}

/// The one difference that is measured on test examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contrast {
    /// The best variant on validation examples.
    pub(crate) variant: String,
    /// Mean test accuracy of the variant less that of the baseline.
    pub(crate) difference: f64,
    /// The same for each seed.
    pub(crate) differences: Vec<f64>,
    /// 95 % interval of `difference` over seeds and test images.
    pub(crate) ci95: [f64; 2],
    /// Of the paired t-test over seeds, two-sided.
    pub(crate) p_value: f64,
    /// Of all flips of the signs of `differences`, two-sided.
    pub(crate) sign_flip_p_value: f64,
    pub(crate) images: usize,
    /// How interval and probabilities were found.
    pub(crate) method: String,
}

impl Contrast {
    /// Compares which images, `[seed][image]`, two networks get right; at least two seeds.
    pub(super) fn new(
        variant: &str,
        baseline: &[Vec<bool>],
        correct: &[Vec<bool>],
        seed: u64,
    ) -> Self {
        let images = baseline.iter().map(Vec::len).min().unwrap_or(0);
        let counts: Vec<i64> =
            baseline.iter().zip(correct).map(|(a, b)| count(b) - count(a)).collect();
        let differences: Vec<f64> = counts.iter().map(|&d| d as f64 / images as f64).collect();
        let test = paired_t_test(&differences);
        let method = format!(
            "difference of mean accuracies over the same {} seeds and {images} test images; interval: \
             percentiles of {DRAWS} bootstrap samples over seeds and images, paired; p_value: \
             two-sided paired t-test over seeds, t = {:.3}, {} degrees of freedom; \
             sign_flip_p_value: all {} flips of the signs of the seeds' differences",
            differences.len(),
            test.t,
            test.degrees,
            1_u64 << differences.len()
        );
        Self {
            variant: variant.to_string(),
            difference: Spread::of(differences.clone()).mean,
            ci95: bootstrap(baseline, correct, DRAWS, seed),
            p_value: test.p,
            sign_flip_p_value: sign_flip_test(&counts),
            differences,
            images,
            method,
        }
    }
}

/// The test accuracy of each seed.
pub(super) fn accuracies(correct: &[Vec<bool>]) -> Spread {
    Spread::of(correct.iter().map(|of| count(of) as f64 / of.len() as f64).collect())
}

fn count(correct: &[bool]) -> i64 {
    correct.iter().map(|&right| i64::from(right)).sum()
}

impl Summary {
    /// The baseline, then the variants.
    pub(crate) fn networks(&self) -> impl Iterator<Item = &Compared> {
        std::iter::once(&self.baseline).chain(&self.variants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contrast_is_the_mean_over_seeds_with_its_uncertainty() {
        let right = |n: usize| -> Vec<bool> { (0..100).map(|i| i < n).collect() };
        let baseline = [right(50), right(52), right(51)];
        let variant = [right(53), right(56), right(53)];
        let contrast = Contrast::new("norm", &baseline, &variant, 0);
        assert!((contrast.difference - 0.03).abs() < 1e-12);
        for (found, expected) in contrast.differences.iter().zip([0.03, 0.04, 0.02]) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!(contrast.ci95[0] < 0.03 && 0.03 < contrast.ci95[1]);
        assert!((contrast.sign_flip_p_value - 0.25).abs() < 1e-12);
        // t = 0.03 / (0.01 / sqrt 3), 2 degrees of freedom: 1 - t / sqrt(2 + t^2).
        let t = 27.0_f64.sqrt();
        assert!((contrast.p_value - (1.0 - t / (2.0 + t * t).sqrt())).abs() < 1e-9);
        assert!((accuracies(&variant).mean - 0.54).abs() < 1e-12);
    }
}
