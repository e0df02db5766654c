//! The loop: steps, epochs, metrics, snapshots, checkpoints.

use std::time::Instant;

use atelier_store::{AppendLog, RunDir};
use serde::Serialize;

use crate::progress::Progress;
use crate::snapshots::{self, Recorder};
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
    snapshots: Option<Recorder>,
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
        let snapshots = Recorder::open(trainer, run_dir)?;
        let before = trainer.progress.seconds;
        Ok(Self { trainer, metrics, snapshots, run_dir, started: Instant::now(), before })
    }

    pub(crate) fn run(
        &mut self,
        source: &mut Source,
        around: &mut Surroundings,
    ) -> Result<Outcome> {
        let batches = source.batches_per_epoch;
        let epochs = self.trainer.settings.train.epochs;
        if self.trainer.progress.step == 0 {
            self.record_snapshot(batches, around)?;
            // So that there is a last good state from the first step on.
            self.save(around)?;
        }
        self.mark_best()?;
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
                    self.report_steps(around)?;
                    self.sync_logs()?;
                    return Err(error);
                }
                if !self.trainer.deferred || self.trainer.pending.len() >= LOSSES_PER_READ {
                    self.report_steps(around)?;
                }
                self.record_snapshot(batches, around)?;
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
        let train_accuracy = progress.correct.map(|correct| correct / seen);
        progress.epoch += 1;
        progress.begin_epoch();
        let validation = match &mut around.validation {
            Some(validation) => Some(self.trainer.validate(*validation)?),
            None => None,
        };
        self.update_seconds();
        let learning_rate = self.last_learning_rate(batches);
        let progress = &self.trainer.progress;
        let report = EpochReport {
            epoch: progress.epoch,
            step: progress.step,
            train_loss,
            train_accuracy,
            validation_loss: validation.map(|v| v.loss),
            validation_accuracy: validation.and_then(|v| v.accuracy()),
            learning_rate,
            seconds: progress.seconds,
        };
        if let Some(loss) = validation.map(|v| v.loss).filter(|loss| !loss.is_finite()) {
            self.sync_logs()?;
            return Err(self.diverged("validation loss", loss, learning_rate));
        }
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
        let progress = &self.trainer.progress;
        let is_best = progress.best.is_some_and(|best| best.epoch == progress.epoch);
        if progress.finished || is_best || progress.epoch.is_multiple_of(every) {
            match self.save(around) {
                Err(Error::Store(atelier_store::Error::NonFinite { .. })) => {
                    return Err(self.diverged("weights", f64::NAN, learning_rate));
                }
                saved => saved?,
            }
            self.mark_best()?;
        }
        Ok(())
    }

    /// Marks the checkpoint of this step where it ends the best epoch; also when the run is taken up,
    /// because the one before may have died between the checkpoint and its mark.
    fn mark_best(&self) -> Result<()> {
        let Progress { step, epoch, index, best, .. } = &self.trainer.progress;
        let is_best = *index == 0 && best.is_some_and(|best| best.epoch == *epoch);
        let Some(run_dir) = self.run_dir.filter(|_| is_best) else { return Ok(()) };
        let checkpoints = run_dir.checkpoints();
        // Whoever asks for the mark is told if it cannot be read.
        let marked = checkpoints.best_step().ok().flatten() == Some(*step);
        if !marked && checkpoints.steps()?.contains(step) {
            checkpoints.mark_best(*step)?;
        }
        Ok(())
    }

    fn last_learning_rate(&self, batches: usize) -> f64 {
        let settings = &self.trainer.settings;
        let last = self.trainer.progress.step.saturating_sub(1);
        let factor = settings.schedule.factor_at(last, settings.train.epochs, batches);
        settings.optimizer.learning_rate * factor
    }

    fn diverged(&self, quantity: &'static str, value: f64, learning_rate: f64) -> Error {
        let Progress { epoch, step, .. } = self.trainer.progress;
        #[expect(clippy::cast_possible_truncation, reason = "not finite in f32 either")]
        let value = value as f32;
        Error::Diverged { quantity, value, epoch, step, learning_rate }
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
        let (reports, error) = self.trainer.read_losses()?;
        for report in reports {
            self.record(&Record::Step(&report))?;
            (around.observer)(Event::Step(&report));
        }
        if let Some(error) = error {
            self.sync_logs()?;
            return Err(error);
        }
        Ok(())
    }

    /// Records the parameters, if that is due.
    fn record_snapshot(&mut self, batches: usize, around: &mut Surroundings) -> Result<()> {
        if self.snapshots.is_none() || !snapshots::is_due(self.trainer, batches) {
            return Ok(());
        }
        self.report_steps(around)?;
        let Some(recorder) = &mut self.snapshots else { return Ok(()) };
        match recorder.record(self.trainer, batches) {
            Err(Error::Store(atelier_store::Error::NonFinite { .. })) => {
                self.sync_logs()?;
                Err(self.diverged("weights", f64::NAN, self.last_learning_rate(batches)))
            }
            recorded => recorded,
        }
    }

    fn sync_logs(&mut self) -> Result<()> {
        self.metrics.as_mut().map_or(Ok(()), AppendLog::sync)?;
        self.snapshots.as_mut().map_or(Ok(()), Recorder::sync)
    }

    fn record(&mut self, record: &Record) -> Result<()> {
        if let Some(metrics) = &mut self.metrics {
            let line = serde_json::to_vec(record)
                .map_err(|error| Error::mismatch("a metric", "a plain value", error))?;
            metrics.append(&line)?;
        }
        Ok(())
    }

    /// Writes metrics and snapshots, and then the checkpoint that knows how many there are.
    fn save(&mut self, around: &mut Surroundings) -> Result<()> {
        self.update_seconds();
        let Some(run_dir) = self.run_dir else { return Ok(()) };
        self.sync_logs()?;
        self.trainer.progress.metrics_len = self.metrics.as_ref().map_or(0, AppendLog::len);
        let step = self.trainer.progress.step;
        run_dir.checkpoints().save(step, &self.trainer.checkpoint()?)?;
        (around.observer)(Event::Checkpoint { step });
        Ok(())
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
