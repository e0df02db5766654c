//! Twelve trials of 10 epochs, in Optuna's journal, as many at a time as there are threads.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use atelier_core::{Objective, evaluate};
use atelier_data::{AugmentConfig, Batcher, DataConfig, Dataset, FASHION_MNIST, load_dir, split};
use atelier_models::{Classifier, ModelConfig};
use atelier_train::{Event, OptimizerConfig, Settings, Source, Surroundings, TrainConfig, Trainer};
use atelier_tune::{
    Direction, Journal, Options, Parameter, Space, Trial, TrialError, hyperparam_tuning,
};
use candle_core::Device;

use crate::row::{CLASSES, INPUTS};

const TRIALS: usize = 12;
const EPOCHS: usize = 10;
const BATCH: usize = 64;

/// The training images, 10,000 of which judge the trials. What is searched (learning rate, momentum,
/// weight decay) changes no trial's amount of work: all of it is far from diverging, and a trial that diverges all the
/// same fails the call, here and in `xtask/peers/python/torch_peer.py`.
pub struct Trials {
    dataset: Arc<Dataset>,
    space: Space,
    threads: usize,
}

impl Trials {
    /// Trials on the real data in `directory`.
    ///
    /// # Errors
    /// Fails if the data is not there.
    pub fn new(directory: &Path, threads: usize) -> Result<Self> {
        let data = load_dir(directory, &[FASHION_MNIST], false)?;
        let space = Space::new([
            Parameter::log_float("learning_rate", 1e-3, 0.05),
            Parameter::float("momentum", 0.0, 0.9),
            Parameter::log_float("weight_decay", 1e-5, 1e-2),
        ])?;
        Ok(Self { dataset: data.train, space, threads })
    }

    /// A whole study.
    ///
    /// # Errors
    /// Fails if a trial or the disk does.
    pub fn take(&self) -> Result<()> {
        let place = tempfile::tempdir()?;
        let journal = Journal::open(&place.path().join("study.log"), "bench", Direction::Maximize)?;
        let options = Options {
            trials: TRIALS,
            direction: Direction::Maximize,
            workers: self.threads,
            storage: Some(&journal),
            ..Options::default()
        };
        hyperparam_tuning(&self.space, |trial| self.trial(trial), &options)?;
        Ok(())
    }

    fn trial(&self, trial: &mut Trial<'_>) -> Result<f64, TrialError> {
        let settings = trial.settings();
        let (rate, momentum, weight_decay) = (
            settings.float("learning_rate")?,
            settings.float("momentum")?,
            settings.float("weight_decay")?,
        );
        let settings = Settings {
            train: TrainConfig {
                epochs: EPOCHS,
                batch_size: BATCH,
                weight_decay,
                ..TrainConfig::default()
            },
            optimizer: OptimizerConfig {
                learning_rate: rate,
                momentum,
                ..OptimizerConfig::default()
            },
            ..Settings::default()
        };
        let split = split(&self.dataset, &DataConfig::default(), 0).map_err(TrialError::failed)?;
        let Some(examples) = split.validation else {
            return Err(TrialError::failed("nothing to judge by"));
        };
        let model = ModelConfig::default();
        let model = Classifier::new(INPUTS, CLASSES, &model, 0.0, 0, &Device::Cpu)
            .map_err(TrialError::failed)?;
        let augment = AugmentConfig::default();
        let mut batcher = Batcher::new(split.train, BATCH, 0, &augment, None, &Device::Cpu)
            .map_err(TrialError::failed)?;
        let mut source = Source {
            batches_per_epoch: batcher.batches_per_epoch(),
            batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
        };
        let mut validation = |objective: &dyn Objective| {
            let batches = examples
                .evaluation_batches(1000, None, &Device::Cpu)
                .map_err(|error| atelier_core::Error::value("evaluation", "batches", error))?;
            evaluate(objective, batches)
        };
        let mut last = f64::NAN;
        let mut refused = None;
        let mut observer = |event: Event<'_>| {
            if let Event::Epoch(report) = event {
                last = report.validation_accuracy.unwrap_or(f64::NAN);
                if report.epoch < EPOCHS {
                    refused = refused.take().or(trial.report(report.epoch as u64, last).err());
                }
            }
        };
        let surroundings = Surroundings {
            validation: Some(&mut validation),
            run_dir: None,
            observer: &mut observer,
            interrupted: &|| false,
        };
        let outcome = Trainer::new(&model, &settings, 0)?.run(&mut source, surroundings);
        match (outcome, refused) {
            (_, Some(error)) => Err(error.into()),
            (outcome, None) => {
                outcome?;
                Ok(last)
            }
        }
    }
}
