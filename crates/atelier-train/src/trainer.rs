//! The loop.

use std::time::Instant;

use atelier_core::{Batch, Evaluation, Loss, Mode, Objective, StepAddress};
use atelier_store::{AppendLog, Checkpoint, RunDir};
use candle_core::{Tensor, Var};
use serde::Serialize;

use crate::average::{Average, averaged};
use crate::optimizer::Optimizer;
use crate::progress::{Best, Progress, StepLoss};
use crate::{EpochReport, Error, Event, Result, Settings, StepReport, checkpoint};

/// On a device whose work is awaited when a number is read, losses are read this many at a time.
const LOSSES_PER_READ: usize = 100;

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
    pending: Vec<(StepReport, Loss)>,
}

/// What [`Trainer::run`] talks to besides the objective.
pub struct Surroundings<'a> {
    /// Called after every epoch; without it there is no early stopping.
    pub validation: Option<&'a mut Validation<'a>>,
    /// Where metrics and checkpoints go.
    pub run_dir: Option<&'a RunDir>,
    /// Told of every event.
    pub observer: &'a mut dyn FnMut(Event),
    /// Asked before every step; `true` stops the run where it is.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// One line of `metrics.jsonl`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Record<'a> {
    Step(&'a StepReport),
    Epoch(&'a EpochReport),
    Final { stop: Stop, epochs: usize, steps: u64, seconds: f64 },
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
            optimizer: Optimizer::new(&settings.optimizer, train.weight_decay, train.clip, parameters)?,
            average: (train.ema > 0.0).then(|| Average::new(train.ema, objective)).transpose()?,
            best: Vec::new(),
            progress: Progress::default(),
            pending: Vec::new(),
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
    /// [`Error::NoBatches`]; [`Error::Setting`] if early stopping has no validation;
    /// [`Error::Diverged`] if a loss is not finite: the objective and the newest checkpoint have the
    /// values from before that step then (on other devices than the CPU, from before the last
    /// losses that were read). Fails if the objective, the source or the disk does.
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
        let mut metrics = around.run_dir.map(RunDir::metrics).transpose()?;
        if let Some(metrics) = &mut metrics {
            metrics.truncate(self.progress.metrics_len)?;
        }
        let mut session =
            Session { trainer: self, metrics, run_dir: around.run_dir, started: Instant::now(), before: 0.0 };
        session.before = session.trainer.progress.seconds;
        session.run(source, &mut around)
    }

    /// A copy of all parameters and buffers.
    pub(crate) fn copy_of_values(&self) -> Result<Vec<Var>> {
        averaged(self.objective).map(|p| Ok(Var::from_tensor(&p.var.copy()?)?)).collect()
    }

    /// Evaluates on the validation examples, with the averaged values where there are any.
    fn validate(&mut self, validation: &mut Validation) -> Result<Evaluation> {
        self.with_average(|trainer| {
            let evaluation = validation(trainer.objective)?;
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
    fn settle(&self) -> Result<()> {
        if let (true, Some(average)) = (self.best.is_empty(), &self.average) {
            average.swap(self.objective)?;
        }
        for (parameter, best) in averaged(self.objective).zip(&self.best) {
            parameter.var.set(best)?;
        }
        Ok(())
    }

    /// One step; its loss is read later.
    fn step(&mut self, source: &mut Source, learning_rate: f64) -> Result<()> {
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
        if loss.objective.device().is_cpu() {
            let values = (loss.objective.to_scalar::<f32>()?, loss.reported.to_scalar::<f32>()?);
            if !(values.0.is_finite() && values.1.is_finite()) {
                let loss = if values.0.is_finite() { values.1 } else { values.0 };
                return Err(diverged(&report, loss));
            }
        }
        let gradients = loss.objective.backward()?;
        self.optimizer.step(self.objective.parameters(), &gradients, learning_rate)?;
        if let Some(average) = &mut self.average {
            average.update(self.objective)?;
        }
        self.progress.step += 1;
        self.progress.index += 1;
        let detached = Loss { objective: loss.reported.clone(), ..loss };
        self.pending.push((report, detached));
        Ok(())
    }

    /// Reads the losses that were put off.
    fn read_losses(&mut self) -> Result<Vec<StepReport>> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let read = |of: &dyn Fn(&Loss) -> Tensor| -> Result<Vec<f32>> {
            let all: Vec<Tensor> = pending.iter().map(|(_, loss)| of(loss)).collect();
            if let [one] = all.as_slice() {
                return Ok(vec![one.to_scalar()?]);
            }
            Ok(Tensor::stack(&all, 0)?.to_vec1()?)
        };
        let losses = read(&|loss| loss.reported.clone())?;
        let correct = if pending.iter().all(|(_, loss)| loss.correct.is_some()) {
            read(&|loss| loss.correct.clone().unwrap_or_else(|| loss.reported.clone()))?
        } else {
            vec![f32::NAN; losses.len()]
        };
        let mut reports = Vec::with_capacity(pending.len());
        for (((report, _), loss), correct) in pending.into_iter().zip(losses).zip(correct) {
            let report = StepReport { loss, ..report };
            if !loss.is_finite() {
                return Err(diverged(&report, loss));
            }
            let progress = &mut self.progress;
            progress.loss_sum += f64::from(loss) * report.examples as f64;
            progress.correct += f64::from(correct);
            progress.seen += report.examples;
            progress.remember(StepLoss { step: report.step, epoch: report.epoch, loss });
            reports.push(report);
        }
        Ok(reports)
    }
}

fn diverged(report: &StepReport, loss: f32) -> Error {
    let (epoch, step) = (report.epoch, report.step);
    Error::Diverged { epoch, step, learning_rate: report.learning_rate, loss }
}

/// One call of [`Trainer::run`].
struct Session<'t, 'a> {
    trainer: &'t mut Trainer<'a>,
    metrics: Option<AppendLog>,
    run_dir: Option<&'t RunDir>,
    started: Instant,
    /// Seconds of training before this session.
    before: f64,
}

impl Session<'_, '_> {
    fn run(&mut self, source: &mut Source, around: &mut Surroundings) -> Result<Outcome> {
        let batches = source.batches_per_epoch;
        let on_cpu = self.trainer.objective.parameters().iter().all(|p| p.var.device().is_cpu());
        let epochs = self.trainer.settings.train.epochs;
        while !self.trainer.progress.finished {
            while self.trainer.progress.index < batches {
                if (around.interrupted)() {
                    self.report_steps(around)?;
                    self.save(around)?;
                    return self.end(Stop::Interrupted);
                }
                let settings = &self.trainer.settings;
                let factor = settings.schedule.factor_at(self.trainer.progress.step, epochs, batches);
                let learning_rate = settings.optimizer.learning_rate * factor;
                if let Err(error) = self.trainer.step(source, learning_rate) {
                    self.keep_last_good_state(around, &error)?;
                    return Err(error);
                }
                if on_cpu || self.trainer.pending.len() >= LOSSES_PER_READ {
                    self.report_steps(around)?;
                }
            }
            self.report_steps(around)?;
            self.finish_epoch(around)?;
        }
        self.trainer.settle()?;
        self.end(self.stop_reason())
    }

    fn finish_epoch(&mut self, around: &mut Surroundings) -> Result<()> {
        let progress = &mut self.trainer.progress;
        let seen = progress.seen as f64;
        let train_loss = progress.loss_sum / seen;
        let accuracy = progress.correct / seen;
        progress.epoch += 1;
        progress.index = 0;
        (progress.loss_sum, progress.correct, progress.seen) = (0.0, 0.0, 0);
        let validation = match &mut around.validation {
            Some(validation) => Some(self.trainer.validate(*validation)?),
            None => None,
        };
        self.update_seconds();
        let settings = &self.trainer.settings;
        let progress = &self.trainer.progress;
        let batches = progress.step as usize / progress.epoch;
        let last_step = progress.step.saturating_sub(1);
        let factor = settings.schedule.factor_at(last_step, settings.train.epochs, batches);
        let report = EpochReport {
            epoch: progress.epoch,
            step: progress.step,
            train_loss,
            train_accuracy: accuracy.is_finite().then_some(accuracy),
            validation_loss: validation.map(|v| v.loss),
            validation_accuracy: validation.and_then(|v| v.accuracy()),
            learning_rate: settings.optimizer.learning_rate * factor,
            seconds: progress.seconds,
        };
        self.record(&Record::Epoch(&report))?;
        (around.observer)(Event::Epoch(&report));

        let train = &self.trainer.settings.train;
        let (every, patience) = (train.checkpoint_every, train.early_stopping);
        let done = self.trainer.progress.epoch >= train.epochs;
        let waited = self.trainer.progress.best.map_or(0, |b| self.trainer.progress.epoch - b.epoch);
        self.trainer.progress.finished = done || (patience > 0 && waited >= patience);
        if self.trainer.progress.finished {
            let progress = &self.trainer.progress;
            let (epochs, steps, seconds) = (progress.epoch, progress.step, progress.seconds);
            self.record(&Record::Final { stop: self.stop_reason(), epochs, steps, seconds })?;
        }
        if self.trainer.progress.finished || self.trainer.progress.epoch % every == 0 {
            self.save(around)?;
            let is_best = self.trainer.progress.best.is_some_and(|b| b.epoch == self.trainer.progress.epoch);
            if let (true, Some(run_dir)) = (is_best, self.run_dir) {
                run_dir.checkpoints().mark_best(self.trainer.progress.step)?;
            }
        }
        Ok(())
    }

    /// Why a finished run ended.
    fn stop_reason(&self) -> Stop {
        if self.trainer.progress.epoch < self.trainer.settings.train.epochs {
            Stop::EarlyStopped
        } else {
            Stop::Completed
        }
    }

    fn report_steps(&mut self, around: &mut Surroundings) -> Result<()> {
        for report in self.trainer.read_losses()? {
            self.record(&Record::Step(&report))?;
            (around.observer)(Event::Step(&report));
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<()> {
        if let Some(metrics) = &mut self.metrics {
            let line = serde_json::to_vec(record)
                .map_err(|error| Error::mismatch("a metric", "a plain value", error))?;
            metrics.append(&line)?;
        }
        Ok(())
    }

    /// Writes metrics and then the checkpoint that knows their length.
    fn save(&mut self, around: &mut Surroundings) -> Result<()> {
        self.update_seconds();
        let Some(run_dir) = self.run_dir else { return Ok(()) };
        if let Some(metrics) = &mut self.metrics {
            metrics.sync()?;
            self.trainer.progress.metrics_len = metrics.len();
        }
        let step = self.trainer.progress.step;
        run_dir.checkpoints().save(step, &checkpoint::save(self.trainer)?)?;
        (around.observer)(Event::Checkpoint { step });
        Ok(())
    }

    /// After a divergence: a checkpoint of the state before the step, if that state is sound.
    fn keep_last_good_state(&mut self, around: &mut Surroundings, error: &Error) -> Result<()> {
        if !matches!(error, Error::Diverged { .. }) {
            return Ok(());
        }
        match self.save(around) {
            // A gradient can have overflowed a step earlier; then the checkpoint before is the last
            // good state, and it is still there.
            Err(Error::Store(atelier_store::Error::NonFinite { .. })) => Ok(()),
            saved => saved,
        }
    }

    fn update_seconds(&mut self) {
        self.trainer.progress.seconds = self.before + self.started.elapsed().as_secs_f64();
    }

    fn end(&self, stop: Stop) -> Result<Outcome> {
        let progress = &self.trainer.progress;
        Ok(Outcome {
            stop,
            epochs: progress.epoch,
            steps: progress.step,
            seconds: progress.seconds,
            last: progress.last.iter().copied().collect(),
            best: progress.best,
        })
    }
}
