//! One step, and what a run begins and ends with; the loop itself is in `session`.

use atelier_core::{Batch, Evaluation, Loss, Mode, Objective, StepAddress, backward};
use atelier_store::{Checkpoint, RunDir};
use candle_core::{DType, Tensor, Var};
use serde::Serialize;

use crate::average::{Average, averaged};
use crate::optimizer::{Optimizer, finite};
use crate::progress::{Best, Progress, StepLoss};
use crate::session::Session;
use crate::{Error, Event, Result, Settings, StepReport, checkpoint};

/// Where the batches of an epoch come from.
///
/// `batch(epoch, index)` must depend on its arguments alone: that is what makes a resumed run exact.
pub struct Source<'a> {
    /// Batches in every epoch.
    pub batches_per_epoch: usize,
    /// The batch at (epoch, index), both counted from 0.
    pub batch: Box<dyn FnMut(u64, usize) -> atelier_core::Result<Batch> + 'a>,
}

/// Evaluates the objective on validation examples, with the values that it has at the moment.
pub type Validation<'a> = dyn FnMut(&dyn Objective) -> atelier_core::Result<Evaluation> + 'a;

/// Why training came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// All epochs are done.
    Completed,
    /// Validation got no better for long enough; the objective has the best values.
    EarlyStopped,
    /// The caller asked to stop; the run can be resumed.
    Interrupted,
}

/// How training went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why it ended.
    pub stop: Stop,
    /// Finished epochs.
    pub epochs: usize,
    /// Finished steps.
    pub steps: u64,
    /// Seconds of training, all sessions of the run together.
    pub seconds: f64,
    /// The last 20 steps.
    pub last: Vec<StepLoss>,
    /// The best validation, where there was any.
    pub best: Option<Best>,
}

/// Trains one objective.
pub struct Trainer<'a> {
    pub(crate) objective: &'a dyn Objective,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
    pub(crate) optimizer: Optimizer,
    pub(crate) average: Option<Average>,
    /// The values of the best validation, kept where early stopping will want them.
    pub(crate) best: Vec<Var>,
    pub(crate) progress: Progress,
    pub(crate) pending: Vec<Pending>,
    /// Whether losses are read later, many at a time: on every device but the CPU, whose work is
    /// awaited wherever a number is read.
    pub(crate) deferred: bool,
    /// Where losses are read later: a byte on the device, 1 as long as all of them were finite.
    alive: Option<Tensor>,
}

/// A step that is done, and what is not yet read of it.
pub(crate) struct Pending {
    report: StepReport,
    loss: Tensor,
    correct: Option<Tensor>,
    alive: Option<Tensor>,
}

/// What [`Trainer::run`] talks to besides the objective.
pub struct Surroundings<'a> {
    /// Called after every epoch; without it there is no early stopping.
    pub validation: Option<&'a mut Validation<'a>>,
    /// Where metrics, snapshots and checkpoints go; without it there are none.
    pub run_dir: Option<&'a RunDir>,
    /// Told of every event.
    pub observer: &'a mut dyn FnMut(Event),
    /// Asked before every step; `true` stops the run where it is.
    pub interrupted: &'a dyn Fn() -> bool,
}

impl<'a> Trainer<'a> {
    /// A trainer at the beginning of a run.
    ///
    /// # Errors
    /// As [`Settings::check`]; fails if the device has no memory left.
    pub fn new(objective: &'a dyn Objective, settings: &Settings, seed: u64) -> Result<Self> {
        settings.check()?;
        let train = &settings.train;
        let parameters = objective.parameters();
        Ok(Self {
            objective,
            settings: settings.clone(),
            seed,
            optimizer: Optimizer::new(
                &settings.optimizer,
                train.weight_decay,
                train.clip,
                parameters,
            )?,
            average: (train.ema > 0.0).then(|| Average::new(train.ema, objective)).transpose()?,
            best: Vec::new(),
            progress: Progress::new(),
            pending: Vec::new(),
            deferred: parameters.iter().any(|p| !p.var.device().is_cpu()),
            alive: None,
        })
    }

    /// Puts trainer and objective into the state of `checkpoint`, as if the run had never stopped.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the checkpoint is of other settings, another seed or another
    /// objective; nothing is changed then.
    pub fn resume(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint::restore(self, checkpoint)
    }

    /// The state of the run, from which [`Trainer::resume`] goes on. [`Trainer::run`] saves it by
    /// itself where it has a run directory.
    ///
    /// # Errors
    /// Fails if the device cannot be read.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        checkpoint::save(self)
    }

    /// Steps that are done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.progress.step
    }

    /// Trains to the end, or until `around.interrupted` says so. Afterwards the objective has the
    /// values to be used: the best ones where early stopping is on, else the averaged ones where
    /// averaging is on, else those of the last step (always so after an interruption).
    ///
    /// # Errors
    /// [`Error::NoBatches`]; [`Error::Mismatch`] if the trainer resumed a checkpoint of an epoch of
    /// another number of batches; [`Error::Setting`] if early stopping has no validation;
    /// [`Error::Diverged`] if a loss, a gradient's norm that was to be clipped, a validation loss or a
    /// weight is not finite. The parameters are then those from before the step (buffers may have seen
    /// its batch): the CPU looks at a loss before the update; other devices hold back that update and
    /// all that follow by themselves, and the loss is reported when it is read, at most a hundred steps
    /// later. The last good state is the newest checkpoint. Fails if the objective, the source or the
    /// disk does.
    pub fn run(&mut self, source: &mut Source, mut around: Surroundings) -> Result<Outcome> {
        if source.batches_per_epoch == 0 {
            return Err(Error::NoBatches);
        }
        let train = &self.settings.train;
        if train.early_stopping > 0 && around.validation.is_none() {
            return Err(Error::setting(
                "train.early_stopping",
                "0 where there are no validation examples",
                train.early_stopping,
            ));
        }
        self.progress.check_step(source.batches_per_epoch)?;
        Session::new(self, around.run_dir)?.run(source, &mut around)
    }

    /// A copy of all parameters and buffers.
    pub(crate) fn copy_of_values(&self) -> Result<Vec<Var>> {
        averaged(self.objective).map(|p| Ok(Var::from_tensor(&p.var.copy()?)?)).collect()
    }

    /// Evaluates on the validation examples, with the averaged values where there are any.
    pub(crate) fn validate(&mut self, validation: &mut Validation) -> Result<Evaluation> {
        self.with_average(|trainer| {
            let evaluation = validation(trainer.objective)?;
            if !evaluation.loss.is_finite() {
                return Ok(evaluation);
            }
            let better = trainer.progress.best.is_none_or(|best| evaluation.loss < best.loss);
            if better {
                let epoch = trainer.progress.epoch;
                trainer.progress.best = Some(Best { epoch, loss: evaluation.loss });
                if trainer.settings.train.early_stopping > 0 {
                    trainer.best = trainer.copy_of_values()?;
                }
            }
            Ok(evaluation)
        })
    }

    fn with_average<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        if let Some(average) = &self.average {
            average.swap(self.objective)?;
        }
        let result = f(self);
        if let Some(average) = &self.average {
            average.swap(self.objective)?;
        }
        result
    }

    /// Gives the objective the values that a finished run ends with.
    pub(crate) fn settle(&self) -> Result<()> {
        let values = match &self.average {
            _ if !self.best.is_empty() => self.best.as_slice(),
            Some(average) => average.tensors.as_slice(),
            None => &[],
        };
        for (parameter, value) in averaged(self.objective).zip(values) {
            parameter.var.set(value)?;
        }
        Ok(())
    }

    /// One step; its loss is read later.
    pub(crate) fn step(&mut self, source: &mut Source, learning_rate: f64) -> Result<()> {
        let (epoch, index) = (self.progress.epoch as u64, self.progress.index);
        let batch = (source.batch)(epoch, index)?;
        let address = StepAddress { seed: self.seed, epoch, index: index as u64 };
        let loss = self.objective.loss(&batch, Mode::Train(address))?;
        let report = StepReport {
            step: self.progress.step + 1,
            epoch: self.progress.epoch + 1,
            batch: index + 1,
            examples: loss.total,
            loss: f32::NAN,
            learning_rate,
        };
        if !self.deferred {
            let values = (loss.objective.to_scalar::<f32>()?, loss.reported.to_scalar::<f32>()?);
            if !(values.0.is_finite() && values.1.is_finite()) {
                let loss = if values.0.is_finite() { values.1 } else { values.0 };
                return Err(diverged(&report, "loss", loss));
            }
        }
        let gradients = backward(&loss.objective)?;
        let parameters = self.objective.parameters();
        if self.deferred {
            let mut alive = (finite(&loss.objective)? * finite(&loss.reported)?)?;
            if let Some(before) = &self.alive {
                alive = (alive * before)?;
            }
            let alive = self.optimizer.step_where(parameters, &gradients, learning_rate, alive)?;
            self.alive = Some(alive);
        } else {
            match self.optimizer.step(parameters, &gradients, learning_rate) {
                #[expect(clippy::cast_possible_truncation, reason = "not finite in f32 either")]
                Err(Error::GradientNorm { norm }) => {
                    return Err(diverged(&report, "norm of the gradient", norm as f32));
                }
                stepped => stepped?,
            }
        }
        if let Some(average) = &mut self.average {
            average.update(self.objective)?;
        }
        self.progress.step += 1;
        self.progress.index += 1;
        let Loss { reported: loss, correct, .. } = loss;
        self.pending.push(Pending { report, loss, correct, alive: self.alive.clone() });
        Ok(())
    }

    /// Reads the losses that were put off: the reports of the steps up to the first whose loss is not
    /// finite, and the error if there is one.
    pub(crate) fn read_losses(&mut self) -> Result<(Vec<StepReport>, Option<Error>)> {
        let pending = std::mem::take(&mut self.pending);
        let losses = read(pending.iter().map(|step| Some(&step.loss)))?;
        let correct = read(pending.iter().map(|step| step.correct.as_ref()))?;
        let alive = read(pending.iter().map(|step| step.alive.as_ref()))?;
        let mut reports = Vec::with_capacity(pending.len());
        for (i, Pending { report, .. }) in pending.into_iter().enumerate() {
            let loss = losses.as_ref().map_or(f32::NAN, |losses| losses[i]);
            let report = StepReport { loss, ..report };
            if !loss.is_finite() {
                return Ok((reports, Some(diverged(&report, "loss", loss))));
            }
            if alive.as_ref().is_some_and(|alive| alive[i] < 1.0) {
                // The smoothed loss, or the norm of a gradient, is what was not finite.
                let error = diverged(&report, "loss or norm of the gradient", f32::NAN);
                return Ok((reports, Some(error)));
            }
            let progress = &mut self.progress;
            progress.loss_sum += f64::from(loss) * report.examples as f64;
            progress.correct = match (progress.correct, &correct) {
                (Some(sum), Some(correct)) => Some(sum + f64::from(correct[i])),
                _ => None,
            };
            progress.seen += report.examples;
            progress.remember(StepLoss { step: report.step, epoch: report.epoch, loss });
            reports.push(report);
        }
        Ok((reports, None))
    }
}

/// The values of scalars, read from their device at once; `None` if one is missing.
fn read<'a>(scalars: impl Iterator<Item = Option<&'a Tensor>>) -> Result<Option<Vec<f32>>> {
    let Some(scalars) = scalars.collect::<Option<Vec<_>>>() else { return Ok(None) };
    Ok(Some(match scalars.as_slice() {
        [] => Vec::new(),
        [one] => vec![one.to_dtype(DType::F32)?.to_scalar()?],
        many => Tensor::stack(many, 0)?.to_dtype(DType::F32)?.to_vec1()?,
    }))
}

pub(crate) fn diverged(report: &StepReport, quantity: &'static str, value: f32) -> Error {
    let (epoch, step, learning_rate) = (report.epoch, report.step, report.learning_rate);
    Error::Diverged { quantity, value, epoch, step, learning_rate }
}

#[cfg(test)]
mod tests;
