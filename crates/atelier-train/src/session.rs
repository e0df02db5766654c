//! The loop: steps, epochs, metrics, checkpoints.

use std::time::Instant;

use atelier_store::{AppendLog, RunDir};
use serde::Serialize;

use crate::{
    EpochReport, Error, Event, Outcome, Result, Source, StepReport, Stop, Surroundings, Trainer,
};

/// On a device whose work is awaited when a number is read, losses are read this many at a time.
const LOSSES_PER_READ: usize = 100;

/// One line of `metrics.jsonl`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Record<'a> {
    Step(&'a StepReport),
    Epoch(&'a EpochReport),
    Final { stop: Stop, epochs: usize, steps: u64, seconds: f64 },
}

/// One call of [`Trainer::run`].
pub(crate) struct Session<'t, 'a> {
    trainer: &'t mut Trainer<'a>,
    metrics: Option<AppendLog>,
    run_dir: Option<&'t RunDir>,
    started: Instant,
    /// Seconds of training before this session.
    before: f64,
}

impl<'t, 'a> Session<'t, 'a> {
    pub(crate) fn new(trainer: &'t mut Trainer<'a>, run_dir: Option<&'t RunDir>) -> Result<Self> {
        let mut metrics = run_dir.map(RunDir::metrics).transpose()?;
        if let Some(metrics) = &mut metrics {
            metrics.truncate(trainer.progress.metrics_len)?;
        }
        let before = trainer.progress.seconds;
        Ok(Self { trainer, metrics, run_dir, started: Instant::now(), before })
    }

    pub(crate) fn run(
        &mut self,
        source: &mut Source,
        around: &mut Surroundings,
    ) -> Result<Outcome> {
        let batches = source.batches_per_epoch;
        let on_cpu = self.trainer.objective.parameters().iter().all(|p| p.var.device().is_cpu());
        let epochs = self.trainer.settings.train.epochs;
        while !self.trainer.progress.finished {
            while self.trainer.progress.index < batches {
                if (around.interrupted)() {
                    self.report_steps(around)?;
                    self.save(around)?;
                    return Ok(self.end(Stop::Interrupted));
                }
                let settings = &self.trainer.settings;
                let factor =
                    settings.schedule.factor_at(self.trainer.progress.step, epochs, batches);
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
            self.finish_epoch(batches, around)?;
        }
        self.trainer.settle()?;
        Ok(self.end(self.stop_reason()))
    }

    fn finish_epoch(&mut self, batches: usize, around: &mut Surroundings) -> Result<()> {
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
        let waited =
            self.trainer.progress.best.map_or(0, |b| self.trainer.progress.epoch - b.epoch);
        self.trainer.progress.finished = done || (patience > 0 && waited >= patience);
        if self.trainer.progress.finished {
            let progress = &self.trainer.progress;
            let (epochs, steps, seconds) = (progress.epoch, progress.step, progress.seconds);
            self.record(&Record::Final { stop: self.stop_reason(), epochs, steps, seconds })?;
        }
        if self.trainer.progress.finished || self.trainer.progress.epoch.is_multiple_of(every) {
            self.save(around)?;
            let is_best =
                self.trainer.progress.best.is_some_and(|b| b.epoch == self.trainer.progress.epoch);
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
        run_dir.checkpoints().save(step, &self.trainer.checkpoint()?)?;
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

    fn end(&self, stop: Stop) -> Outcome {
        let progress = &self.trainer.progress;
        Outcome {
            stop,
            epochs: progress.epoch,
            steps: progress.step,
            seconds: progress.seconds,
            last: progress.last.iter().copied().collect(),
            best: progress.best,
        }
    }
}
