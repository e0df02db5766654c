use candle_core::Tensor;

use crate::seed::{Stream, stream};
use crate::{Batch, Parameter, Result};

/// Where in a run a random number is drawn: the address of the random streams of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepAddress {
    /// The seed of the run.
    pub seed: u64,
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Batch within the epoch, counted from 0.
    pub index: u64,
}

impl StepAddress {
    /// The stream of `purpose` at this step; `lane` tells layers apart.
    #[must_use]
    pub fn stream(self, purpose: &str, lane: u64) -> Stream {
        let mut stream = stream(self.seed, purpose, self.epoch, self.index);
        stream.set_stream(lane);
        stream
    }
}

/// What the loss is computed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A training step: dropout draws from the step's streams, batch norm uses and records the
    /// statistics of the batch.
    Train(StepAddress),
    /// Evaluation: no randomness, running statistics, and nothing that only training has: what is
    /// minimised is then the plain loss, the one that is reported.
    Evaluate,
}

/// The loss of one batch; every tensor stays on the device until it is read.
#[derive(Debug, Clone)]
pub struct Loss {
    /// What is minimised: a scalar that can be differentiated. Smoothed or penalised in
    /// [`Mode::Train`] where the objective does so; in [`Mode::Evaluate`] the same as `reported`.
    pub objective: Tensor,
    /// What is reported: the plain mean over the batch, unregularised and unsmoothed; a scalar.
    pub reported: Tensor,
    /// How many examples were classified correctly, a scalar f32; `None` where the question makes
    /// no sense.
    pub correct: Option<Tensor>,
    /// How many examples the batch holds.
    pub total: usize,
}

/// A function of parameters and a batch that can be minimised.
///
/// This is the one trait that crosses crates: whatever implements it can be trained, tuned and have
/// its landscape drawn.
pub trait Objective {
    /// The trainable parameters, layer by layer, weight then bias; the order never changes.
    fn parameters(&self) -> &[Parameter];

    /// State that is saved but not trained, such as running statistics.
    fn buffers(&self) -> &[Parameter] {
        &[]
    }

    /// The loss of `batch`.
    ///
    /// # Errors
    /// Fails if the batch does not fit the model, or the device fails.
    fn loss(&self, batch: &Batch, mode: Mode) -> Result<Loss>;

    /// An objective of the same kind with the same values, in tensors of its own, that another
    /// thread can evaluate at other values; `None` where that cannot be made, and one thread does
    /// all the work.
    ///
    /// # Errors
    /// Fails if the device has no memory left.
    fn replica(&self) -> Result<Option<Box<dyn Objective + Send>>> {
        Ok(None)
    }

    /// Sets the buffers that are statistics of data (batch norm's) to those that the parameters of
    /// this moment give over all examples of `batches`: for values that no training step has seen.
    /// Nothing happens where there are no such buffers.
    ///
    /// # Errors
    /// Fails if a batch does not fit the model, or the device fails.
    fn recompute_statistics(&self, _batches: &[Batch]) -> Result<()> {
        Ok(())
    }

    /// What evaluates the plane `origin + a first + b second` on `batches` faster than setting the
    /// parameters for each point would; `None` where nothing does.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the plane has another number of parameters; fails if a batch does
    /// not fit the model, or the device fails.
    fn plane(
        &self,
        _plane: PlaneOfParameters,
        _batches: &[Batch],
    ) -> Result<Option<Box<dyn PlaneEvaluator>>> {
        Ok(None)
    }

    /// The product of `vector` with the Hessian of the reported loss of `batch` in
    /// [`Mode::Evaluate`] (the mean over its examples), at the parameters and buffers of this moment,
    /// exactly: up to rounding, and at kinks with the derivatives that the backward pass takes; for
    /// dense networks [`crate::curvature::dense_network`]. `None` where nothing computes that, which
    /// must not depend on `vector` or `batch`; differences of gradients are then what is left.
    ///
    /// # Shapes
    /// `vector` (parameters,), as [`crate::flatten`] orders them, to the same.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if the vector has another length; fails if the batch does not fit the
    /// model, or the device fails.
    fn hessian_product(&self, _vector: &[f32], _batch: &Batch) -> Result<Option<Vec<f32>>> {
        Ok(None)
    }

    /// The layers of hidden units whose order does not matter: reordered along all axes of a layer
    /// at once, the parameters give the same function.
    fn hidden_units(&self) -> Vec<HiddenUnits> {
        Vec::new()
    }
}

/// A plane in parameter space; each of its vectors is a point as [`crate::flatten`] gives it.
#[derive(Debug, Clone, Copy)]
pub struct PlaneOfParameters<'a> {
    /// The point (0, 0).
    pub origin: &'a [f32],
    /// The direction of the first coordinate.
    pub first: &'a [f32],
    /// The direction of the second coordinate.
    pub second: &'a [f32],
}

/// Evaluates an objective anywhere in a plane of its parameters, from any thread.
pub trait PlaneEvaluator: Send + Sync {
    /// The evaluation of each batch at `origin + a first + b second`, in the order of the batches.
    ///
    /// # Errors
    /// Fails if the device does.
    fn at(&self, a: f64, b: f64) -> Result<Vec<Evaluation>>;
}

/// A layer of hidden units that are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenUnits {
    /// How many units there are.
    pub units: usize,
    /// Where the units are counted: the position of a parameter in [`Objective::parameters`], and the
    /// axis of its outside shape ([`Parameter::shape`]).
    pub axes: Vec<(usize, usize)>,
}

/// The mean over a set of examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean reported loss per example (nats for cross-entropy).
    pub loss: f64,
    /// How many examples were classified correctly, where the question makes sense.
    pub correct: Option<usize>,
    /// How many examples there were.
    pub total: usize,
}

impl Evaluation {
    /// The share of examples classified correctly, in [0, 1].
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        self.correct.map(|correct| correct as f64 / self.total as f64)
    }
}

/// Evaluates `objective` over `batches`, each weighted by its number of examples.
///
/// Losses are summed in f64 in the order of the batches.
///
/// # Errors
/// The first error of a batch or of the objective.
pub fn evaluate(
    objective: &dyn Objective,
    batches: impl IntoIterator<Item = Result<Batch>>,
) -> Result<Evaluation> {
    let mut sum = 0.0_f64;
    let mut correct = None;
    let mut total = 0;
    for batch in batches {
        let one = evaluate_batch(objective, &batch?)?;
        sum += one.loss * one.total as f64;
        if let Some(right) = one.correct {
            correct = Some(correct.unwrap_or(0) + right);
        }
        total += one.total;
    }
    Ok(Evaluation { loss: if total == 0 { f64::NAN } else { sum / total as f64 }, correct, total })
}

/// Evaluates `objective` on one batch.
///
/// # Errors
/// Fails if the batch does not fit the model, or the device fails.
pub fn evaluate_batch(objective: &dyn Objective, batch: &Batch) -> Result<Evaluation> {
    let loss = objective.loss(batch, Mode::Evaluate)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let count = |right: Tensor| -> Result<usize> { Ok(right.to_scalar::<f32>()? as usize) };
    Ok(Evaluation {
        loss: f64::from(loss.reported.to_scalar::<f32>()?),
        correct: loss.correct.map(count).transpose()?,
        total: loss.total,
    })
}
