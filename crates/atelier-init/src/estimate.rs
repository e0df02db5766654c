//! Estimates from samples, with honest standard errors.

/// How many standard errors an estimate may lie from its theory. Under a normal distribution a true identity is
/// missed once in 16,000 times; where draws have long tails, several times as often.
pub(crate) const STANDARD_ERRORS: f64 = 4.0;

/// A number that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub value: f64,
    pub standard_error: f64,
}

impl Estimate {
    /// Whether `theory` lies within four standard errors; not where a number is missing.
    pub fn agrees_with(self, theory: f64) -> bool {
        (self.value - theory).abs() <= STANDARD_ERRORS * self.standard_error
    }

    pub fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, standard_error: self.standard_error * factor.abs() }
    }

    /// The ratio of two independent estimates; the standard error is of first order.
    pub fn over(self, other: Self) -> Self {
        let value = self.value / other.value;
        let relative = (self.standard_error / self.value).hypot(other.standard_error / other.value);
        Self { value, standard_error: (value * relative).abs() }
    }
}

/// The mean of independent draws, which must be at least two.
pub(crate) fn mean(sample: &[f64]) -> Estimate {
    let n = sample.len() as f64;
    let (mean, second, _) = central_moments(sample);
    Estimate { value: mean, standard_error: (second / (n - 1.0)).sqrt() }
}

/// The unbiased variance of independent draws, which must be at least four.
///
/// The variance of this estimate is `(m4 - v^2 (n - 3)/(n - 1)) / n`, with the fourth central moment
/// of the sample: no normal distribution is assumed.
pub(crate) fn variance(sample: &[f64]) -> Estimate {
    let n = sample.len() as f64;
    let (_, second, fourth) = central_moments(sample);
    let value = second * n / (n - 1.0);
    let of_estimate = (fourth - value * value * (n - 3.0) / (n - 1.0)) / n;
    Estimate { value, standard_error: of_estimate.max(0.0).sqrt() }
}

/// The mean, and the second and fourth moments about it.
fn central_moments(sample: &[f64]) -> (f64, f64, f64) {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let (second, fourth) = sample.iter().fold((0.0, 0.0), |(second, fourth), value| {
        let square = (value - mean) * (value - mean);
        (second + square, fourth + square * square)
    });
    (mean, second / n, fourth / n)
}

#[cfg(test)]
mod tests {
    use atelier_core::seed::stream;
    use rand_distr::{Distribution as _, Exp1};

    use super::*;

    #[test]
    fn mean_and_variance_of_a_few_numbers_are_those_of_paper_and_pencil() {
        let sample = [1.0, 2.0, 3.0, 6.0];
        // Deviations -2, -1, 0, 3: squares sum to 14, fourth powers to 98.
        let mean = mean(&sample);
        assert!((mean.value - 3.0).abs() < 1e-12);
        assert!((mean.standard_error - (14.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
        let variance = variance(&sample);
        assert!((variance.value - 14.0 / 3.0).abs() < 1e-12);
        let expected = (98.0 / 4.0 - (14.0_f64 / 3.0).powi(2) / 3.0) / 4.0;
        assert!((variance.standard_error - expected.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn standard_errors_are_the_spread_of_estimates_even_with_heavy_tails() {
        // Exponential draws: kurtosis 9, so that a normal formula would be too small by half.
        let batches: Vec<(Estimate, Estimate)> = (0..400)
            .map(|batch| {
                let mut stream = stream(3, "estimate test", 0, batch);
                let sample: Vec<f64> = (0..2000).map(|_| Exp1.sample(&mut stream)).collect();
                (mean(&sample), variance(&sample))
            })
            .collect();
        let check = |estimates: Vec<Estimate>, truth: f64| {
            let values: Vec<f64> = estimates.iter().map(|e| e.value).collect();
            let claimed =
                estimates.iter().map(|e| e.standard_error).sum::<f64>() / estimates.len() as f64;
            let found = variance(&values).value.sqrt();
            assert!((claimed / found - 1.0).abs() < 0.15, "claimed {claimed}, found {found}");
            assert!(mean(&values).agrees_with(truth));
        };
        check(batches.iter().map(|(mean, _)| *mean).collect(), 1.0);
        check(batches.iter().map(|(_, variance)| *variance).collect(), 1.0);
    }

    #[test]
    fn the_error_of_a_ratio_comes_from_both_sides() {
        let three = Estimate { value: 3.0, standard_error: 0.3 };
        let two = Estimate { value: -2.0, standard_error: 0.1 };
        let ratio = three.over(two);
        assert!((ratio.value + 1.5).abs() < 1e-12);
        assert!((ratio.standard_error - 1.5 * 0.1_f64.hypot(0.05)).abs() < 1e-12);
    }

    #[test]
    fn an_estimate_that_is_no_number_agrees_with_nothing() {
        assert!(!Estimate { value: f64::NAN, standard_error: 1.0 }.agrees_with(0.0));
        assert!(!Estimate { value: 0.0, standard_error: f64::NAN }.agrees_with(0.0));
    }
}
