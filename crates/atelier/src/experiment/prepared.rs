//! Everything that a training run needs before its first step.

use std::thread::available_parallelism;

use anyhow::{Result, anyhow};
use atelier_core::{Batch, Objective};
use atelier_data::{
    AugmentConfig, Batcher, DataConfig, Dataset, Loaded, Split, Standardization, Subset, split,
};
use atelier_models::{Classifier, Layer, NamedTensor, state};
use atelier_train::{OptimizerConfig, ScheduleConfig, Settings, Source, TrainConfig};
use candle_core::Device;

use crate::cli::{DataFlags, RunFlags};
use crate::config::Config;
use crate::dataset;
use crate::failure::Help as _;
use crate::terminal::{Align, Table, Terminal, one_line, thousands};

/// Examples that are evaluated at a time: the activations of a chunk stay in the cache.
pub(crate) const CHUNK: usize = 1000;

/// Data, network and settings, all of them checked.
pub(crate) struct Prepared<C = Config, M = Classifier> {
    pub(crate) config: C,
    pub(crate) seed: u64,
    pub(crate) augment: AugmentConfig,
    pub(crate) settings: Settings,
    pub(crate) device: Device,
    pub(crate) device_name: String,
    pub(crate) threads: usize,
    /// The flags that lead to these data.
    pub(crate) data_flags: DataFlags,
    pub(crate) data: Loaded,
    pub(crate) split: Split,
    pub(crate) standardization: Option<Standardization>,
    pub(crate) model: M,
}

/// What the configurations of all verbs that train have in common.
pub(crate) struct Common<'a> {
    pub(crate) seed: u64,
    pub(crate) data: &'a DataConfig,
    pub(crate) train: &'a TrainConfig,
    pub(crate) optimizer: &'a OptimizerConfig,
    pub(crate) schedule: &'a ScheduleConfig,
}

/// The machine and the data, as the flags say.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) run: &'a RunFlags,
    pub(crate) device_name: &'a str,
    pub(crate) data: &'a DataFlags,
    pub(crate) terminal: Terminal,
}

/// A configuration that can be trained by.
pub(crate) trait Trainable: Clone {
    /// The verb that it is for.
    const VERB: &'static str;
    /// The section of the configuration that describes the network.
    const SECTION: &'static str;
    /// What is trained.
    type Model: Objective;

    /// The sections that all verbs have.
    fn common(&self) -> Common<'_>;

    /// Checks the sections that only this verb has.
    fn check(&self) -> Result<()>;

    /// Refuses examples that could be learned from, and not measured afterwards.
    fn check_examples(&self, _learned: &Subset) -> Result<()> {
        Ok(())
    }

    /// The model, with freshly drawn weights.
    fn model(&self, examples: &Dataset, device: &Device) -> Result<Self::Model>;

    /// The lines of the model's table.
    fn layers(model: &Self::Model) -> Vec<&Layer>;

    /// The probability with which a hidden unit is dropped in training.
    fn dropout(&self) -> f64 {
        0.0
    }

    /// Everything that belongs to the model as PyTorch has it.
    fn state(model: &Self::Model) -> Result<Vec<NamedTensor>> {
        Ok(state(model.parameters().iter().chain(model.buffers()))?)
    }
}

impl Trainable for Config {
    const VERB: &'static str = "train";
    const SECTION: &'static str = "model";
    type Model = Classifier;

    fn common(&self) -> Common<'_> {
        Common {
            seed: self.seed,
            data: &self.data,
            train: &self.train,
            optimizer: &self.optimizer,
            schedule: &self.schedule,
        }
    }

    fn check(&self) -> Result<()> {
        Ok(self.model.check()?)
    }

    fn model(&self, examples: &Dataset, device: &Device) -> Result<Classifier> {
        let (inputs, classes) = (examples.pixels(), examples.classes());
        let smoothing = self.train.label_smoothing;
        Ok(Classifier::new(inputs, classes, &self.model, smoothing, self.seed, device)?)
    }

    fn layers(model: &Classifier) -> Vec<&Layer> {
        model.net.layers().iter().collect()
    }

    fn dropout(&self) -> f64 {
        self.model.dropout
    }
}

/// Checks every value of a configuration that can be checked without data.
pub(crate) fn check<C: Trainable>(config: &C) -> Result<()> {
    config.common().settings().check()?;
    config.check()
}

impl Common<'_> {
    fn settings(&self) -> Settings {
        Settings {
            train: self.train.clone(),
            optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
        }
    }
}

/// Tensors for each weight in a checkpoint: itself and at most two of optimiser state; an average; the best.
pub(crate) fn tensors(train: &TrainConfig) -> u64 {
    3 + u64::from(train.ema > 0.0) + u64::from(train.early_stopping > 0)
}

/// About how many bytes a run takes that trains so many parameters by so many batches an epoch, and no fewer.
pub(crate) fn bytes(train: &TrainConfig, parameters: usize, batches: usize) -> u64 {
    // The newest two checkpoints, the best, and one that takes the place of another; the model.
    let copies = 4 * tensors(train) + 1;
    let copies = train.snapshots(batches).saturating_add(copies);
    let steps = (batches as u64).saturating_mul(train.epochs as u64);
    // A line of metrics is some 150 bytes long; figures and the rest stay below 4 MiB.
    let copied = copies.saturating_mul(4 * parameters as u64);
    copied.saturating_add(steps.saturating_mul(160)).saturating_add(4 << 20)
}

impl<C: Trainable> Prepared<C, C::Model> {
    /// Loads the data and builds the network; nothing is written but the data's cache.
    pub(crate) fn new(config: C, place: Place<'_>) -> Result<Self> {
        // Before the data, which may take minutes to obtain.
        check(&config)?;
        let common = config.common();
        let settings = common.settings();
        let device = device(place.device_name)?;
        atelier_core::threads::set(threads(place.run));

        let data = dataset::load(place.data, place.terminal)?;
        let split = split(&data.train, common.data, common.seed)?;
        let patience = common.train.early_stopping;
        if patience > 0 && split.validation.is_none() {
            return Err(anyhow!(
                "train.early_stopping is {patience}, expected 0 where data.validation sets nothing aside"
            ))
            .help(|| "set examples aside, such as data.validation=0.1, or stop at no epoch".to_string());
        }
        config.check_examples(&split.train)?;
        let standardization = common.data.standardize.then(|| Standardization::fit(&split.train));
        let model = config.model(&data.train, &device)?;
        let (seed, augment) = (common.seed, common.data.augment.clone());
        let prepared = Self {
            config,
            seed,
            augment,
            settings,
            device,
            device_name: place.device_name.to_string(),
            threads: atelier_core::threads::count(),
            data_flags: place.data.clone(),
            data,
            split,
            standardization,
            model,
        };
        // Only to have wrong settings of it refused before anything is written.
        prepared.source()?;
        Ok(prepared)
    }

    /// The batches to train on.
    pub(crate) fn source(&self) -> Result<Source<'static>> {
        let mut batcher = Batcher::new(
            self.split.train.clone(),
            self.settings.train.batch_size,
            self.seed,
            &self.augment,
            self.standardization.as_ref(),
            &self.device,
        )?;
        Ok(Source {
            batches_per_epoch: batcher.batches_per_epoch(),
            batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
        })
    }

    /// Mean loss and accuracy over some of the training data.
    pub(crate) fn evaluate(
        &self,
        objective: &dyn Objective,
        examples: &Subset,
    ) -> atelier_core::Result<atelier_core::Evaluation> {
        let batches = examples
            .evaluation_batches(CHUNK, self.standardization.as_ref(), &self.device)
            .map_err(|error| atelier_core::Error::value("evaluation", "batches", error))?;
        atelier_core::evaluate(objective, batches)
    }

    /// The network by its widths, such as `784-50-50-50-10`.
    pub(crate) fn network(&self) -> String {
        widths(self.data.train.pixels(), &C::layers(&self.model))
    }

    /// The validation examples as they stay on a device that is not the CPU, whose memory they would
    /// travel to after each epoch otherwise.
    pub(crate) fn kept_validation(&self) -> Result<Option<Vec<Batch>>> {
        let Some(examples) = self.split.validation.as_ref().filter(|_| !self.device.is_cpu())
        else {
            return Ok(None);
        };
        let batches =
            examples.evaluation_batches(CHUNK, self.standardization.as_ref(), &self.device)?;
        Ok(Some(batches.collect::<atelier_core::Result<_>>()?))
    }

    /// How many numbers are trained.
    pub(crate) fn parameters(&self) -> usize {
        self.model.parameters().iter().map(atelier_core::Parameter::len).sum()
    }

    /// About how many bytes the run directory will take, and no fewer.
    pub(crate) fn bytes(&self) -> Result<u64> {
        let batches = self.source()?.batches_per_epoch;
        Ok(bytes(&self.settings.train, self.parameters(), batches))
    }

    /// The data and the network, as tables.
    pub(crate) fn tables(&self) -> String {
        let known = &self.data.provenance;
        let pinned = if known.pinned { "verified" } else { "not a pinned data set" };
        let batch_size = self.settings.train.batch_size;
        let batches = self.split.train.len().div_ceil(batch_size);
        format!(
            "data: {} from {} ({pinned})\n\n{}{} {} of {} an epoch\n\nnetwork: {} parameters\n\n{}",
            dataset::title(&known.name),
            one_line(&known.source),
            self.data_table(),
            thousands(batches),
            if batches == 1 { "batch" } else { "batches" },
            thousands(batch_size),
            thousands(self.parameters()),
            self.model_table()
        )
    }

    fn data_table(&self) -> Table {
        let mut table = Table::new(&[
            ("split", Align::Left),
            ("examples", Align::Right),
            ("image", Align::Right),
            ("classes", Align::Right),
            ("per class", Align::Right),
        ]);
        // One channel, as PyTorch writes the shape.
        let image = format!("1x{}x{}", self.data.train.height(), self.data.train.width());
        let validation = self.split.validation.as_ref();
        let splits = [
            ("training", Some(self.split.train.class_counts())),
            ("validation", validation.map(Subset::class_counts)),
            ("test", Some(self.data.test.class_counts())),
        ];
        for (name, counts) in splits {
            let counts = counts.unwrap_or_default();
            let least = counts.iter().copied().min().unwrap_or(0);
            let most = counts.iter().copied().max().unwrap_or(0);
            let per_class = if least == most {
                thousands(least)
            } else {
                format!("{} to {}", thousands(least), thousands(most))
            };
            let examples = thousands(counts.iter().sum());
            let classes = counts.len().to_string();
            table.row([name.to_string(), examples, image.clone(), classes, per_class]);
        }
        table
    }

    fn model_table(&self) -> Table {
        let mut table = Table::new(&[
            ("layer", Align::Left),
            ("what it is", Align::Left),
            ("outputs", Align::Right),
            ("parameters", Align::Right),
            ("bytes", Align::Right),
        ]);
        let layers = C::layers(&self.model);
        for layer in &layers {
            table.row([
                layer.name.clone(),
                layer.kind.clone(),
                thousands(layer.outputs),
                thousands(layer.parameters),
                thousands(layer.bytes()),
            ]);
        }
        let bytes: usize = layers.iter().map(|layer| layer.bytes()).sum();
        table.row(["", "all", "", &thousands(self.parameters()), &thousands(bytes)]);
        table
    }
}

/// A network of so many inputs by its widths, such as `784-50-50-50-10`.
pub(crate) fn widths(inputs: usize, layers: &[&Layer]) -> String {
    let linear = layers.iter().filter(|layer| layer.module() == "Linear");
    let widths: Vec<String> = linear.map(|layer| layer.outputs.to_string()).collect();
    format!("{inputs}-{}", widths.join("-"))
}

/// The device of this name, or what to do in order to have it.
fn device(name: &str) -> Result<Device> {
    let found = atelier_core::device(name);
    if cfg!(feature = "cuda") || !(name == "cuda" || name.starts_with("cuda:")) {
        return Ok(found?);
    }
    found.help(|| {
        "`cargo xtask build --cuda` builds the program with it and says where that lies; run that file in \
         place of `cargo xtask`, which always runs the program without"
            .to_string()
    })
}

/// `--threads`, or one for each core.
pub(crate) fn threads(flags: &RunFlags) -> usize {
    let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
    flags.threads.map_or_else(cores, usize::from)
}
