use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_distr::{Distribution, StandardNormal};

use crate::stream::Stream;
use crate::{Settings, Space, Value};

/// The width of a kernel around the first observation, as a share of the domain. Chosen on the
/// functions of the example `samplers`: 0.2 was worse on all of them, 0.1 on most.
const WIDTH: f64 = 0.06;

/// A mixture of one kernel for each observed setting and a prior over the whole space, which
/// counts as one observation. A kernel is a product over the parameters: a normal distribution cut
/// at the domain's ends, or, for choices, the observed one with most of the weight.
///
/// A parameter that an observation does not have is spread over its domain in that kernel.
///
/// # References
/// Falkner, Klein and Hutter, *BOHB*, ICML 2018 (joint kernels); Watanabe, *Tree-structured Parzen
/// estimator: understanding its algorithm components*, arXiv:2304.11127.
pub(super) struct Parzen<'a> {
    space: &'a Space,
    kernels: Vec<Vec<Kernel>>,
}

#[derive(Clone, Copy)]
enum Kernel {
    /// The whole domain alike.
    Flat,
    /// Around a place on the parameter's axis.
    Normal { mean: f64, width: f64 },
    /// Mostly choice number `at`; `other` is the probability of each of the rest.
    Choice { at: usize, other: f64 },
}

impl<'a> Parzen<'a> {
    /// One kernel for each of `observations`.
    pub fn new(space: &'a Space, observations: &[&Settings]) -> Self {
        let n = observations.len() as f64;
        let dimensions = space.parameters().len() as f64;
        // Scott's rule for the number of observations and dimensions.
        let scale = WIDTH * n.max(1.0).powf(-1.0 / (dimensions + 4.0));
        let kernel = |settings: &Settings, i: usize| {
            let parameter = &space.parameters()[i];
            let Some(value) = settings.get(&parameter.name) else { return Kernel::Flat };
            if let Some(at) = parameter.domain.position(value) {
                let size = parameter.domain.size().unwrap_or(1) as f64;
                return Kernel::Choice { at, other: (1.0 / size) / (n + 1.0) };
            }
            let (low, high) = parameter.domain.range();
            let width = scale * (high - low);
            parameter
                .domain
                .coordinate(value)
                .map_or(Kernel::Flat, |mean| Kernel::Normal { mean, width })
        };
        let count = space.parameters().len();
        let mut kernels: Vec<Vec<Kernel>> = observations
            .iter()
            .map(|settings| (0..count).map(|i| kernel(settings, i)).collect())
            .collect();
        kernels.push(vec![Kernel::Flat; count]);
        Self { space, kernels }
    }

    /// Settings from the mixture.
    pub fn sample(&self, stream: &mut Stream) -> Settings {
        let Some(kernel) = self.kernels.choose(stream) else { return Settings::default() };
        self.space.fill(|i, domain| match kernel[i] {
            Kernel::Flat => domain.at(stream.random()),
            Kernel::Choice { at, other } => {
                let size = domain.size().unwrap_or(1);
                let rest = other * size as f64;
                if stream.random::<f64>() < rest {
                    domain.at(stream.random())
                } else {
                    domain.nth(at as u64)
                }
            }
            Kernel::Normal { mean, width } => {
                let (low, high) = domain.range();
                // The mean lies inside, so that at least every second draw or so is inside too,
                // unless the kernel is wider than the domain; then a few more are needed.
                for _ in 0..64 {
                    let normal: f64 = StandardNormal.sample(stream);
                    let place = mean + width * normal;
                    if (low..=high).contains(&place) {
                        return domain.nearest(place);
                    }
                }
                domain.at(stream.random())
            }
        })
    }

    /// The logarithm of the density at `settings`; of the probability for what has steps.
    pub fn log_density(&self, settings: &Settings) -> f64 {
        let places: Vec<Option<Place>> = self
            .space
            .parameters()
            .iter()
            .map(|parameter| {
                settings.get(&parameter.name).map(|value| Place::of(&parameter.domain, value))
            })
            .collect();
        let log_density = |kernel: &Vec<Kernel>| -> f64 {
            let parts = kernel.iter().zip(&places);
            parts.filter_map(|(kernel, place)| Some(place.as_ref()?.log_density(*kernel))).sum()
        };
        let logs: Vec<f64> = self.kernels.iter().map(log_density).collect();
        let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
        largest + (sum / logs.len() as f64).ln()
    }
}

/// A value of a parameter, made ready for all kernels.
enum Place {
    Choice {
        at: usize,
        size: f64,
    },
    /// A number with the borders of its cell, which are equal in a continuum.
    Number {
        at: f64,
        cell: (f64, f64),
        range: (f64, f64),
    },
}

impl Place {
    fn of(domain: &crate::Domain, value: &Value) -> Self {
        if let Some(at) = domain.position(value) {
            return Self::Choice { at, size: domain.size().unwrap_or(1) as f64 };
        }
        let at = domain.coordinate(value).unwrap_or_default();
        Self::Number { at, cell: domain.cell(at), range: domain.range() }
    }

    fn log_density(&self, kernel: Kernel) -> f64 {
        match (self, kernel) {
            (Self::Choice { size, .. }, Kernel::Flat | Kernel::Normal { .. }) => -size.ln(),
            (Self::Choice { at, size }, Kernel::Choice { at: observed, other }) => {
                let own = if *at == observed { 1.0 - other * size } else { 0.0 };
                (own + other).ln()
            }
            (Self::Number { cell, range, .. }, Kernel::Flat | Kernel::Choice { .. }) => {
                let share = if cell.0 < cell.1 { cell.1 - cell.0 } else { 1.0 };
                (share / (range.1 - range.0)).ln()
            }
            (Self::Number { at, cell, range }, Kernel::Normal { mean, width }) => {
                let z = |x: f64| (x - mean) / width;
                let inside = mass(z(range.0), z(range.1));
                if cell.0 < cell.1 {
                    return (mass(z(cell.0), z(cell.1)).max(1e-300) / inside).ln();
                }
                let half_log_tau = 0.918_938_533_204_672_8;
                -0.5 * z(*at).powi(2) - half_log_tau - width.ln() - inside.ln()
            }
        }
    }
}

/// The probability of the standard normal distribution between `a` and `b`. Where both lie on one
/// side they are turned to the lower one, where small numbers keep their digits.
fn mass(a: f64, b: f64) -> f64 {
    if a > 0.0 { below(-a) - below(-b) } else { below(b) - below(a) }
}

/// The probability of the standard normal distribution below `x`: Zelen and Severo's rational
/// approximation (Abramowitz and Stegun 26.2.17), wrong by less than 7.5e-8.
fn below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * x * x).exp() * 0.398_942_280_401_432_7 * polynomial;
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parameter;
    use crate::stream::stream;

    #[test]
    fn the_normal_distribution_is_right_to_seven_digits() {
        // From Python: [statistics.NormalDist().cdf(x) for x in (-3, -1, 0, 0.5, 2)]
        for (x, expected) in [
            (-3.0, 0.001_349_898_031_630_094_6),
            (-1.0, 0.158_655_253_931_457_05),
            (0.0, 0.5),
            (0.5, 0.691_462_461_274_013_1),
            (2.0, 0.977_249_868_051_820_8),
        ] {
            assert!((below(x) - expected).abs() < 1e-7, "{x}: {}", below(x));
        }
    }

    #[test]
    fn the_density_of_a_finite_space_sums_to_one_and_is_what_is_sampled() {
        let space = Space::new([
            Parameter::int("n", 1, 4),
            Parameter::choices("kind", ["a", "b", "c"]),
            Parameter::choices("only a", [1, 2]).when("kind", "a"),
        ])
        .expect("a space");
        let mut all = Vec::new();
        space.walk(0, &mut |settings| {
            all.push(settings);
            std::ops::ControlFlow::Continue(())
        });
        let observed = [&all[0], &all[3], &all[9]];
        let parzen = Parzen::new(&space, &observed);
        let densities: Vec<f64> =
            all.iter().map(|settings| parzen.log_density(settings).exp()).collect();
        let total: f64 = densities.iter().sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");

        let mut stream = stream(1, "test", 0, 0);
        let n = 20_000;
        let mut counts = vec![0.0; all.len()];
        for _ in 0..n {
            let sampled = parzen.sample(&mut stream);
            let i = all.iter().position(|settings| *settings == sampled).expect("in the space");
            counts[i] += 1.0 / f64::from(n);
        }
        // A value of n is sampled from the normal distribution and rounded to its cell, exactly.
        for ((found, expected), settings) in counts.iter().zip(&densities).zip(&all) {
            let tolerance = 5.0 * (expected / f64::from(n)).sqrt();
            assert!((found - expected).abs() < tolerance, "{settings}: {found}, not {expected}");
        }
    }
}
