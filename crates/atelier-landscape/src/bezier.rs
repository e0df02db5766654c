//! A curved path of low loss between two solutions.
//!
//! w(t) = (1 - t)^2 a + 2 t (1 - t) bend + t^2 b, with fixed ends a and b; the bend is trained to
//! make the loss small on average over the curve. For a uniform t, the gradient of the loss at w(t)
//! times 2 t (1 - t) is an unbiased gradient for the bend.
//!
//! # References
//! Garipov et al., *Loss surfaces, mode connectivity, and fast ensembling of DNNs*, `NeurIPS` 2018.

use atelier_core::{Batch, Loss, Mode, Objective, Parameter, backward, flatten};
use candle_core::{Tensor, Var};
use rand::RngExt;

use crate::barrier::path_losses;
use crate::height::evaluate_at;
use crate::kept::{Kept, check_point};
use crate::{PathLosses, Result, Watch};

/// Where an evaluation looks: the middles of five equal parts of the curve.
const EVALUATED_AT: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// A quadratic Bézier curve between two points of an objective; itself an objective, whose
/// parameters are the bend.
///
/// - [`Mode::Train`] looks at one point of the curve, at a t drawn uniformly from the step's stream
///   `bezier`.
/// - [`Mode::Evaluate`] is the mean over t = 0.1, 0.3, 0.5, 0.7 and 0.9.
///
/// Both report the reported loss of the objective there, and differentiate its optimised loss. The
/// loss comes with its gradient already computed: a backward pass through the objective is part of
/// [`Objective::loss`].
///
/// While this lives, the objective's values are those of a point of the curve; when it is dropped
/// they are again what they were before. Statistics of batch norm belong to one point, so that an
/// evaluation has those of the latest training steps; [`Bezier::losses`] recomputes them everywhere.
pub struct Bezier<'a> {
    objective: &'a dyn Objective,
    ends: [Vec<Tensor>; 2],
    bend: Vec<Parameter>,
    _kept: Kept,
}

impl<'a> Bezier<'a> {
    /// The curve between two points of `objective`, its bend in the middle between them: at first it
    /// is the straight line.
    ///
    /// # Errors
    /// [`crate::Error::Setting`] if an end has another number of parameters or is not finite; fails if
    /// the device has no memory left.
    pub fn new(objective: &'a dyn Objective, from: &[f32], to: &[f32]) -> Result<Self> {
        check_point(objective, "the start of the curve", from)?;
        check_point(objective, "the end of the curve", to)?;
        let kept = Kept::of(objective)?;
        let parameters = objective.parameters();
        let tensors = |point: &[f32]| -> Result<Vec<Tensor>> {
            let mut rest = point;
            let mut tensors = Vec::with_capacity(parameters.len());
            for parameter in parameters {
                let (own, others) = rest.split_at(parameter.len());
                tensors.push(parameter.import(own)?);
                rest = others;
            }
            Ok(tensors)
        };
        let ends = [tensors(from)?, tensors(to)?];
        let mut bend = Vec::with_capacity(parameters.len());
        for ((parameter, a), b) in parameters.iter().zip(&ends[0]).zip(&ends[1]) {
            let middle = ((a * 0.5)? + (b * 0.5)?)?;
            bend.push(Parameter {
                name: format!("bend.{}", parameter.name),
                var: Var::from_tensor(&middle)?,
                decayed: parameter.decayed,
                transposed: parameter.transposed,
            });
        }
        Ok(Self { objective, ends, bend, _kept: kept })
    }

    /// The point of the curve at `t` from 0 to 1, as [`atelier_core::flatten`] gives points.
    ///
    /// # Errors
    /// Fails if the device does.
    pub fn point(&self, t: f64) -> Result<Vec<f32>> {
        self.set(t)?;
        Ok(flatten(self.objective.parameters())?)
    }

    /// The losses at `points` places evenly spaced in t, as [`crate::line_losses`] has them for the
    /// straight line.
    ///
    /// # Errors
    /// As [`crate::line_losses`].
    pub fn losses(
        &self,
        batches: &[Batch],
        points: usize,
        watch: &mut Watch,
    ) -> Result<PathLosses> {
        path_losses(batches, points, watch, &mut |t| {
            evaluate_at(self.objective, &self.point(t)?, batches)
        })
    }

    /// Moves the objective to the point at `t`.
    fn set(&self, t: f64) -> atelier_core::Result<()> {
        let factors = [(1.0 - t).powi(2), 2.0 * t * (1.0 - t), t.powi(2)];
        let ends = self.ends[0].iter().zip(&self.ends[1]);
        for ((parameter, bend), (a, b)) in
            self.objective.parameters().iter().zip(&self.bend).zip(ends)
        {
            let bend = (bend.var.as_detached_tensor() * factors[1])?;
            parameter.var.set(&(((a * factors[0])? + bend)? + (b * factors[2])?)?)?;
        }
        Ok(())
    }

    /// The loss at `t`, as a function of the bend.
    fn loss_at(&self, t: f64, batch: &Batch, mode: Mode) -> atelier_core::Result<Loss> {
        self.set(t)?;
        let loss = self.objective.loss(batch, mode)?;
        let gradients = backward(&loss.objective)?;
        // Linear in the bend with the right gradient; its value is taken off again.
        let mut slope: Option<Tensor> = None;
        for (parameter, bend) in self.objective.parameters().iter().zip(&self.bend) {
            let Some(gradient) = gradients.get(&parameter.var) else { continue };
            let gradient = (gradient.detach() * (2.0 * t * (1.0 - t)))?;
            let own = (bend.var.as_tensor() * gradient)?.sum_all()?;
            slope = Some(match slope {
                Some(sum) => (sum + own)?,
                None => own,
            });
        }
        let mut objective = loss.objective.detach();
        if let Some(slope) = slope {
            objective = ((&slope - slope.detach())? + objective)?;
        }
        Ok(Loss { objective, reported: loss.reported.detach(), ..loss })
    }
}

impl Objective for Bezier<'_> {
    fn parameters(&self) -> &[Parameter] {
        &self.bend
    }

    fn buffers(&self) -> &[Parameter] {
        self.objective.buffers()
    }

    fn loss(&self, batch: &Batch, mode: Mode) -> atelier_core::Result<Loss> {
        match mode {
            Mode::Train(address) => {
                let t = address.stream("bezier", 0).random();
                self.loss_at(t, batch, mode)
            }
            Mode::Evaluate => {
                let at = EVALUATED_AT.iter().map(|&t| self.loss_at(t, batch, mode));
                mean_loss(&at.collect::<atelier_core::Result<Vec<_>>>()?, batch.len())
            }
        }
    }
}

/// The mean of losses of the same batch; the number of correct examples is rounded to a whole one.
fn mean_loss(losses: &[Loss], total: usize) -> atelier_core::Result<Loss> {
    let mean = |parts: Vec<&Tensor>| -> atelier_core::Result<Tensor> {
        Ok(Tensor::stack(&parts, 0)?.mean_all()?)
    };
    let correct: Option<Vec<&Tensor>> = losses.iter().map(|l| l.correct.as_ref()).collect();
    Ok(Loss {
        objective: mean(losses.iter().map(|l| &l.objective).collect())?,
        reported: mean(losses.iter().map(|l| &l.reported).collect())?,
        correct: correct
            .map(|parts| Ok::<_, atelier_core::Error>(mean(parts)?.round()?))
            .transpose()?,
        total,
    })
}
