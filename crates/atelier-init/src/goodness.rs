//! Goodness of fit: the tests of Kolmogorov and Smirnov.
//!
//! # References
//! Stephens, *EDF statistics for goodness of fit and some comparisons*, JASA 1974 (the correction for
//! finite samples).

use crate::estimate::Estimate;

/// The level of the tests: as rarely wrong about a true identity as four standard errors are.
pub(crate) const LEVEL: f64 = 6.334e-5;

/// Mean and standard deviation of Kolmogorov's distribution, `sqrt(pi/2) ln 2` and
/// `sqrt(pi^2/12 - (pi/2) ln^2 2)`; the distance of a sample of n is that over sqrt(n).
const MEAN: f64 = 0.868_731_160_637_213_5;
const DEVIATION: f64 = 0.260_332_872_437_386_2;

/// The largest distance between two distribution functions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Distance {
    distance: f64,
    /// The number of draws; of two samples, n m / (n + m).
    effective: f64,
}

impl Distance {
    /// The distance, with the standard deviation that it has where both functions are the same.
    pub fn estimate(self) -> Estimate {
        let standard_error = DEVIATION / self.effective.sqrt();
        Estimate { value: self.distance, standard_error }
    }

    /// The mean of the distance where both functions are the same.
    pub fn expected(self) -> f64 {
        MEAN / self.effective.sqrt()
    }

    /// How probable a distance at least as large is where both functions are the same.
    pub fn p_value(self) -> f64 {
        let root = self.effective.sqrt();
        let lambda = (root + 0.12 + 0.11 / root) * self.distance;
        if lambda < 0.2 {
            return 1.0; // to 12 digits; the series converges slowly here
        }
        let terms = (1..=100).map(|k: i32| {
            let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
            sign * (-2.0 * (f64::from(k) * lambda).powi(2)).exp()
        });
        terms.sum::<f64>().clamp(0.0, 1.0)
    }
}

/// The distance of a sample from a distribution, given as its probability between two points.
///
/// The distribution function is summed up along the sorted sample, so that nothing but the density
/// need be known: `probability(a, b)` is its integral from a to b, and `lowest` is where it begins.
pub(crate) fn one_sample(
    sample: &mut [f64],
    lowest: f64,
    probability: impl Fn(f64, f64) -> f64,
) -> Distance {
    sample.sort_unstable_by(f64::total_cmp);
    let n = sample.len() as f64;
    let (mut below, mut distance, mut from) = (0.0, 0.0_f64, lowest);
    for (rank, &value) in sample.iter().enumerate() {
        below += probability(from, value);
        from = value;
        distance = distance.max(below - rank as f64 / n).max((rank + 1) as f64 / n - below);
    }
    Distance { distance, effective: n }
}

/// The distance between two samples.
pub(crate) fn two_samples(first: &mut [f64], second: &mut [f64]) -> Distance {
    first.sort_unstable_by(f64::total_cmp);
    second.sort_unstable_by(f64::total_cmp);
    let (n, m) = (first.len(), second.len());
    let (mut i, mut j, mut distance) = (0, 0, 0.0_f64);
    while i < n && j < m {
        let value = first[i].min(second[j]);
        i += first[i..].iter().take_while(|&&x| x <= value).count();
        j += second[j..].iter().take_while(|&&x| x <= value).count();
        distance = distance.max((i as f64 / n as f64 - j as f64 / m as f64).abs());
    }
    let (n, m) = (n as f64, m as f64);
    Distance { distance, effective: n * m / (n + m) }
}

#[cfg(test)]
mod tests {
    use atelier_core::seed::stream;
    use rand::RngExt as _;

    use super::*;

    fn uniform(count: usize, index: u64) -> Vec<f64> {
        let mut stream = stream(5, "goodness test", 0, index);
        (0..count).map(|_| stream.random::<f64>()).collect()
    }

    #[test]
    fn distances_of_a_few_points_are_those_of_paper_and_pencil() {
        // Against U(0, 1): the largest gap is at 0.7, where two thirds lie below already before it.
        let found = one_sample(&mut [0.7, 0.1, 0.2], 0.0, |a, b| b - a);
        assert!((found.distance - (2.0 / 3.0 - 0.2)).abs() < 1e-12);
        let found = two_samples(&mut [1.0, 2.0, 3.0, 4.0], &mut [3.0, 3.0, 5.0]);
        assert!((found.distance - 0.5).abs() < 1e-12, "{found:?}");
        assert!((found.effective - 12.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn p_values_are_those_of_the_tables() {
        // Critical values of Kolmogorov's distribution: 1.3581 at 5 %, 1.6276 at 1 %.
        for (critical, level) in [(1.3581, 0.05), (1.6276, 0.01), (1.2238, 0.1)] {
            let n = 1e10_f64;
            let found = Distance { distance: critical / n.sqrt(), effective: n }.p_value();
            assert!((found - level).abs() < 5e-5, "{critical}: {found}");
        }
        let nothing = Distance { distance: 0.0, effective: 100.0 };
        assert!((nothing.p_value() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn true_distributions_pass_and_their_distances_spread_as_stated() {
        let distances: Vec<Distance> =
            (0..300).map(|i| one_sample(&mut uniform(1000, i), 0.0, |a, b| b - a)).collect();
        assert!(distances.iter().all(|d| d.p_value() > LEVEL));
        let small = distances.iter().filter(|d| d.p_value() < 0.1).count();
        assert!((10..60).contains(&small), "{small} of 300 below 0.1");
        let mean = distances.iter().map(|d| d.distance).sum::<f64>() / 300.0;
        assert!((mean / distances[0].expected() - 1.0).abs() < 0.1, "{mean}");
    }

    #[test]
    fn wrong_distributions_fail() {
        let mut squares: Vec<f64> = uniform(1000, 0).iter().map(|u| u * u).collect();
        assert!(one_sample(&mut squares, 0.0, |a, b| b - a).p_value() < LEVEL);
        assert!(two_samples(&mut squares, &mut uniform(1000, 1)).p_value() < LEVEL);
        assert!(two_samples(&mut uniform(1000, 2), &mut uniform(1000, 1)).p_value() > LEVEL);
    }
}
