//! One trial: a training run on the training examples, judged on the validation examples.
//!
//! Nothing here can be handed test examples: a [`Bench`] holds the training images and no others.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use atelier_core::Objective;
use atelier_data::{Batcher, Dataset, Split, Standardization, Subset, split};
use atelier_store::{Checkpoints, remove_dir_all};
use atelier_train::{Event, Source, Stop as Ending, Surroundings, Trainer};
use atelier_tune::{Trial, TrialError, Verdict};
use candle_core::Device;

use crate::config::{Config, TuningConfig};
use crate::experiment::prepared::{CHUNK, Trainable as _};
use crate::failure::message;
use crate::signals::Stop;

/// What all trials share.
pub(super) struct Bench<'a> {
    pub(super) config: &'a TuningConfig,
    /// The images that are split into training and validation examples.
    pub(super) dataset: Arc<Dataset>,
    pub(super) device: Device,
    /// The epochs of the longest trial that there can be.
    pub(super) longest: u64,
    /// Trials that run keep their checkpoints here.
    pub(super) trials: PathBuf,
    pub(super) stop: &'a Stop,
}

/// An error that every other trial would meet as well.
#[derive(Debug, thiserror::Error)]
#[error("{}", message(.0))]
pub(super) struct Fatal(pub(super) anyhow::Error);

/// A signal came in the middle of an epoch: the trial goes back to the queue.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

/// The step under which a trial of `epochs` epochs reports `epoch`, where the longest has `longest`: the share of
/// its own length that is done. A short trial whose rate has come down is not compared with a long one
/// whose rate is still high.
pub(super) fn step(epoch: u64, epochs: u64, longest: u64) -> u64 {
    (epoch * longest).div_ceil(epochs.max(1))
}

/// The epoch that a trial of `epochs` epochs reported under `step`.
pub(super) fn epoch_of(step: u64, epochs: u64, longest: u64) -> u64 {
    step * epochs / longest.max(1)
}

/// How a trial stands after an epoch.
enum Epoch {
    /// So many epochs are done, with this validation accuracy; there are more to come.
    Done(u64, f64),
    /// It was the last one; the accuracy is that of the weights that the trial ends with.
    Last(u64, f64),
}

impl Bench<'_> {
    /// Trains with the trial's settings and returns the validation accuracy of the weights that it ends with.
    pub(super) fn run(&self, trial: &mut Trial<'_>) -> Result<f64, TrialError> {
        let unusable = |error: anyhow::Error| TrialError::failed(message(&error));
        let config = self.config.with(trial.settings()).map_err(unusable)?;
        config.settings().check().map_err(TrialError::failed)?;
        config.check().map_err(unusable)?;
        let split = split(&self.dataset, &config.data, config.seed).map_err(TrialError::failed)?;
        let ready = Ready::new(config, split).map_err(Fatal)?;
        let model = ready.config.model(&self.dataset, &self.device).map_err(Fatal)?;
        let mut trainer = Trainer::new(&model, &ready.config.settings(), ready.config.seed)?;
        let mut source = ready.source(&self.device).map_err(Fatal)?;

        let checkpoints = Checkpoints::new(self.trials.join(format!("{:04}", trial.number())));
        if trial.attempt() > 1
            && let Ok(Some(latest)) = checkpoints.latest()
        {
            // One that cannot be used only costs time: the trial begins anew and ends the same.
            let _ = trainer.resume(&latest.checkpoint);
        }
        let done = |trial: &Trial<'_>, value: f64| {
            remove(&checkpoints, trial.number()).map_err(Fatal)?;
            Ok(value)
        };
        loop {
            match self.epoch(&ready, &model, &mut trainer, &mut source)? {
                Epoch::Done(epoch, accuracy) => {
                    let epochs = ready.config.train.epochs as u64;
                    let verdict = trial.report(step(epoch, epochs, self.longest), accuracy)?;
                    if verdict == Verdict::Prune {
                        return done(trial, accuracy);
                    }
                    match checkpoints.save(trainer.steps(), &trainer.checkpoint()?) {
                        Err(error @ atelier_store::Error::NonFinite { .. }) => {
                            return Err(TrialError::failed(error));
                        }
                        saved => saved?,
                    }
                    if verdict == Verdict::Stop {
                        return Ok(accuracy);
                    }
                }
                Epoch::Last(epoch, accuracy) => {
                    let epochs = ready.config.train.epochs as u64;
                    trial.report_last(step(epoch, epochs, self.longest), accuracy);
                    return done(trial, accuracy);
                }
            }
        }
    }

    /// Trains to the end of the epoch.
    fn epoch(
        &self,
        ready: &Ready,
        model: &dyn Objective,
        trainer: &mut Trainer<'_>,
        source: &mut Source<'_>,
    ) -> Result<Epoch, TrialError> {
        let seen: Cell<Option<(u64, f64)>> = Cell::new(None);
        let mut observer = |event: Event| {
            if let Event::Epoch(report) = event {
                let accuracy = report.validation_accuracy.unwrap_or(f64::NAN);
                seen.set(Some((report.epoch as u64, accuracy)));
            }
        };
        let mut validation = |objective: &dyn Objective| ready.evaluate(objective, &self.device);
        let outcome = trainer.run(
            source,
            Surroundings {
                validation: Some(&mut validation),
                run_dir: None,
                observer: &mut observer,
                // Each epoch is a call of its own, so that there is a checkpoint between them.
                interrupted: &|| seen.get().is_some() || self.stop.requested(),
            },
        );
        let outcome = match outcome {
            Err(error @ atelier_train::Error::Diverged { .. }) => {
                return Err(TrialError::failed(error));
            }
            outcome => outcome?,
        };
        match (outcome.stop, seen.get()) {
            (Ending::Interrupted, Some((epoch, accuracy))) => Ok(Epoch::Done(epoch, accuracy)),
            (Ending::Interrupted, None) => Err(Interrupted.into()),
            (_, Some((epoch, accuracy))) if ready.config.train.early_stopping == 0 => {
                Ok(Epoch::Last(epoch, accuracy))
            }
            // The best weights were put back.
            _ => {
                let found = ready.evaluate(model, &self.device)?;
                let accuracy = found.accuracy().unwrap_or(f64::NAN);
                Ok(Epoch::Last(outcome.epochs as u64, accuracy))
            }
        }
    }
}

/// A recipe with its examples.
struct Ready {
    config: Config,
    train: Subset,
    validation: Subset,
    standardization: Option<Standardization>,
}

impl Ready {
    fn new(config: Config, split: Split) -> Result<Self> {
        let validation = split.validation.ok_or_else(nothing_to_judge_by)?;
        let standardization = config.data.standardize.then(|| Standardization::fit(&split.train));
        Ok(Self { config, train: split.train, validation, standardization })
    }

    fn source(&self, device: &Device) -> Result<Source<'static>> {
        let mut batcher = Batcher::new(
            self.train.clone(),
            self.config.train.batch_size,
            self.config.seed,
            &self.config.data.augment,
            self.standardization.as_ref(),
            device,
        )?;
        Ok(Source {
            batches_per_epoch: batcher.batches_per_epoch(),
            batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
        })
    }

    fn evaluate(
        &self,
        objective: &dyn Objective,
        device: &Device,
    ) -> atelier_core::Result<atelier_core::Evaluation> {
        let batches = self
            .validation
            .evaluation_batches(CHUNK, self.standardization.as_ref(), device)
            .map_err(|error| atelier_core::Error::value("evaluation", "batches", error))?;
        atelier_core::evaluate(objective, batches)
    }
}

/// Where no examples are set aside.
pub(super) fn nothing_to_judge_by() -> anyhow::Error {
    anyhow!("data.validation is 0, expected above 0: settings are chosen by validation examples")
}

/// Removes what a trial that has ended kept to go on from.
fn remove(checkpoints: &Checkpoints, number: usize) -> Result<()> {
    let directory = checkpoints.path(0).parent().map(std::path::Path::to_path_buf);
    let Some(directory) = directory.filter(|directory| directory.is_dir()) else { return Ok(()) };
    remove_dir_all(&directory)
        .with_context(|| format!("cannot remove the checkpoints of trial {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_of_different_lengths_report_by_the_share_that_is_done() {
        let steps = |epochs| (1..=epochs).map(|epoch| step(epoch, epochs, 12)).collect::<Vec<_>>();
        assert_eq!(steps(12), (1..=12).collect::<Vec<_>>());
        assert_eq!(steps(6), [2, 4, 6, 8, 10, 12]);
        assert_eq!(steps(5), [3, 5, 8, 10, 12]);
        for epochs in 1..=12 {
            for epoch in 1..=epochs {
                assert_eq!(epoch_of(step(epoch, epochs, 12), epochs, 12), epoch);
            }
        }
    }
}
