//! What initialisation means for training: every scheme at every depth, the same recipe.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use atelier_core::{Objective, evaluate};
use atelier_data::{Batcher, Dataset, split};
use atelier_init::{Scheme, schemes};
use atelier_train::{Event, Source, Stop as Ending, Surroundings, Trainer};
use candle_core::Device;

use crate::config::{Config, InitialisingConfig};
use crate::experiment::pool;
use crate::experiment::prepared::{CHUNK, Prepared, Trainable as _};
use crate::experiment::progress::Progress;
use crate::experiment::summary::Tested;
use crate::signals::Stop;
use crate::terminal::{Terminal, counted};

/// Points of a training curve in an epoch.
const POINTS: usize = 10;

/// Everything that is trained, and on what.
pub(super) struct Networks<'a> {
    config: &'a InitialisingConfig,
    examples: &'a Arc<Dataset>,
    device: &'a Device,
    workers: usize,
    /// Steps of a whole run.
    steps: usize,
    /// Steps whose losses are averaged into a point of the curve.
    window: usize,
}

/// A network with a seed.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub(super) scheme: Scheme,
    pub(super) layers: usize,
    pub(super) seed: u64,
}

/// How a network was trained; infinite losses and no accuracy where it diverged.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Of all training examples, with the final weights.
    pub(super) loss: f64,
    pub(super) accuracy: f64,
    /// The mean losses of so many batches as belong to each point.
    pub(super) curve: Vec<f64>,
}

impl<'a> Networks<'a> {
    pub(super) fn new(config: &'a InitialisingConfig, prepared: &'a Prepared) -> Self {
        let batches = prepared.split.train.len().div_ceil(config.train.batch_size);
        Self {
            config,
            examples: &prepared.data.train,
            device: &prepared.device,
            workers: prepared.threads,
            steps: batches * config.train.epochs,
            window: batches.div_ceil(POINTS),
        }
    }

    /// The last step of each point of a curve.
    fn ends(&self) -> Vec<usize> {
        (1..=self.steps.div_ceil(self.window)).map(|k| (k * self.window).min(self.steps)).collect()
    }

    /// Trains one; `None` where it was not trained to its end.
    fn one(&self, job: Job, halted: &dyn Fn() -> bool) -> Result<Option<Run>> {
        let config = self.config.training(job.scheme, job.layers, job.seed);
        let model = config.model(self.examples, self.device)?;
        let train = split(self.examples, &config.data, config.seed)?.train;
        let mut batcher = self.batcher(&config)?;
        let mut source = Source {
            batches_per_epoch: batcher.batches_per_epoch(),
            batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
        };
        let mut losses = Vec::with_capacity(self.steps);
        let outcome = Trainer::new(&model, &config.settings(), config.seed)?.run(
            &mut source,
            Surroundings {
                validation: None,
                run_dir: None,
                observer: &mut |event| {
                    if let Event::Step(report) = event {
                        losses.push(f64::from(report.loss));
                    }
                },
                interrupted: halted,
            },
        );
        let diverged = |losses: &[f64]| Run {
            loss: f64::INFINITY,
            accuracy: f64::NEG_INFINITY,
            curve: self.curve(losses),
        };
        match outcome {
            Err(atelier_train::Error::Diverged { .. }) => return Ok(Some(diverged(&losses))),
            Err(error) => return Err(error.into()),
            Ok(outcome) if outcome.stop == Ending::Interrupted => return Ok(None),
            Ok(_) => {}
        }
        let batches = train.evaluation_batches(CHUNK, None, self.device)?;
        let objective: &dyn Objective = &model;
        let found = Tested::try_from(evaluate(objective, batches)?)?;
        // The last step can have left the numbers, and nobody was told.
        if !found.cross_entropy.is_finite() {
            return Ok(Some(diverged(&losses)));
        }
        let (loss, accuracy) = (found.cross_entropy, found.accuracy);
        Ok(Some(Run { loss, accuracy, curve: self.curve(&losses) }))
    }

    fn batcher(&self, config: &Config) -> Result<Batcher> {
        let train = split(self.examples, &config.data, config.seed)?.train;
        let (size, augment) = (config.train.batch_size, &config.data.augment);
        Ok(Batcher::new(train, size, config.seed, augment, None, self.device)?)
    }

    /// The means of windows of `losses`; infinite where some of a window are missing.
    fn curve(&self, losses: &[f64]) -> Vec<f64> {
        let mut begin = 0;
        let mean = |end: usize| {
            let window = losses.get(std::mem::replace(&mut begin, end)..end);
            let mean = window.map(|window| window.iter().sum::<f64>() / window.len() as f64);
            mean.filter(|mean| mean.is_finite()).unwrap_or(f64::INFINITY)
        };
        self.ends().into_iter().map(mean).collect()
    }
}

/// All runs of a scheme at a depth, seed by seed.
pub(super) struct Group {
    pub(super) scheme: Scheme,
    pub(super) layers: usize,
    pub(super) runs: Vec<(u64, Run)>,
    /// The last step of each point of a curve.
    pub(super) ends: Vec<usize>,
}

/// Trains all of them; `None` if a signal came.
pub(super) fn trained(
    networks: &Networks<'_>,
    terminal: Terminal,
    stop: &Stop,
) -> Result<Option<Vec<Group>>> {
    let config = networks.config;
    let mut groups = Vec::new();
    for &layers in &config.depths.layers {
        groups.extend(schemes().map(|scheme| (scheme, layers)));
    }
    // Seed by seed, and the deep ones among the others, so that the time that is left can be told.
    let jobs: Vec<Job> = config
        .seeds()
        .into_iter()
        .flat_map(|seed| groups.iter().map(move |&(scheme, layers)| Job { scheme, layers, seed }))
        .collect();
    terminal.talk(&format!(
        "training {}: {} layers, each initialisation",
        counted(jobs.len(), "network"),
        config.depths.layers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    ));
    let mut found: Vec<Option<Run>> = vec![None; jobs.len()];
    let numbered: Vec<usize> = (0..jobs.len()).collect();
    let mut progress = Progress::new(terminal, 0, jobs.len());
    let work = |&number: &usize, halted: &dyn Fn() -> bool| {
        let Job { scheme, layers, seed } = jobs[number];
        networks
            .one(jobs[number], halted)
            .with_context(|| format!("{}, {layers} layers, seed {seed}", scheme.name))
    };
    let done = pool::each(&numbered, networks.workers, stop, &work, &mut |&number, run: Run| {
        let Job { scheme, layers, seed } = jobs[number];
        let loss = if run.loss.is_finite() {
            format!("loss {:.4}", run.loss)
        } else {
            "diverged".to_string()
        };
        progress.trained(format!("{}, {layers} layers, seed {seed}  {loss}", scheme.name));
        found[number] = Some(run);
        Ok(())
    });
    progress.finish();
    done?;
    let Some(runs) = found.into_iter().collect::<Option<Vec<Run>>>() else { return Ok(None) };
    let of = |position: usize| {
        let own = (position..jobs.len()).step_by(groups.len());
        own.map(|number| (jobs[number].seed, runs[number].clone())).collect()
    };
    let groups = groups.iter().enumerate().map(|(position, &(scheme, layers))| Group {
        scheme,
        layers,
        runs: of(position),
        ends: networks.ends(),
    });
    Ok(Some(groups.collect()))
}
