//! The second derivative of the loss, one product with a vector at a time.
//!
//! Where the objective computes products exactly ([`Objective::hessian_product`]: dense networks
//! without batch norm) these are used; elsewhere differences of gradients, as [`crate::differences`]
//! explains. The two are not the same where the loss has kinks (`ReLU`): a difference sees the
//! gradient's jumps within its step as curvature, and on 784-50-50-50-10 traces came out more than
//! twice, leading eigenvalues more than three times too large.

use std::borrow::Cow;

use atelier_core::{Batch, Mode, Objective, assign, flatten};

use crate::differences::step_at;
use crate::kept::{Kept, examples};
use crate::merged::merged;
use crate::vector::{dot, norm};
use crate::{Error, Plane, Result};

/// How a [`Hessian`] multiplies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// As the objective does, exactly up to rounding in f32: about 1e-6 of a product's length, or of
    /// the largest eigenvalue where that is more.
    Exact,
    /// By differences of gradients.
    Differences {
        /// How far from the point the gradients are taken, as a distance in parameter space.
        step: f64,
    },
}

/// The Hessian of an objective's mean evaluation loss (unregularised, dropout off, running statistics
/// as they are) over some batches, at one point.
///
/// It is never formed: all that can be had is its product with a vector, at the cost of about two
/// gradients. Whatever is asked, the objective has its own values again afterwards, also after an
/// error.
///
/// Vectors are ordered as [`atelier_core::flatten`] orders parameters. By [`Method::Exact`], kinks of
/// the loss (`ReLU`) stay out; by [`Method::Differences`], the gradient's jumps within the step are
/// seen as curvature, too.
pub struct Hessian<'a> {
    pub(crate) objective: &'a dyn Objective,
    /// Merged where products are exact.
    pub(crate) batches: Cow<'a, [Batch]>,
    pub(crate) examples: usize,
    pub(crate) point: Vec<f32>,
    method: Method,
}

/// The curvature within a plane: the Hessian seen by its two directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneCurvature {
    /// Entries `d_i^T H d_j`, in loss per squared distance in parameter space.
    pub matrix: [[f64; 2]; 2],
    /// The largest and the smallest curvature of a direction in the plane.
    pub eigenvalues: [f64; 2],
    /// How far the entries may be off: what changes with twice the step, if they are differences,
    /// or the asymmetry, if that is more (rounding alone, if they are exact).
    pub error: f64,
}

impl<'a> Hessian<'a> {
    /// The Hessian where `objective` is now, over all examples of `batches`.
    ///
    /// Statistics of data (batch norm's) are taken as they are and held while parameters move. That
    /// they belong to the point is up to the caller, and is not seen as an error: after setting
    /// parameters, call [`Objective::recompute_statistics`] first.
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
        let method = if objective.hessian_product(&vec![0.0; point.len()], &batches[0])?.is_some() {
            Method::Exact
        } else {
            Method::Differences { step: step_at(&point) }
        };
        let batches = match method {
            Method::Exact => Cow::Owned(merged(batches)?),
            Method::Differences { .. } => Cow::Borrowed(batches),
        };
        Ok(Self { objective, batches, examples, point, method })
    }

    /// Rows and columns: the number of parameters.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.point.len()
    }

    /// How products are computed; what the objective can do decides.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The gradient of the mean loss at the point.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if it is not finite; fails if the device does.
    pub fn gradient(&self) -> Result<Vec<f64>> {
        let _kept = Kept::of(self.objective)?;
        self.gradient_at(&self.point)
    }

    /// The product with `vector`; about two gradients.
    ///
    /// # Errors
    /// [`Error::Setting`] if the vector has another length or is not finite;
    /// [`Error::NonFinite`] if a gradient or the product is not finite; fails if the device does.
    pub fn product(&self, vector: &[f64]) -> Result<Vec<f64>> {
        match self.method {
            Method::Exact => self.exact_product(vector),
            Method::Differences { step } => self.product_within(vector, step),
        }
    }

    /// The product with `vector`, and about how long its error is at most because it is a difference:
    /// how far it is from a second product with twice the step, four gradients in all. 0 for exact
    /// products, which are rounded only ([`Method::Exact`] says how much).
    ///
    /// # Errors
    /// As [`Hessian::product`].
    pub fn product_with_error(&self, vector: &[f64]) -> Result<(Vec<f64>, f64)> {
        let product = self.product(vector)?;
        let error = self.wider_product(vector)?.map_or(0.0, |wider| {
            let difference: Vec<f64> = product.iter().zip(&wider).map(|(a, b)| a - b).collect();
            norm(&difference)
        });
        Ok((product, error))
    }

    /// The curvature within `plane`, whose origin plays no part; two products, and two more for the
    /// error of differences.
    ///
    /// # Errors
    /// As [`Hessian::product`].
    pub fn in_plane(&self, plane: &Plane) -> Result<PlaneCurvature> {
        let wide = |d: &Vec<f32>| d.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let [first, second] = [wide(&plane.directions[0]), wide(&plane.directions[1])];
        let seen = |p: &[f64], q: &[f64]| {
            [dot(&first, p), dot(&second, p), dot(&first, q), dot(&second, q)]
        };
        let entries = seen(&self.product(&first)?, &self.product(&second)?);
        let error = match (self.wider_product(&first)?, self.wider_product(&second)?) {
            (Some(p), Some(q)) => {
                let changes = entries.iter().zip(seen(&p, &q)).map(|(a, b)| (a - b).abs());
                changes.fold(0.0, f64::max)
            }
            _ => 0.0,
        };
        let [a, b, c, d] = entries;
        let shared = f64::midpoint(b, c);
        let (middle, radius) = (f64::midpoint(a, d), ((a - d) / 2.0).hypot(shared));
        Ok(PlaneCurvature {
            matrix: [[a, shared], [shared, d]],
            eigenvalues: [middle + radius, middle - radius],
            error: error.max((b - c).abs()),
        })
    }

    /// The product from differences over twice the step, to tell their error; `None` where products
    /// are exact.
    pub(crate) fn wider_product(&self, vector: &[f64]) -> Result<Option<Vec<f64>>> {
        match self.method {
            Method::Exact => Ok(None),
            Method::Differences { step } => self.product_within(vector, 2.0 * step).map(Some),
        }
    }

    /// The length of `vector`, if that is one to multiply by.
    pub(crate) fn checked_length(&self, vector: &[f64]) -> Result<f64> {
        if vector.len() != self.point.len() {
            let expected = format!("{} components", self.point.len());
            return Err(Error::setting("a vector", expected, vector.len()));
        }
        let length = norm(vector);
        if !length.is_finite() {
            return Err(Error::setting("a vector", "finite components", length));
        }
        Ok(length)
    }

    /// The product as the objective computes it, summed over the batches in f64.
    fn exact_product(&self, vector: &[f64]) -> Result<Vec<f64>> {
        let length = self.checked_length(vector)?;
        let mut sum = vec![0.0; vector.len()];
        if length <= 0.0 {
            return Ok(sum);
        }
        // Of length 1, so that f32 holds it.
        #[expect(clippy::cast_possible_truncation, reason = "products are computed in f32")]
        let unit: Vec<f32> = vector.iter().map(|v| (v / length) as f32).collect();
        let _kept = Kept::of(self.objective)?;
        assign(self.objective.parameters(), &self.point)?;
        for batch in self.batches.iter() {
            let Some(product) = self.objective.hessian_product(&unit, batch)? else {
                let expected = "one for every batch, as for the first";
                return Err(Error::setting("the objective's exact product", expected, "none"));
            };
            let weight = batch.len() as f64 / self.examples as f64 * length;
            sum.iter_mut().zip(product).for_each(|(s, p)| *s += weight * f64::from(p));
        }
        match sum.iter().position(|s| !s.is_finite()) {
            Some(i) => {
                let place = format!("component {i} of a product with the Hessian");
                Err(Error::NonFinite { place, value: sum[i] })
            }
            None => Ok(sum),
        }
    }
}
