//! The second derivative of the loss, by differences of gradients.
//!
//! H v = (g(w + h u) - g(w - h u)) |v| / 2h, with u = v / |v| and the gradient g of the mean reported
//! loss. Cutting the series off costs h^2/6 times the third derivative of g along u; gradients in f32
//! cost about e |g| / h, with e = 2^-23. The sum is least near h = e^(1/3) l, with l the length over
//! which the gradient changes. For l stands (1 + |w|) / 4: the quarter is measured, on dense networks
//! (784-50-50-50-10) with tanh, where products with the five leading eigenvectors are then 1 % off
//! and random ones less than 0.1 %, and with `ReLU`, where smaller steps are worse: they cross fewer
//! kinks, and each counts more. Rounding w + h u to f32 turns it by less than e |w| / h = 1e-4.
//!
//! The difference between steps of h and 2 h is three times the first error and about once the others;
//! it is what [`Hessian::product_with_error`] states.
//!
//! # References
//! Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6, 1994 (the product,
//! and its difference form).

use atelier_core::{Batch, Mode, Objective, assign, backward, flatten};

use crate::kept::{Kept, examples};
use crate::vector::{dot, norm};
use crate::{Error, Plane, Result};

/// The Hessian of an objective's mean evaluation loss (unregularised, dropout off, running statistics
/// as they are) over some batches, at one point.
///
/// It is never formed: all that can be had is its product with a vector, for two gradients each.
/// Whatever is asked, the objective has its own values again afterwards, also after an error.
///
/// Vectors are ordered as [`atelier_core::flatten`] orders parameters. Where the loss has kinks
/// (`ReLU`), the differences see the gradient's jumps within the step as curvature, too.
pub struct Hessian<'a> {
    objective: &'a dyn Objective,
    batches: &'a [Batch],
    examples: usize,
    point: Vec<f32>,
    step: f64,
}

/// The curvature within a plane: the Hessian seen by its two directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneCurvature {
    /// Entries `d_i^T H d_j`, in loss per squared distance in parameter space.
    pub matrix: [[f64; 2]; 2],
    /// The largest and the smallest curvature of a direction in the plane.
    pub eigenvalues: [f64; 2],
    /// How far the entries may be off: what changes with twice the step, or the asymmetry, if that
    /// is more.
    pub error: f64,
}

impl<'a> Hessian<'a> {
    /// The Hessian where `objective` is now, over all examples of `batches`.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are no parameters or no examples, or if the loss that can be
    /// differentiated is not the reported one (label smoothing or a penalty is on);
    /// [`Error::NonFinite`] if a batch has such a loss.
    pub fn new(objective: &'a dyn Objective, batches: &'a [Batch]) -> Result<Self> {
        let examples = examples(batches)?;
        let point = flatten(objective.parameters())?;
        if point.is_empty() {
            return Err(Error::setting("parameters", "at least one", "none"));
        }
        for (i, batch) in batches.iter().enumerate() {
            let loss = objective.loss(batch, Mode::Evaluate)?;
            let scalar =
                |t: &candle_core::Tensor| -> Result<f64> { Ok(f64::from(t.to_scalar::<f32>()?)) };
            let (optimised, reported) = (scalar(&loss.objective)?, scalar(&loss.reported)?);
            for value in [optimised, reported] {
                if !value.is_finite() {
                    return Err(Error::NonFinite { place: format!("batch {i}"), value });
                }
            }
            if (optimised - reported).abs() > 1e-5 * reported.abs().max(1.0) {
                let expected = format!(
                    "the reported loss, {reported}: make the objective without label smoothing \
                     and penalties"
                );
                return Err(Error::setting("the loss to differentiate", expected, optimised));
            }
        }
        let length = point.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>().sqrt();
        let step = f64::from(f32::EPSILON).cbrt() * (1.0 + length) / 4.0;
        Ok(Self { objective, batches, examples, point, step })
    }

    /// Rows and columns: the number of parameters.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.point.len()
    }

    /// How far from the point the gradients are taken, as a distance in parameter space.
    #[must_use]
    pub fn step(&self) -> f64 {
        self.step
    }

    /// The gradient of the mean loss at the point.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if it is not finite; fails if the device does.
    pub fn gradient(&self) -> Result<Vec<f64>> {
        let _kept = Kept::of(self.objective)?;
        self.gradient_at(&self.point)
    }

    /// The product with `vector`; two gradients.
    ///
    /// # Errors
    /// [`Error::Setting`] if the vector has another length or is not finite;
    /// [`Error::NonFinite`] if a gradient is not finite; fails if the device does.
    pub fn product(&self, vector: &[f64]) -> Result<Vec<f64>> {
        self.product_within(vector, self.step)
    }

    /// The product with `vector`, and about how long its error is at most: the difference to a second
    /// product with twice the step; four gradients.
    ///
    /// # Errors
    /// As [`Hessian::product`].
    pub fn product_with_error(&self, vector: &[f64]) -> Result<(Vec<f64>, f64)> {
        let product = self.product(vector)?;
        let wider = self.product_within(vector, 2.0 * self.step)?;
        let difference: Vec<f64> = product.iter().zip(&wider).map(|(a, b)| a - b).collect();
        Ok((product, norm(&difference)))
    }

    /// The curvature within `plane`, whose origin plays no part; eight gradients.
    ///
    /// # Errors
    /// As [`Hessian::product`].
    pub fn in_plane(&self, plane: &Plane) -> Result<PlaneCurvature> {
        let wide = |d: &Vec<f32>| d.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let [first, second] = [wide(&plane.directions[0]), wide(&plane.directions[1])];
        let seen_within = |step: f64| -> Result<[f64; 4]> {
            let (p, q) = (self.product_within(&first, step)?, self.product_within(&second, step)?);
            Ok([dot(&first, &p), dot(&second, &p), dot(&first, &q), dot(&second, &q)])
        };
        let (seen, wider) = (seen_within(self.step)?, seen_within(2.0 * self.step)?);
        let error = seen.iter().zip(&wider).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let [a, b, c, d] = seen;
        let shared = f64::midpoint(b, c);
        let (middle, radius) = (f64::midpoint(a, d), ((a - d) / 2.0).hypot(shared));
        Ok(PlaneCurvature {
            matrix: [[a, shared], [shared, d]],
            eigenvalues: [middle + radius, middle - radius],
            error: error.max((b - c).abs()),
        })
    }

    /// The product from gradients at `distance` to both sides.
    pub(crate) fn product_within(&self, vector: &[f64], distance: f64) -> Result<Vec<f64>> {
        if vector.len() != self.point.len() {
            let expected = format!("{} components", self.point.len());
            return Err(Error::setting("a vector", expected, vector.len()));
        }
        let length = norm(vector);
        if !length.is_finite() {
            return Err(Error::setting("a vector", "finite components", length));
        }
        if length <= 0.0 {
            return Ok(vec![0.0; vector.len()]);
        }
        let factor = distance / length;
        #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
        let point = |sign: f64| -> Vec<f32> {
            let moved = self.point.iter().zip(vector);
            moved.map(|(&w, v)| (f64::from(w) + sign * factor * v) as f32).collect()
        };
        let _kept = Kept::of(self.objective)?;
        let mut ahead = self.gradient_at(&point(1.0))?;
        let behind = self.gradient_at(&point(-1.0))?;
        ahead.iter_mut().zip(behind).for_each(|(a, b)| *a = (*a - b) / (2.0 * factor));
        Ok(ahead)
    }

    /// The gradient at `point`, summed over the batches in f64; leaves the objective there.
    fn gradient_at(&self, point: &[f32]) -> Result<Vec<f64>> {
        let parameters = self.objective.parameters();
        assign(parameters, point)?;
        let mut sum = vec![0.0; point.len()];
        for (i, batch) in self.batches.iter().enumerate() {
            let loss = self.objective.loss(batch, Mode::Evaluate)?.objective;
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !value.is_finite() {
                let place = format!("batch {i}, near the point of the Hessian");
                return Err(Error::NonFinite { place, value });
            }
            let gradients = backward(&loss)?;
            let weight = batch.len() as f64 / self.examples as f64;
            let mut rest = sum.as_mut_slice();
            for parameter in parameters {
                let (own, others) = rest.split_at_mut(parameter.len());
                rest = others;
                // A parameter that the loss does not depend on has none.
                let Some(gradient) = gradients.get(&parameter.var) else { continue };
                for (s, g) in own.iter_mut().zip(parameter.export(gradient)?) {
                    if !g.is_finite() {
                        let place = format!("batch {i}, in the gradient of {}", parameter.name);
                        return Err(Error::NonFinite { place, value: f64::from(g) });
                    }
                    *s += weight * f64::from(g);
                }
            }
        }
        Ok(sum)
    }
}
