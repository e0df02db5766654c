//! Many networks trained at the same time, one thread each.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use atelier_core::{Objective, evaluate};
use atelier_data::{Batcher, Dataset, Standardization, Subset, split};
use atelier_models::{Classifier, fold_standardization, state};
use atelier_store::NamedArray;
use atelier_train::{Settings, Source, Stop as Ending, Surroundings, Trainer};
use candle_core::Device;

use super::{Job, Network};
use crate::config::Config;
use crate::experiment::pool;
use crate::experiment::prepared::{CHUNK, Trainable};
use crate::experiment::summary::{Measured, Tested};
use crate::signals::Stop;

/// What all networks are trained on and with.
#[derive(Clone, Copy)]
pub(super) struct Workshop<'a> {
    pub(super) networks: &'a [Network],
    pub(super) examples: &'a Arc<Dataset>,
    pub(super) device: &'a Device,
    /// How many networks are trained at the same time.
    pub(super) workers: usize,
    pub(super) stop: &'a Stop,
}

/// A trained network.
pub(super) struct Trained {
    /// Where examples were set aside.
    pub(super) validation: Option<Measured>,
    /// Under PyTorch's names, for plain pixels in [0, 1].
    pub(super) model: Vec<NamedArray>,
}

impl Workshop<'_> {
    /// Trains every network of `jobs` and hands each to `finished` as soon as it is trained. What becomes
    /// of one does not depend on the others.
    ///
    /// # Errors
    /// As [`pool::each`].
    pub(super) fn train(
        &self,
        jobs: &[Job],
        finished: &mut dyn FnMut(Job, Trained) -> Result<()>,
    ) -> Result<()> {
        let work = |job: &Job, halted: &dyn Fn() -> bool| self.one(*job, halted);
        pool::each(jobs, self.workers, self.stop, &work, &mut |job, trained| {
            finished(*job, trained)
        })
    }

    /// One network; `None` where it was not trained to its end.
    fn one(&self, job: Job, halted: &dyn Fn() -> bool) -> Result<Option<Trained>> {
        let network = &self.networks[job.network];
        train_one(&network.training(job), self.examples, self.device, halted)
            .with_context(|| format!("{}, seed {}", network.name, job.seed))
    }
}

fn train_one(
    config: &Config,
    examples: &Arc<Dataset>,
    device: &Device,
    halted: &dyn Fn() -> bool,
) -> Result<Option<Trained>> {
    let settings = Settings {
        train: config.train.clone(),
        optimizer: config.optimizer.clone(),
        schedule: config.schedule.clone(),
    };
    let split = split(examples, &config.data, config.seed)?;
    let standardization = config.data.standardize.then(|| Standardization::fit(&split.train));
    let standardization = standardization.as_ref();
    let model = config.model(examples, device)?;
    let (size, augment) = (config.train.batch_size, &config.data.augment);
    let mut batcher =
        Batcher::new(split.train, size, config.seed, augment, standardization, device)?;
    let mut source = Source {
        batches_per_epoch: batcher.batches_per_epoch(),
        batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
    };
    let measure = |objective: &dyn Objective, examples: &Subset| {
        let batches = examples
            .evaluation_batches(CHUNK, standardization, device)
            .map_err(|error| atelier_core::Error::value("evaluation", "batches", error))?;
        evaluate(objective, batches)
    };
    // After each epoch only where that decides when to stop.
    let mut watched = split
        .validation
        .as_ref()
        .filter(|_| config.train.early_stopping > 0)
        .map(|validation| move |objective: &dyn Objective| measure(objective, validation));
    let outcome = Trainer::new(&model, &settings, config.seed)?.run(
        &mut source,
        Surroundings {
            validation: watched.as_mut().map(|watched| watched as &mut atelier_train::Validation),
            run_dir: None,
            observer: &mut |_| {},
            interrupted: halted,
        },
    )?;
    if outcome.stop == Ending::Interrupted {
        return Ok(None);
    }
    let measured = split.validation.as_ref().map(|validation| measure(&model, validation));
    let validation = measured.transpose()?.map(Tested::try_from).transpose()?.map(Measured::from);
    // The last step can have left the numbers, and nobody was told.
    if let Some(found) = validation.filter(|found| !found.cross_entropy.is_finite()) {
        #[expect(clippy::cast_possible_truncation, reason = "not finite in f32 either")]
        let value = found.cross_entropy as f32;
        return Err(anyhow::Error::new(atelier_train::Error::Diverged {
            quantity: "validation loss of the final weights",
            value,
            epoch: outcome.epochs,
            step: outcome.steps,
            learning_rate: settings.optimizer.learning_rate,
        }));
    }
    Ok(Some(Trained { validation, model: saved(&model, standardization, outcome.steps)? }))
}

/// The network as PyTorch has it.
fn saved(
    model: &Classifier,
    standardization: Option<&Standardization>,
    steps: u64,
) -> Result<Vec<NamedArray>> {
    let mut tensors = state(model.parameters().iter().chain(model.buffers()))?;
    if let (Some(standardization), [weight, bias, ..]) = (standardization, tensors.as_mut_slice()) {
        fold_standardization(weight, bias, &standardization.mean, &standardization.scale)?;
    }
    let arrays = tensors.iter().map(|t| NamedArray::f32(&t.name, &t.shape, &t.values));
    let steps = i64::try_from(steps).unwrap_or(i64::MAX);
    let counters = model.net.batch_counters().into_iter();
    Ok(arrays.chain(counters.map(|name| NamedArray::i64(name, &[], &[steps]))).collect())
}
