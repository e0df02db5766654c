//! Draws of a unit: the weights of its inputs, and the inputs.

use std::f64::consts::PI;

use atelier_core::{
    init::Initializer,
    seed::{Stream, stream},
};
use rand_distr::{Distribution as _, StandardNormal};
use serde::Serialize;

use crate::quadrature::{integrate, normal_density};

/// Draws that share a random stream; bounds the memory, not the results.
const BLOCK: usize = 1024;

/// From which distribution the weights are: He's, in either form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// N(0, 2/n).
    Normal,
    /// U(-b, b) with b = sqrt(6/n).
    Uniform,
}

impl Weights {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Uniform => "uniform",
        }
    }

    pub(crate) const fn initializer(self) -> Initializer {
        match self {
            Self::Normal => Initializer::HeNormal,
            Self::Uniform => Initializer::HeUniform,
        }
    }

    /// The density of weights of this variance.
    pub(crate) fn density(self, variance: f64, w: f64) -> f64 {
        let deviation = variance.sqrt();
        match self {
            Self::Normal => normal_density(w / deviation) / deviation,
            Self::Uniform if w.abs() <= self.reach(variance) => 0.5 / self.reach(variance),
            Self::Uniform => 0.0,
        }
    }

    /// Beyond this there are no weights (12 standard deviations stand for infinity).
    pub(crate) fn reach(self, variance: f64) -> f64 {
        match self {
            Self::Normal => 12.0 * variance.sqrt(),
            Self::Uniform => (3.0 * variance).sqrt(),
        }
    }
}

/// z = w x for one weight of this variance and one input that is held constant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    pub weights: Weights,
    pub variance: f64,
    pub x: f64,
}

impl Product {
    /// The density of z by the change of variables: `f_w(z / x) / |x|`.
    pub fn density(self, z: f64) -> f64 {
        self.weights.density(self.variance, z / self.x) / self.x.abs()
    }

    /// Beyond this there is no z.
    pub fn reach(self) -> f64 {
        self.weights.reach(self.variance) * self.x.abs()
    }

    /// The integral of the density between two points, both within reach.
    pub fn probability(self, from: f64, to: f64) -> f64 {
        // Over a hundredth of the reach, Simpson's rule errs by less than 1e-10: the gaps between
        // the points of a sample are smaller but for its ends.
        if to - from > 0.01 * self.reach() {
            return integrate(&[from, to], |z| self.density(z)).value;
        }
        let middle = self.density(0.5 * (from + to));
        (to - from) / 6.0 * (self.density(from) + 4.0 * middle + self.density(to))
    }
}

/// Inputs as a ReLU layer gives them: `max(0, g)` with g from N(0, 1).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Inputs {
    Independent,
    /// The g of any two inputs of a draw have this correlation.
    Correlated(f64),
}

impl Inputs {
    /// E[x] = 1 / sqrt(2 pi): not 0, which is why E[x^2] and not Var[x] decides.
    pub fn mean() -> f64 {
        (2.0 * PI).sqrt().recip()
    }

    pub const MEAN_SQUARE: f64 = 0.5;

    pub fn variance() -> f64 {
        Self::MEAN_SQUARE - Self::mean().powi(2)
    }

    /// E[x^4] = 3/2.
    pub const MEAN_FOURTH_POWER: f64 = 1.5;

    /// E[x y] of two inputs whose g are correlated (Cho and Saul, *Kernel methods for deep
    /// learning*, `NeurIPS` 2009: the arc-cosine kernel of degree 1).
    pub fn mean_product(correlation: f64) -> f64 {
        let angle = correlation.acos();
        (angle.sin() + (PI - angle) * correlation) / (2.0 * PI)
    }

    pub fn fill(self, x: &mut [f64], stream: &mut Stream) {
        let shared = match self {
            Self::Independent => 0.0,
            Self::Correlated(correlation) => correlation,
        };
        let common = normal(stream) * shared.sqrt();
        for x in x {
            *x = (common + normal(stream) * (1.0 - shared).sqrt()).max(0.0);
        }
    }
}

/// A number from N(0, 1).
pub(crate) fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

/// Where the random numbers of one check come from: no two checks share any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws<'a> {
    pub seed: u64,
    pub purpose: &'a str,
    pub count: usize,
}

impl Draws<'_> {
    /// What `visit` makes of each draw: weights `(n,)` by He's rule, from the initialiser that
    /// networks are initialised by, a vector of inputs `(n,)`, and a stream for what else is random.
    pub fn of_unit(
        self,
        weights: Weights,
        inputs: Inputs,
        n: usize,
        mut visit: impl FnMut(&mut [f64], &[f64], &mut Stream) -> f64,
    ) -> Vec<f64> {
        let mut results = Vec::with_capacity(self.count);
        self.each_unit(weights, inputs, n, |w, x, stream| results.push(visit(w, x, stream)));
        results
    }

    /// What `visit` makes of each draw of one weight of variance 2/n and one input, where units of n
    /// inputs give n independent draws.
    pub fn of_products(
        self,
        weights: Weights,
        n: usize,
        mut visit: impl FnMut(f64, f64) -> f64,
    ) -> Vec<f64> {
        let mut results = Vec::with_capacity(self.count + n);
        let units = Self { count: self.count.div_ceil(n), ..self };
        units.each_unit(weights, Inputs::Independent, n, |w, x, _| {
            results.extend(w.iter().zip(x).map(|(&w, &x)| visit(w, x)));
        });
        results.truncate(self.count);
        results
    }

    fn each_unit(
        self,
        weights: Weights,
        inputs: Inputs,
        n: usize,
        mut visit: impl FnMut(&mut [f64], &[f64], &mut Stream),
    ) {
        let (mut w, mut x) = (vec![0.0; n], vec![0.0; n]);
        for block in 0..self.count.div_ceil(BLOCK) {
            let rows = BLOCK.min(self.count - block * BLOCK);
            let mut of_weights = stream(self.seed, self.purpose, block as u64, 0);
            let mut of_inputs = stream(self.seed, self.purpose, block as u64, 1);
            let drawn = weights.initializer().weight(n, rows, 1.0, &mut of_weights);
            for row in drawn.chunks_exact(n) {
                w.iter_mut().zip(row).for_each(|(w, drawn)| *w = f64::from(*drawn));
                inputs.fill(&mut x, &mut of_inputs);
                visit(&mut w, &x, &mut of_inputs);
            }
        }
    }
}

/// The sum of products of weights and inputs.
pub(crate) fn dot(w: &[f64], x: &[f64]) -> f64 {
    w.iter().zip(x).map(|(w, x)| w * x).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::{mean, variance};

    #[test]
    fn densities_integrate_to_one_and_to_the_variance() {
        for weights in [Weights::Normal, Weights::Uniform] {
            let reach = weights.reach(0.3);
            let whole = integrate(&[-reach, reach], |w| weights.density(0.3, w)).value;
            let second = integrate(&[-reach, reach], |w| w * w * weights.density(0.3, w)).value;
            assert!((whole - 1.0).abs() < 1e-9, "{weights:?}: {whole}");
            assert!((second - 0.3).abs() < 1e-9, "{weights:?}: {second}");
        }
    }

    #[test]
    fn probabilities_add_up_whether_the_intervals_are_wide_or_narrow() {
        for weights in [Weights::Normal, Weights::Uniform] {
            let product = Product { weights, variance: 0.3, x: -2.0 };
            let (reach, steps) = (product.reach(), 1000);
            let step = 2.0 * reach / f64::from(steps);
            let narrow: f64 = (0..steps)
                .map(|k| -reach + step * f64::from(k))
                .map(|from| product.probability(from, (from + step).min(reach)))
                .sum();
            assert!((narrow - 1.0).abs() < 1e-9, "{weights:?}: {narrow}");
            assert!((product.probability(-reach, reach) - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn draws_have_the_moments_that_the_checks_count_on() {
        let draws = |purpose| Draws { seed: 2, purpose, count: 20_000 };
        for weights in [Weights::Normal, Weights::Uniform] {
            let w = draws("w").of_unit(weights, Inputs::Independent, 3, |w, _, _| w[1]);
            assert!(mean(&w).agrees_with(0.0) && variance(&w).agrees_with(2.0 / 3.0));
            let products = draws("p").of_products(weights, 3, |w, x| w * x);
            assert_eq!(products.len(), 20_000);
            assert!(variance(&products).agrees_with(1.0 / 3.0));
        }
        let x = |inputs, purpose, of: fn(&[f64]) -> f64| {
            mean(&draws(purpose).of_unit(Weights::Normal, inputs, 2, |_, x, _| of(x)))
        };
        for (name, inputs) in
            [("independent", Inputs::Independent), ("correlated", Inputs::Correlated(0.6))]
        {
            assert!(x(inputs, name, |x| x[0]).agrees_with(Inputs::mean()));
            assert!(x(inputs, name, |x| x[1].powi(2)).agrees_with(Inputs::MEAN_SQUARE));
            assert!(x(inputs, name, |x| x[0].powi(4)).agrees_with(Inputs::MEAN_FOURTH_POWER));
        }
        let products = x(Inputs::Correlated(0.6), "products", |x| x[0] * x[1]);
        assert!(products.agrees_with(Inputs::mean_product(0.6)));
        assert!((Inputs::mean_product(0.0) - Inputs::mean().powi(2)).abs() < 1e-12);
        assert!((Inputs::mean_product(1.0) - Inputs::MEAN_SQUARE).abs() < 1e-12);
    }
}
