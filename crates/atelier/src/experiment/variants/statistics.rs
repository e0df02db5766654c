//! How sure a difference between two networks is, from the same seeds and the same examples.

use atelier_core::seed::stream;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

/// Values with their mean and their standard deviation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) accuracies: Vec<f64>,
    pub(crate) mean: f64,
    /// With n - 1 in the denominator; of one value there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sd: Option<f64>,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: Vec<f64>) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        Self { accuracies: values, mean, sd }
    }
}

/// A paired t-test (Student 1908), two-sided: how probable a mean at least so far from 0 is if the
/// differences come from a normal distribution around 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TTest {
    pub(super) t: f64,
    pub(super) degrees: usize,
    pub(super) p: f64,
}

/// Tests at least two differences. Where all are the same there is no spread to compare with: `p` is
/// then 1 if they are 0, otherwise 0.
pub(super) fn paired_t_test(differences: &[f64]) -> TTest {
    let Spread { mean, sd, .. } = Spread::of(differences.to_vec());
    let degrees = differences.len().saturating_sub(1);
    let error = sd.unwrap_or(0.0) / (differences.len() as f64).sqrt();
    let t = if mean == 0.0 { 0.0 } else { mean / error };
    TTest { t, degrees, p: two_sided(t, degrees) }
}

/// The probability of a value at least as far from 0 as `t` under Student's distribution:
/// `I_x(v / 2, 1 / 2)` at `x = v / (v + t^2)`.
fn two_sided(t: f64, degrees: usize) -> f64 {
    let v = degrees as f64;
    let x = if t.is_finite() { v / (v + t * t) } else { 0.0 };
    let (a, b) = (v / 2.0, 0.5);
    // B(a, 1/2), from B(1/2, 1/2) = pi or B(1, 1/2) = 2 by B(a + 1, b) = B(a, b) a / (a + b).
    let (mut at, mut beta) =
        if degrees % 2 == 1 { (0.5, std::f64::consts::PI) } else { (1.0, 2.0) };
    while at < a {
        beta *= at / (at + b);
        at += 1.0;
    }
    let front = x.powf(a) * (1.0 - x).sqrt() / beta;
    // The fraction converges fast on one side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0) {
        front / (a * fraction(x, a, b))
    } else {
        1.0 - front / (b * fraction(1.0 - x, b, a))
    }
}

/// The continued fraction of the incomplete beta function.
///
/// # References
/// NIST Digital Library of Mathematical Functions, 8.17.22.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    let terms = (1..=200_u32).rev().map(|j| {
        let m = f64::from(j / 2);
        if j % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        }
    });
    terms.fold(1.0, |rest, d| 1.0 + d / rest)
}

/// The share of all ways to flip the signs of `differences` (at most 20) whose sum is at least as far
/// from 0: a test that only assumes that a difference is as likely as its opposite.
///
/// # References
/// Fisher, *The Design of Experiments*, 1935, section 21.
pub(super) fn sign_flip_test(differences: &[i64]) -> f64 {
    let observed = differences.iter().sum::<i64>().abs();
    let all = 1_u64 << differences.len();
    let sum = |flips: u64| -> i64 {
        let signed = |(k, d): (usize, &i64)| if flips >> k & 1 == 1 { -d } else { *d };
        differences.iter().enumerate().map(signed).sum()
    };
    let as_far = (0..all).filter(|&flips| sum(flips).abs() >= observed).count();
    as_far as f64 / all as f64
}

/// Which examples a network with each seed gets right: `[seed][example]`.
pub(super) type Correct = [Vec<bool>];

/// The 2.5th and 97.5th percentile of the difference of mean accuracies, `second` - `first`, over
/// `draws` samples of both seeds and examples, with replacement; a seed and an example bring their
/// values of both networks with them.
///
/// # References
/// Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13.
pub(super) fn bootstrap(first: &Correct, second: &Correct, draws: u64, seed: u64) -> [f64; 2] {
    let differences: Vec<Vec<i32>> = first
        .iter()
        .zip(second)
        .map(|(a, b)| a.iter().zip(b).map(|(&a, &b)| i32::from(b) - i32::from(a)).collect())
        .collect();
    let seeds = differences.len();
    let examples = differences.iter().map(Vec::len).min().unwrap_or(0);
    if seeds * examples == 0 {
        return [f64::NAN; 2];
    }
    let mut of_example = vec![0_i32; examples];
    let mut found: Vec<f64> = (0..draws)
        .map(|draw| {
            let mut random = stream(seed, "bootstrap", 0, draw);
            of_example.fill(0);
            for _ in 0..seeds {
                let drawn = &differences[random.random_range(0..seeds)];
                of_example.iter_mut().zip(drawn).for_each(|(sum, d)| *sum += d);
            }
            let sum: i64 = (0..examples)
                .map(|_| i64::from(of_example[random.random_range(0..examples)]))
                .sum();
            sum as f64 / (seeds * examples) as f64
        })
        .collect();
    found.sort_by(f64::total_cmp);
    [percentile(&found, 0.025), percentile(&found, 0.975)]
}

/// Between the two nearest of sorted values.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the list")]
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (at - at.floor()) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found:e}, expected {expected:e}");
    }

    #[test]
    fn a_spread_has_the_deviation_of_a_sample() {
        let spread = Spread::of(vec![0.5, 0.7, 0.9]);
        assert!((spread.mean - 0.7).abs() < 1e-12 && (spread.sd.expect("one") - 0.2).abs() < 1e-12);
        assert_eq!(Spread::of(vec![0.5]).sd, None);
    }

    #[test]
    fn probabilities_of_students_distribution_are_those_that_are_known() {
        // 2 (1 - F(t)) in closed form: 1 degree of freedom is Cauchy's distribution, 2 and 4 have
        // algebraic ones.
        for t in [1e-3, 0.5, 1.0, 2.0, 12.706, 1e4_f64] {
            close(two_sided(t, 1), 2.0 / std::f64::consts::PI * (1.0 / t).atan());
            let root = (2.0 + t * t).sqrt();
            close(two_sided(t, 2), 2.0 / (root * (root + t)));
        }
        let s = 3.0 / 13.0_f64.sqrt();
        close(two_sided(3.0, 4), 1.0 - 1.5 * s + 0.5 * s.powi(3));
        // Critical values of the tables, to their digits.
        for (t, degrees, p) in [(2.262_157, 9, 0.05), (3.249_836, 9, 0.01), (4.780_913, 9, 0.001)] {
            assert!((two_sided(t, degrees) / p - 1.0).abs() < 1e-5, "{t}");
        }
        close(two_sided(0.0, 9), 1.0);
        assert!(two_sided(f64::INFINITY, 9) == 0.0);
    }

    #[test]
    fn a_paired_test_of_hand_made_numbers() {
        // Mean 3, standard deviation 1.5811, so t = 3 / (1.5811 / sqrt 5).
        let test = paired_t_test(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        close(test.t, 18.0_f64.sqrt());
        assert_eq!(test.degrees, 4);
        // 1 - (s + s c^2 / 2) with tan = t / 2, of the series for even degrees of freedom.
        let s = (18.0_f64 / 22.0).sqrt();
        close(test.p, 1.0 - s * (1.0 + 4.0 / 44.0));
        close(paired_t_test(&[-1.0, -2.0, -3.0, -4.0, -5.0]).p, test.p);
        close(paired_t_test(&[0.0, 0.0]).p, 1.0);
        assert!(paired_t_test(&[2.0, 2.0]).p == 0.0);
    }

    #[test]
    fn sign_flips_are_counted_exactly() {
        let p = |differences: &[i64]| sign_flip_test(differences);
        close(p(&[1; 10]), 2.0 / 1024.0);
        close(p(&[-3; 5]), 2.0 / 32.0);
        // 3 + 2 - 1 = 4: as far are 6, 4, -4 and -6.
        close(p(&[3, 2, -1]), 4.0 / 8.0);
        close(p(&[5, -5]), 1.0);
        close(p(&[0, 0, 0]), 1.0);
    }

    #[test]
    fn a_bootstrap_is_that_of_its_seed_and_covers_the_difference() {
        // The second network gets half of what the first gets wrong.
        let right = |share: usize| -> Vec<bool> { (0..400).map(|i| i % 10 < share).collect() };
        let (first, second) = (vec![right(6); 5], vec![right(8); 5]);
        let ends = |seed| bootstrap(&first, &second, 2000, seed);
        let [low, high] = ends(3);
        assert_eq!([low, high].map(f64::to_bits), ends(3).map(f64::to_bits));
        assert_ne!([low, high].map(f64::to_bits), ends(4).map(f64::to_bits));
        assert!(low < 0.2 && 0.2 < high);
        // Seeds do not differ: 1.96 standard errors of a share of 0.2 among 400 on each side.
        let width = 2.0 * 1.96 * (0.2_f64 * 0.8 / 400.0).sqrt();
        assert!(((high - low) / width - 1.0).abs() < 0.1, "{low} to {high}");
        let [low, high] = bootstrap(&first, &first, 100, 3);
        assert!(low == 0.0 && high == 0.0);
    }

    #[test]
    fn seeds_that_differ_widen_the_interval() {
        let all = |value: bool| vec![value; 400];
        let first = vec![all(false); 4];
        let second = vec![all(false), all(true), all(false), all(true)];
        let [low, high] = bootstrap(&first, &second, 2000, 0);
        assert!(low < 0.1 && high > 0.9, "{low} to {high}");
    }

    #[test]
    fn percentiles_lie_between_the_nearest_values() {
        close(percentile(&[1.0, 2.0, 3.0], 0.25), 1.5);
        close(percentile(&[1.0, 2.0, 3.0], 1.0), 3.0);
        close(percentile(&[4.0], 0.975), 4.0);
    }
}
