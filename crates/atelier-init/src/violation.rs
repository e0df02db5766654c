use serde::Serialize;

use crate::Result;
use crate::activation::normal_probability;
use crate::estimate::{Estimate, mean, variance};
use crate::identity::{INPUTS, enough};
use crate::quadrature::normal_density;
use crate::unit::{Draws, Inputs, Weights, dot, normal};

/// An assumption of the derivation broken on purpose, and the identity that breaks with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    /// A name of its own, such as `correlated-weights`.
    pub name: &'static str,
    /// The assumption that is broken.
    pub assumption: &'static str,
    /// The step of the derivation that needs it.
    pub step: &'static str,
    /// The identity that breaks, as a formula in plain text.
    pub statement: &'static str,
    /// What the identity says about the estimate.
    pub promised: f64,
    /// What the estimate should be instead, with the assumption broken as it is here.
    pub theory: f64,
    /// What was measured.
    pub estimate: f64,
    /// The standard error of the estimate.
    pub standard_error: f64,
    /// Whether the measurement gives the identity away: more than four standard errors from what it
    /// promises.
    pub detected: bool,
    /// Whether the measurement lies within four standard errors of the theory of the broken case.
    pub explained: bool,
}

/// Breaks each assumption of the derivation, with normal weights and `draws` random draws each, at
/// least 1000.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) with fewer than 1000 draws.
pub fn violations(seed: u64, draws: usize) -> Result<Vec<Violation>> {
    enough(draws)?;
    let breach = Breach { seed, draws };
    Ok(vec![
        breach.correlated_weights(),
        breach.non_identical_scales(),
        breach.non_identical_inputs(),
        breach.mean_with_dependent_inputs(),
        breach.mean_in_a_product(),
        breach.scaled_by_inputs(),
        breach.following_inputs(),
        breach.mean_given_x(),
        breach.density_scaled_by_inputs(),
        breach.asymmetric_sign(),
        breach.asymmetric_half(),
        breach.bias(),
    ])
}

#[derive(Clone, Copy)]
struct Breach {
    seed: u64,
    draws: usize,
}

/// The variance of a weight.
const VARIANCE: f64 = 2.0 / INPUTS as f64;

impl Breach {
    /// What `of` makes of the weights and inputs of a unit and of numbers from N(0, 1).
    fn units(
        self,
        name: &str,
        inputs: Inputs,
        of: impl Fn(&mut [f64], &[f64], &mut dyn FnMut() -> f64) -> f64,
    ) -> Vec<f64> {
        let draws = Draws { seed: self.seed, purpose: name, count: self.draws };
        draws.of_unit(Weights::Normal, inputs, INPUTS, |w, x, stream| {
            of(w, x, &mut || normal(stream))
        })
    }

    /// What `of` makes of one weight and one input.
    fn products(self, name: &str, of: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let draws = Draws { seed: self.seed, purpose: name, count: self.draws };
        draws.of_products(Weights::Normal, INPUTS, of)
    }

    /// The weights share a part: each pair adds `E[w_j w_k] E[x]^2` to the variance.
    fn correlated_weights(self) -> Violation {
        let shared = 0.1_f64;
        let sums = self.units("correlated weights", Inputs::Independent, |w, x, normal| {
            let common = normal() * (shared * VARIANCE).sqrt();
            for w in w.iter_mut() {
                *w = common + *w * (1.0 - shared).sqrt();
            }
            dot(w, x)
        });
        let n = INPUTS as f64;
        let pairs = n * (n - 1.0) * shared * VARIANCE * Inputs::mean().powi(2);
        Case {
            name: "correlated-weights",
            assumption: "the weights are independent of each other",
            step: "1",
            statement: "Var[sum_j w_j x_j] = n Var[w x]",
            promised: 1.0,
            theory: 1.0 + pairs,
        }
        .with(variance(&sums))
    }

    /// Every other weight is twice as large, and w is the first.
    fn non_identical_scales(self) -> Violation {
        let sums = self.units("non-identical scales", Inputs::Independent, |w, x, _| {
            w.iter_mut().skip(1).step_by(2).for_each(|w| *w *= 2.0);
            dot(w, x)
        });
        Case {
            name: "non-identical-scales",
            assumption: "the weights are identically distributed",
            step: "1",
            statement: "Var[sum_j w_j x_j] = n Var[w_1 x_1]",
            promised: 1.0,
            theory: 2.5,
        }
        .with(variance(&sums))
    }

    /// Every other input is 0, as in the dark corners of a picture, and x is the first.
    fn non_identical_inputs(self) -> Violation {
        let sums = self.units("non-identical inputs", Inputs::Independent, |w, x, _| {
            w.iter().zip(x).step_by(2).map(|(w, x)| w * x).sum()
        });
        Case {
            name: "non-identical-inputs",
            assumption: "the inputs are identically distributed",
            step: "1",
            statement: "Var[sum_j w_j x_j] = n Var[w x_1]",
            promised: 1.0,
            theory: 0.5,
        }
        .with(variance(&sums))
    }

    /// A mean matters to the sum where the inputs depend on each other: each pair adds
    /// `E[w]^2 Cov[x_j, x_k]`.
    fn mean_with_dependent_inputs(self) -> Violation {
        let (shift, correlation) = (0.1, 0.5);
        let inputs = Inputs::Correlated(correlation);
        let sums = self.units("mean with dependent inputs", inputs, |w, x, _| {
            for w in w.iter_mut() {
                *w += shift;
            }
            dot(w, x)
        });
        let n = INPUTS as f64;
        let covariance = Inputs::mean_product(correlation) - Inputs::mean().powi(2);
        let one = VARIANCE * Inputs::MEAN_SQUARE + shift * shift * Inputs::variance();
        Case {
            name: "non-zero-mean-dependent-inputs",
            assumption: "the weights have mean zero (or the inputs are uncorrelated)",
            step: "1",
            statement: "Var[sum_j w_j x_j] = n Var[w x]",
            promised: n * one,
            theory: n * one + n * (n - 1.0) * shift * shift * covariance,
        }
        .with(variance(&sums))
    }

    /// The mean adds E[w]^2 Var[x] to the variance of a product.
    fn mean_in_a_product(self) -> Violation {
        let shift = VARIANCE.sqrt();
        let products = self.products("mean in a product", |w, x| (w + shift) * x);
        let promised = VARIANCE * Inputs::MEAN_SQUARE;
        Case {
            name: "non-zero-mean-product",
            assumption: "the weights have mean zero",
            step: "2",
            statement: "Var[w x] = Var[w] E[x^2]",
            promised,
            theory: promised + shift * shift * Inputs::variance(),
        }
        .with(variance(&products))
    }

    /// Large inputs have large weights: w = e x / sqrt(E[x^2]) has mean 0 and the promised
    /// variance, but Var[w x] = Var[w] E[x^4] / E[x^2].
    fn scaled_by_inputs(self) -> Violation {
        let products =
            self.products("scaled by inputs", |w, x| w * x / Inputs::MEAN_SQUARE.sqrt() * x);
        Case {
            name: "weights-scaled-by-inputs",
            assumption: "the weights are independent of the inputs",
            step: "2",
            statement: "Var[w x] = Var[w] E[x^2]",
            promised: VARIANCE * Inputs::MEAN_SQUARE,
            theory: VARIANCE * Inputs::MEAN_FOURTH_POWER / Inputs::MEAN_SQUARE,
        }
        .with(variance(&products))
    }

    /// As after training: the weights have mean 0 and the promised variance, but lean towards the
    /// inputs that they are given.
    fn following_inputs(self) -> Violation {
        let lean = 0.3_f64;
        let deviation = Inputs::variance().sqrt();
        let sums = self.units("following inputs", Inputs::Independent, |w, x, _| {
            for (w, x) in w.iter_mut().zip(x) {
                let towards = VARIANCE.sqrt() * (x - Inputs::mean()) / deviation;
                *w = *w * (1.0 - lean * lean).sqrt() + lean * towards;
            }
            dot(w, x)
        });
        Case {
            name: "weights-following-inputs",
            assumption: "the weights are independent of the inputs",
            step: "3a",
            statement: "E[z] = 0",
            promised: 0.0,
            theory: INPUTS as f64 * lean * VARIANCE.sqrt() * deviation,
        }
        .with(mean(&sums))
    }

    /// With a mean, E[z] depends on x.
    fn mean_given_x(self) -> Violation {
        let (shift, x) = (0.05, 0.7);
        let products = self.products("mean given x", |w, _| (w + shift) * x);
        Case {
            name: "non-zero-mean-given-x",
            assumption: "the weights have mean zero",
            step: "3a",
            statement: "E[w x] = 0 given x = 0.7",
            promised: 0.0,
            theory: shift * x,
        }
        .with(mean(&products))
    }

    /// Where large inputs have large weights, w given x is not distributed as w is: given x = 3/2,
    /// w = e x / sqrt(E[x^2]) has 2.1 times the deviation s of e.
    fn density_scaled_by_inputs(self) -> Violation {
        let (s, x) = (VARIANCE.sqrt(), 1.5);
        let factor = x / Inputs::MEAN_SQUARE.sqrt();
        let within = self.products("density scaled by inputs", |w, _| {
            f64::from(u8::from((w * factor * x).abs() <= s * x))
        });
        let probability = |deviations: f64| 1.0 - 2.0 * normal_probability(-deviations);
        Case {
            name: "weights-scaled-by-inputs-density",
            assumption: "the weights are independent of the inputs",
            step: "3b",
            statement: "int_(|z| < s x) f_w(z/x)/|x| dz = 0.683 of w x given x = 1.5",
            promised: probability(1.0),
            theory: probability(factor.recip()),
        }
        .with(mean(&within))
    }

    /// Exponential weights less their mean have mean 0, and are positive with probability 1/e.
    fn asymmetric_sign(self) -> Violation {
        let positive =
            self.products("asymmetric sign", |w, _| f64::from(u8::from(exponential(w) > 0.0)));
        Case {
            name: "asymmetric-weights-sign",
            assumption: "the weights are symmetric about 0",
            step: "3c",
            statement: "P[z > 0] = 1/2",
            promised: 0.5,
            theory: (-1.0_f64).exp(),
        }
        .with(mean(&positive))
    }

    /// Of exponential weights, the positive half holds 2/e of the variance 1.
    fn asymmetric_half(self) -> Violation {
        let squares = self.products("asymmetric half", |w, _| exponential(w).max(0.0).powi(2));
        Case {
            name: "asymmetric-weights-half",
            assumption: "the weights are symmetric about 0",
            step: "3d",
            statement: "Var[z] = 2 int_(z>0) z^2 f(z) dz given x = 1",
            promised: 1.0,
            theory: 4.0 * (-1.0_f64).exp(),
        }
        .with(mean(&squares).times(2.0))
    }

    /// With a bias b, z is N(b, s^2) given x: E[ReLU(z)^2] = (b^2 + s^2) Phi(b/s) + b s phi(b/s).
    fn bias(self) -> Violation {
        let (bias, s) = (0.1, VARIANCE.sqrt());
        let squares = self.products("bias", |w, _| (w + bias).max(0.0).powi(2));
        let positive = (bias * bias + s * s) * normal_probability(bias / s)
            + bias * s * normal_density(bias / s);
        Case {
            name: "non-zero-bias",
            assumption: "the bias is 0",
            step: "3e",
            statement: "Var[z] = 2 E[ReLU(z)^2] given x = 1",
            promised: s * s,
            theory: 2.0 * positive,
        }
        .with(mean(&squares).times(2.0))
    }
}

/// A weight from N(0, 2/n) made exponential with mean 0 and variance 1: -ln(1 - Phi) - 1.
fn exponential(w: f64) -> f64 {
    -normal_probability(-w / VARIANCE.sqrt()).ln() - 1.0
}

/// A violation before it is measured.
struct Case {
    name: &'static str,
    assumption: &'static str,
    step: &'static str,
    statement: &'static str,
    promised: f64,
    theory: f64,
}

impl Case {
    fn with(self, estimate: Estimate) -> Violation {
        let Self { name, assumption, step, statement, promised, theory } = self;
        Violation {
            name,
            assumption,
            step,
            statement,
            promised,
            theory,
            estimate: estimate.value,
            standard_error: estimate.standard_error,
            detected: !estimate.agrees_with(promised),
            explained: estimate.agrees_with(theory),
        }
    }
}
