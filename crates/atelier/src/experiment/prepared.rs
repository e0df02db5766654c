//! Everything that a training run needs before its first step.

use std::thread::available_parallelism;

use anyhow::{Context as _, Result};
use atelier_core::Objective as _;
use atelier_data::{Batcher, Loaded, Split, Standardization, Subset, split};
use atelier_models::Classifier;
use atelier_train::{Settings, Source};
use candle_core::Device;

use crate::cli::{DataFlags, RunFlags};
use crate::config::Config;
use crate::dataset;
use crate::failure::Help as _;
use crate::terminal::{Align, Table, Terminal, thousands};

/// Examples that are evaluated at a time: the activations of a chunk stay in the cache.
const CHUNK: usize = 1000;

/// Data, network and settings, all of them checked.
pub(crate) struct Prepared {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) device: Device,
    pub(crate) device_name: String,
    pub(crate) threads: usize,
    pub(crate) data: Loaded,
    pub(crate) split: Split,
    pub(crate) standardization: Option<Standardization>,
    pub(crate) model: Classifier,
}

impl Prepared {
    /// Loads the data and builds the network; nothing is written but the data's cache.
    pub(crate) fn new(
        config: Config,
        run: &RunFlags,
        device_name: &str,
        data: &DataFlags,
        terminal: Terminal,
    ) -> Result<Self> {
        let settings = Settings {
            train: config.train.clone(),
            optimizer: config.optimizer.clone(),
            schedule: config.schedule.clone(),
        };
        // Before the data, which may take minutes to obtain.
        settings.check()?;
        config.model.check()?;
        let device = atelier_core::device(device_name)?;
        let threads = threads(run);
        atelier_core::threads::set(threads);

        let data = dataset::load(data, terminal)?;
        let split = split(&data.train, &config.data, config.seed)
            .help(|| "set aside fewer examples, such as --set data.validation=400".to_string())?;
        let standardization = config.data.standardize.then(|| Standardization::fit(&split.train));
        let model = Classifier::new(
            data.train.pixels(),
            data.train.classes(),
            &config.model,
            config.train.label_smoothing,
            config.seed,
            &device,
        )?;
        let prepared = Self {
            config,
            settings,
            device,
            device_name: device_name.to_string(),
            threads,
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
            self.config.train.batch_size,
            self.config.seed,
            &self.config.data.augment,
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
        objective: &dyn atelier_core::Objective,
        examples: &Subset,
    ) -> atelier_core::Result<atelier_core::Evaluation> {
        let batches = examples
            .evaluation_batches(CHUNK, self.standardization.as_ref(), &self.device)
            .map_err(|error| atelier_core::Error::value("evaluation", "batches", error))?;
        atelier_core::evaluate(objective, batches)
    }

    /// Mean loss and accuracy over the test examples; counted as a look at them.
    pub(crate) fn test(&self) -> Result<atelier_core::Evaluation> {
        let standardization = self.standardization.as_ref();
        let batches = self.data.test.evaluation_batches(CHUNK, standardization, &self.device)?;
        atelier_core::evaluate(&self.model, batches).context("cannot evaluate the test examples")
    }

    /// How many numbers are trained.
    pub(crate) fn parameters(&self) -> usize {
        self.model.parameters().iter().map(atelier_core::Parameter::len).sum()
    }

    /// The data and the network, as tables.
    pub(crate) fn tables(&self) -> String {
        let known = &self.data.provenance;
        let pinned = if known.pinned { "verified" } else { "not a pinned data set" };
        format!(
            "data: {} from {} ({pinned})\n\n{}\nnetwork: {} parameters\n\n{}",
            known.name,
            known.source,
            self.data_table(),
            thousands(self.parameters()),
            self.model_table()
        )
    }

    fn data_table(&self) -> Table {
        let mut table = Table::new(&[
            ("split", Align::Left),
            ("examples", Align::Right),
            ("classes", Align::Right),
            ("per class", Align::Right),
        ]);
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
            table.row([name.to_string(), examples, counts.len().to_string(), per_class]);
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
        let layers = self.model.net.layers();
        for layer in layers {
            table.row([
                layer.name.clone(),
                layer.kind.clone(),
                thousands(layer.outputs),
                thousands(layer.parameters),
                thousands(layer.bytes()),
            ]);
        }
        let bytes: usize = layers.iter().map(atelier_models::Layer::bytes).sum();
        table.row(["", "all", "", &thousands(self.parameters()), &thousands(bytes)]);
        table
    }
}

/// `--threads`, or one for each core.
fn threads(flags: &RunFlags) -> usize {
    let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
    flags.threads.map_or_else(cores, usize::from)
}
