use serde::Serialize;

use crate::estimate::{Estimate, mean, variance};
use crate::goodness::{Distance, LEVEL, one_sample, two_samples};
use crate::quadrature::integrate;
use crate::stack::{NARROW, STACKED, stacked};
use crate::unit::{Draws, Inputs, Product, Weights, dot};
use crate::{Error, Result};

/// Inputs of the unit that most checks look at.
pub(crate) const INPUTS: usize = 32;
/// Inputs that are held constant, in the steps that ask for it; a ReLU gives none below 0, but the
/// density has `|x|`.
const CONSTANT: [(&str, f64); 3] = [("small", 0.3), ("unit", 1.0), ("negative", -2.0)];
/// With fewer draws a standard error is itself too uncertain to judge by.
pub(crate) const FEWEST_DRAWS: usize = 1000;

/// How an identity was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// By random draws; holds within four standard errors.
    MonteCarlo,
    /// By numerical integration; the standard error is a bound of the integration's error.
    Quadrature,
    /// By a test of Kolmogorov and Smirnov; holds unless the p-value is below 6.3e-5, as rare as
    /// four standard errors. The theory is the mean of the distance if the identity is true.
    GoodnessOfFit,
}

/// One step of the derivation of He's initialisation, as the theory has it and as it was measured.
///
/// The unit has n = 32 inputs `x = max(0, g)`, g from N(0, 1), so that E[x^2] = 1/2, and weights of
/// variance 2/n; the statement says where something is held constant instead.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Identity {
    /// A name of its own, such as `sum-variance-normal`.
    pub name: String,
    /// The step of the derivation: 1, 2, 3a to 3e, or "consequence".
    pub step: &'static str,
    /// The distribution of the weights.
    pub weights: Weights,
    /// What is claimed, as a formula in plain text.
    pub statement: String,
    /// How it was checked.
    pub method: Method,
    /// What the claim says about the estimate.
    pub theory: f64,
    /// What was measured.
    pub estimate: f64,
    /// The standard error of the estimate.
    pub standard_error: f64,
    /// The p-value, of a goodness of fit.
    pub p_value: Option<f64>,
    /// Whether the measurement agrees with the claim.
    pub holds: bool,
}

/// Checks every step of the derivation, for normal and for uniform weights, with `draws` random
/// draws each, at least 1000.
///
/// The checks use different random numbers, all from `seed`. A true identity misses by more than
/// four standard errors once in 16,000 checks.
///
/// # Errors
/// [`Error::Argument`] with fewer than 1000 draws.
pub fn identities(seed: u64, draws: usize) -> Result<Vec<Identity>> {
    enough(draws)?;
    let mut found = Vec::new();
    for weights in [Weights::Normal, Weights::Uniform] {
        let check = Check { seed, draws, weights };
        check.sums(&mut found);
        check.product_variances(&mut found);
        check.constant_inputs(&mut found);
        check.symmetry(&mut found);
        check.halves(&mut found);
        check.depth(&mut found);
    }
    Ok(found)
}

/// Refuses too few draws.
pub(crate) fn enough(draws: usize) -> Result<()> {
    if draws < FEWEST_DRAWS {
        return Err(Error::argument("draws", "at least 1000", draws));
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Check {
    seed: u64,
    draws: usize,
    weights: Weights,
}

impl Check {
    fn name(self, name: &str) -> String {
        format!("{name}-{}", self.weights.name())
    }

    fn monte_carlo(
        self,
        name: &str,
        step: &'static str,
        statement: impl Into<String>,
        theory: f64,
        estimate: Estimate,
    ) -> Identity {
        Identity {
            name: self.name(name),
            step,
            weights: self.weights,
            statement: statement.into(),
            method: Method::MonteCarlo,
            theory,
            estimate: estimate.value,
            standard_error: estimate.standard_error,
            p_value: None,
            holds: estimate.agrees_with(theory),
        }
    }

    fn goodness(
        self,
        name: &str,
        step: &'static str,
        statement: String,
        distance: Distance,
    ) -> Identity {
        let p_value = distance.p_value();
        Identity {
            method: Method::GoodnessOfFit,
            p_value: Some(p_value),
            holds: p_value >= LEVEL,
            ..self.monte_carlo(name, step, statement, distance.expected(), distance.estimate())
        }
    }

    /// What `of` makes of the weights and inputs of a unit, draw by draw.
    fn units(self, name: &str, inputs: Inputs, of: impl Fn(&[f64], &[f64]) -> f64) -> Vec<f64> {
        let draws = Draws { seed: self.seed, purpose: &self.name(name), count: self.draws };
        draws.of_unit(self.weights, inputs, INPUTS, |w, x, _| of(w, x))
    }

    /// What `of` makes of one weight and one input, draw by draw.
    fn products(self, name: &str, of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let draws = Draws { seed: self.seed, purpose: &self.name(name), count: self.draws };
        draws.of_products(self.weights, INPUTS, of)
    }

    /// Step 1: the variance of the sum is n times that of one product.
    fn sums(self, found: &mut Vec<Identity>) {
        let n = INPUTS as f64;
        let theory = n * (2.0 / n) * Inputs::MEAN_SQUARE;
        let sums = self.units("sum-variance", Inputs::Independent, dot);
        let statement = "Var[sum_j w_j x_j] = n Var[w x]";
        found.push(self.monte_carlo("sum-variance", "1", statement, theory, variance(&sums)));

        let products = self.products("sum-variance-ratio", |w, x| w * x);
        let ratio = variance(&sums).over(variance(&products).times(n));
        let statement = "Var[sum_j w_j x_j] / (n Var[w x]) = 1, both sides measured";
        found.push(self.monte_carlo("sum-variance-ratio", "1", statement, 1.0, ratio));

        // (sum)^2 less the sum of squares is the sum over all pairs of different inputs.
        let cross = |w: &[f64], x: &[f64]| {
            let squares: f64 = w.iter().zip(x).map(|(w, x)| (w * x).powi(2)).sum();
            dot(w, x).powi(2) - squares
        };
        let pairs = self.units("cross-terms", Inputs::Independent, cross);
        let statement = "sum over j != k of E[w_j x_j w_k x_k] = 0";
        found.push(self.monte_carlo("cross-terms", "1", statement, 0.0, mean(&pairs)));

        let inputs = Inputs::Correlated(0.5);
        let sums = self.units("sum-variance-dependent-inputs", inputs, dot);
        let statement =
            "Var[sum_j w_j x_j] = n Var[w x] for inputs that depend on each other as well";
        let name = "sum-variance-dependent-inputs";
        found.push(self.monte_carlo(name, "1", statement, theory, variance(&sums)));
    }

    /// Step 2: the variance of a product.
    fn product_variances(self, found: &mut Vec<Identity>) {
        // With the mean 1/4 and the variance 1/16, no term of the formula is 0.
        let products = self.products("product-formula", |w, x| (w + 0.25) * x);
        let (mean_a, var_a) = (0.25, 2.0 / INPUTS as f64);
        let (mean_b, var_b) = (Inputs::mean(), Inputs::variance());
        let theory = var_a * var_b + var_a * mean_b * mean_b + var_b * mean_a * mean_a;
        let statement = "Var[A B] = Var[A] Var[B] + Var[A] E[B]^2 + Var[B] E[A]^2";
        let estimate = variance(&products);
        found.push(self.monte_carlo("product-formula", "2", statement, theory, estimate));

        let products = self.products("product-variance", |w, x| w * x);
        let theory = 2.0 / INPUTS as f64 * Inputs::MEAN_SQUARE;
        let statement = "Var[w x] = Var[w] E[x^2]";
        let estimate = variance(&products);
        found.push(self.monte_carlo("product-variance", "2", statement, theory, estimate));
    }

    /// Steps 3a and 3b: mean and density of z = w x with x held constant.
    fn constant_inputs(self, found: &mut Vec<Identity>) {
        for (input, x) in CONSTANT {
            let name = format!("mean-{input}-input");
            let z = self.products(&name, |w, _| w * x);
            let statement = format!("E[w x] = 0 given x = {x}");
            found.push(self.monte_carlo(&name, "3a", statement, 0.0, mean(&z)));
        }
        for (input, x) in CONSTANT {
            let name = format!("density-{input}-input");
            let product = self.product(x);
            let mut z = self.products(&name, |w, _| w * x);
            let distance =
                one_sample(&mut z, -product.reach(), |from, to| product.probability(from, to));
            let statement = format!("w x has the density f_w(z/x)/|x| given x = {x}");
            found.push(self.goodness(&name, "3b", statement, distance));
        }
    }

    /// Step 3c: z is as probable as -z.
    fn symmetry(self, found: &mut Vec<Identity>) {
        let mut z = self.units("symmetry", Inputs::Independent, dot);
        let mut mirrored = z.split_off(z.len() / 2);
        for z in &mut mirrored {
            *z = -*z;
        }
        let distance = two_samples(&mut z, &mut mirrored);
        let statement = "z and -z have the same distribution (two samples)".into();
        found.push(self.goodness("symmetry", "3c", statement, distance));
        let sign = |w: &[f64], x: &[f64]| f64::from(u8::from(dot(w, x) > 0.0));
        let positive = self.units("sign", Inputs::Independent, sign);
        found.push(self.monte_carlo("sign", "3c", "P[z > 0] = 1/2", 0.5, mean(&positive)));
    }

    /// Steps 3d and 3e: the variance from the positive half, which is what ReLU leaves.
    fn halves(self, found: &mut Vec<Identity>) {
        let x = 0.7;
        let theory = 2.0 / INPUTS as f64 * x * x;
        let z = self.products("half", |w, _| if w * x > 0.0 { (w * x).powi(2) } else { 0.0 });
        let statement = format!("Var[z] = 2 int_(z>0) z^2 f(z) dz given x = {x}");
        found.push(self.monte_carlo("half", "3d", &statement, theory, mean(&z).times(2.0)));
        let product = self.product(x);
        let reach = product.reach();
        let whole = integrate(&[-reach, 0.0, reach], |z| z * z * product.density(z));
        let quadrature = |name: &str, step, statement: String, half: Estimate| Identity {
            method: Method::Quadrature,
            ..self.monte_carlo(
                name,
                step,
                statement,
                whole.value,
                Estimate {
                    value: 2.0 * half.value,
                    standard_error: whole.standard_error + 2.0 * half.standard_error,
                },
            )
        };
        let half = integrate(&[0.0, reach], |z| z * z * product.density(z));
        found.push(quadrature("half-integral", "3d", statement, half));

        let squares = self.units("relu", Inputs::Independent, |w, x| dot(w, x).max(0.0).powi(2));
        let statement = "Var[z] = 2 E[ReLU(z)^2]";
        let estimate = mean(&squares).times(2.0);
        found.push(self.monte_carlo("relu", "3e", statement, 1.0, estimate));
        let relu = |z: f64| z.max(0.0).powi(2) * product.density(z);
        let statement = format!("Var[z] = 2 E[ReLU(z)^2] given x = {x}");
        let half = integrate(&[-reach, 0.0, reach], relu);
        found.push(quadrature("relu-integral", "3e", statement, half));
    }

    /// The consequence: layers keep the variance of signals and of gradients.
    fn depth(self, found: &mut Vec<Identity>) {
        let purpose = self.name("stack");
        let networks = (self.draws / 16).max(FEWEST_DRAWS);
        let (signals, gradients) = stacked(self.seed, &purpose, networks, self.weights);
        let statement = format!(
            "Var[z] is the same {STACKED} ReLU layers of {NARROW} units on, with Var[w] = 2/n"
        );
        let step = "consequence";
        found.push(self.monte_carlo("variance-kept", step, statement, 1.0, mean(&signals)));
        let statement = format!(
            "E[gradient^2] is the same {STACKED} ReLU layers of {NARROW} units back, with Var[w] = 2/n"
        );
        found.push(self.monte_carlo("gradient-kept", step, statement, 1.0, mean(&gradients)));
    }

    fn product(self, x: f64) -> Product {
        Product { weights: self.weights, variance: 2.0 / INPUTS as f64, x }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_densities_are_detected() {
        let check = Check { seed: 1, draws: 5000, weights: Weights::Normal };
        let p_value = |claimed: Product| {
            let mut z = check.products("wrong", |w, _| w * -2.0);
            z.retain(|z| z.abs() < claimed.reach());
            one_sample(&mut z, -claimed.reach(), |from, to| claimed.probability(from, to)).p_value()
        };
        let right = check.product(-2.0);
        assert!(p_value(right) > LEVEL);
        for wrong in [
            Product { x: 1.6, ..right },
            Product { variance: right.variance / 1.5, ..right },
            Product { weights: Weights::Uniform, ..right },
        ] {
            assert!(p_value(wrong) < LEVEL, "{wrong:?}");
        }
    }

    #[test]
    fn a_goodness_of_fit_that_fails_does_not_hold() {
        let check = Check { seed: 1, draws: 5000, weights: Weights::Normal };
        let fit = |mut z: Vec<f64>| {
            let mut mirrored = check.products("mirror", |w, _| -w);
            check.goodness("fit", "3c", "a fit".into(), two_samples(&mut z, &mut mirrored))
        };
        assert!(fit(check.products("a", |w, _| w)).holds);
        assert!(!fit(check.products("a", |w, _| w + 0.05)).holds);
    }
}
