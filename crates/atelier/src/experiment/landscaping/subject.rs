//! What a landscape is of: a model, examples, and the runs that moved through its parameters.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_core::{Batch, Objective, Parameter};
use atelier_data::{Dataset, Standardization, Subset, split};
use atelier_landscape::{LandscapeConfig, MOST_SNAPSHOTS, Snapshot, Trajectory};
use atelier_models::Layer;
use atelier_store::{Manifest, Snapshots};
use atelier_train::{OptimizerConfig, ScheduleConfig};
use ndarray::Array2;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::config::{AutoencodingConfig, Config};
use crate::dataset;
use crate::experiment::nested::same_data as same_data_flags;
use crate::experiment::prepared::{Place, Prepared, Trainable};
use crate::experiment::recorded::same_files;
use crate::experiment::results::repetition;
use crate::experiment::same_settings::unchanged;
use crate::experiment::training::hexadecimal;
use crate::failure::Help as _;
use crate::home;
use crate::terminal::{counted, significant};

/// What is evaluated, and on what.
pub(crate) struct Subject {
    pub(crate) objective: Box<dyn Objective>,
    pub(crate) batches: Vec<Batch>,
    /// Which training examples: indices into the whole training set.
    pub(crate) examples: Vec<u32>,
    pub(crate) standardization: Option<Standardization>,
    /// The name of the loss with its unit.
    pub(crate) quantity: &'static str,
    /// Such as `784-50-50-50-10`.
    pub(crate) network: String,
    /// The section of a configuration that describes it.
    pub(crate) section: &'static str,
    /// The name of the data set.
    pub(crate) dataset: String,
    /// What manifests say of it.
    pub(crate) provenance: atelier_store::Dataset,
    /// Lines of the model's table, to tell models apart.
    layers: Vec<Layer>,
    /// All training examples.
    train: Arc<Dataset>,
    /// Those that the first run learned from: indices into `train`.
    learned: Vec<u32>,
}

/// A run that is drawn.
pub(crate) struct Run {
    /// A short name: what files of it are called.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// All its randomness came from this number; not known of imported snapshots.
    pub(crate) seed: Option<u64>,
    pub(crate) trajectory: Trajectory,
    /// How it was trained, where that is known.
    pub(crate) recipe: Option<Recipe>,
    /// Whether it learned from the examples that the first run learned from.
    pub(crate) same_examples: bool,
    /// Of how many snapshots one is kept: 1 unless there are too many.
    pub(crate) every: usize,
    /// Its seed and configuration as its manifest has them; nothing of imported snapshots.
    settings: String,
}

/// What the learning rate at a step is told from.
pub(crate) struct Recipe {
    pub(crate) optimizer: OptimizerConfig,
    schedule: ScheduleConfig,
    epochs: usize,
    batches: usize,
    snapshots_per_epoch: usize,
    snapshots_early: usize,
    /// Epochs at the last snapshot: fewer than `epochs` where the run ended early.
    until: f64,
}

impl Run {
    /// A run of snapshots that another program wrote.
    pub(crate) fn imported(name: String, path: PathBuf, trajectory: Trajectory) -> Self {
        let settings = String::new();
        Self {
            name,
            path,
            seed: None,
            trajectory,
            recipe: None,
            same_examples: true,
            every: 1,
            settings,
        }
    }

    /// SHA-256 of its settings and its snapshots with their times and losses, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(&self.settings);
        for (point, at) in self.trajectory.points.rows().into_iter().zip(&self.trajectory.snapshots)
        {
            digest.update(format!("{at:?}"));
            let bytes: Vec<u8> = point.iter().flat_map(|value| value.to_le_bytes()).collect();
            digest.update(bytes);
        }
        hexadecimal(&digest.finalize())
    }
}

impl Recipe {
    /// The learning rate of the step after `step`, or of the last.
    pub(crate) fn learning_rate(&self, step: u64) -> f64 {
        let last = self.epochs.saturating_mul(self.batches).saturating_sub(1) as u64;
        let factor = self.schedule.factor_at(step.min(last), self.epochs, self.batches);
        self.optimizer.learning_rate * factor
    }

    /// When snapshots were recorded.
    pub(crate) fn schedule(&self) -> String {
        let early = match self.snapshots_early {
            0 => String::new(),
            n => format!(" and {n} early"),
        };
        let all = self.epochs as f64;
        let until = if self.until < all {
            format!("{} of ", significant(self.until))
        } else {
            String::new()
        };
        let epochs = counted(self.epochs, "epoch");
        format!("{} an epoch{early} over {until}{epochs}", self.snapshots_per_epoch)
    }
}

impl Subject {
    /// The model of `prepared` over its training examples, or as many of them as `landscape` says.
    pub(crate) fn new<C>(
        prepared: Prepared<C, C::Model>,
        landscape: &LandscapeConfig,
    ) -> Result<Self>
    where
        C: Trainable,
        C::Model: 'static,
    {
        let all = &prepared.split.train;
        let examples: Subset = match landscape.examples {
            0 => all.clone(),
            count if count >= all.len() => all.clone(),
            count => all.stratified(count, prepared.seed)?,
        };
        let standardization = prepared.standardization.as_ref();
        let batches = examples
            .evaluation_batches(landscape.batch_size, standardization, &prepared.device)?
            .collect::<atelier_core::Result<Vec<Batch>>>()?;
        let layers: Vec<Layer> = C::layers(&prepared.model).into_iter().cloned().collect();
        let quantity =
            if C::VERB == Config::VERB { "cross-entropy (nats)" } else { "mean squared error" };
        Ok(Self {
            batches,
            examples: examples.indices().to_vec(),
            quantity,
            network: prepared.network(),
            section: C::SECTION,
            dataset: dataset::title(&prepared.data.provenance.name).to_string(),
            provenance: dataset::record(&prepared.data.provenance),
            layers,
            train: Arc::clone(&prepared.data.train),
            learned: prepared.split.train.indices().to_vec(),
            standardization: prepared.standardization,
            objective: Box::new(prepared.model),
        })
    }

    /// How many numbers are trained.
    pub(crate) fn parameters(&self) -> usize {
        self.objective.parameters().iter().map(Parameter::len).sum()
    }
}

/// The run in `path`, which must have been recorded, and its model over the examples it learned from.
pub(crate) fn given(
    path: &Path,
    name: String,
    place: Place,
    landscape: &LandscapeConfig,
    first: Option<&Subject>,
) -> Result<(Run, Option<Subject>)> {
    let manifest = manifest(path)?;
    unchanged(path)?;
    match manifest.verb.as_str() {
        Config::VERB => of::<Config>(path, name, &manifest, place, landscape, first),
        AutoencodingConfig::VERB => {
            of::<AutoencodingConfig>(path, name, &manifest, place, landscape, first)
        }
        verb => Err(anyhow!("the run in {} is one of `{verb}`", path.display()))
            .help(|| "give runs of `train` or of `autoencoder`".to_string()),
    }
}

/// The manifest of the run in `path`.
pub(crate) fn manifest(path: &Path) -> Result<Manifest> {
    Manifest::read(&path.join("manifest.json")).help_with_file(|| {
        let program = home::program();
        format!("`{program} runs list` shows the runs that there are")
    })
}

fn of<C>(
    path: &Path,
    name: String,
    manifest: &Manifest,
    place: Place,
    landscape: &LandscapeConfig,
    first: Option<&Subject>,
) -> Result<(Run, Option<Subject>)>
where
    C: Trainable + DeserializeOwned,
    C::Model: 'static,
{
    // Before the data: a run without snapshots is the most likely mistake.
    let snapshots = Snapshots::read(path).help_with_file(|| no_snapshots(path, manifest, place))?;
    let config: C = serde_json::from_value(manifest.config.clone())
        .with_context(|| format!("the configuration in {}", path.display()))?;
    let common = config.common();
    let (optimizer, schedule) = (common.optimizer.clone(), common.schedule.clone());
    let (epochs, snapshots_per_epoch) = (common.train.epochs, common.train.snapshots_per_epoch);
    let snapshots_early = common.train.snapshots_early;
    let mut same_examples = true;
    let subject = if let Some(first) = first {
        same_data(manifest, first, path)?;
        same_model::<C>(&config, first, path)?;
        let own = split(&first.train, common.data, common.seed)?;
        same_examples = own.train.indices() == first.learned;
        if common.data.standardize != first.standardization.is_some() {
            return Err(anyhow!(
                "data.standardize of the run in {} is {}, and not so that of the first run",
                path.display(),
                common.data.standardize
            ))
            .help(|| "give runs whose inputs are alike".to_string());
        }
        None
    } else {
        let subject = Subject::new(Prepared::new(config, place)?, landscape)?;
        if let Some(data) = &manifest.dataset {
            same_files(data, &subject.provenance)
                .with_context(|| format!("the data of the run in {} changed", path.display()))
                .help(|| "give the data that it learned from with --data-dir".to_string())?;
        }
        Some(subject)
    };
    let wanted = subject.as_ref().or(first).map_or(0, Subject::parameters);
    let trajectory = trajectory(&name, snapshots)
        .with_context(|| format!("the snapshots in {} cannot be drawn", path.display()))
        .help(|| "record more, such as with --set train.snapshots_per_epoch=4".to_string())?;
    if trajectory.parameters() != wanted {
        let found = trajectory.parameters();
        bail!(
            "the snapshots in {} are of {found} parameters, the network has {wanted}",
            path.display()
        );
    }
    let last = trajectory.snapshots.last();
    // Whole numbers at the end of an epoch; a run that was stopped within one comes near enough.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let batches = last.map_or(1, |s| (s.step as f64 / s.epoch.max(1e-9)).round().max(1.0) as usize);
    let until = last.map_or(0.0, |last| last.epoch);
    let recipe = Recipe {
        optimizer,
        schedule,
        epochs,
        batches,
        snapshots_per_epoch,
        snapshots_early,
        until,
    };
    let (path, seed, recipe) = (path.to_path_buf(), Some(manifest.seed), Some(recipe));
    let settings = format!("{} {}", manifest.seed, manifest.config);
    Ok((Run { name, path, seed, trajectory, recipe, same_examples, every: 1, settings }, subject))
}

fn no_snapshots(path: &Path, manifest: &Manifest, place: Place<'_>) -> String {
    let data = same_data_flags(place.data, manifest.dataset.as_ref());
    let pinned = manifest.dataset.as_ref().is_none_or(|data| data.pinned);
    let config = path.join("config.toml");
    let again = repetition(&manifest.verb, &config, &data, pinned, &manifest.device);
    format!("record some: `{again} --set train.snapshots_per_epoch=4`")
}

/// Refuses a run of other data than the first.
fn same_data(manifest: &Manifest, first: &Subject, path: &Path) -> Result<()> {
    match &manifest.dataset {
        Some(data) if data.files != first.provenance.files => Err(anyhow!(
            "the run in {} is of other data ({}) than the first run ({})",
            path.display(),
            data.name,
            first.provenance.name
        ))
        .help(|| "give runs of one data set".to_string()),
        _ => Ok(()),
    }
}

/// Refuses a run whose model is another than that of the first.
fn same_model<C: Trainable>(config: &C, first: &Subject, path: &Path) -> Result<()> {
    let parameters = first.objective.parameters();
    let device = parameters.first().map_or(candle_core::Device::Cpu, |p| p.var.device().clone());
    let same = config.model(&first.train, &device).is_ok_and(|model| {
        C::layers(&model).into_iter().eq(first.layers.iter())
            && model.parameters().iter().map(|p| &p.name).eq(parameters.iter().map(|p| &p.name))
    });
    if same {
        return Ok(());
    }
    Err(anyhow!(
        "the network of the run in {} is another than {}, that of the first run",
        path.display(),
        first.network
    ))
    .help(|| "give runs of one architecture".to_string())
}

/// The points of a run with their times.
fn trajectory(name: &str, snapshots: Snapshots) -> Result<Trajectory> {
    let Snapshots { parameters, points, steps, epochs, losses } = snapshots;
    let times = steps.into_iter().zip(epochs).zip(losses);
    let times =
        times.map(|((step, epoch), minibatch_loss)| Snapshot { step, epoch, minibatch_loss });
    let times: Vec<Snapshot> = times.collect();
    let points = Array2::from_shape_vec((times.len(), parameters), points)
        .context("the snapshots are no table")?;
    Ok(Trajectory::new(name, points, times)?)
}

/// Leaves out snapshots, the same share of each run and neither the first nor the last, until there are
/// no more than principal directions can be computed of.
pub(crate) fn thin(runs: &mut [Run]) -> Result<()> {
    let total: usize = runs.iter().map(|run| run.trajectory.snapshots.len()).sum();
    let every = total.div_ceil(MOST_SNAPSHOTS.saturating_sub(runs.len()).max(1));
    if total <= MOST_SNAPSHOTS {
        return Ok(());
    }
    for run in runs {
        let n = run.trajectory.snapshots.len();
        let kept: Vec<usize> = (0..n).filter(|i| i % every == 0 || i + 1 == n).collect();
        let points = run.trajectory.points.select(ndarray::Axis(0), &kept);
        let times = kept.iter().map(|&i| run.trajectory.snapshots[i]).collect();
        run.trajectory = Trajectory::new(&run.name, points, times)?;
        run.every = every;
    }
    Ok(())
}

/// A run as the manifest of a landscape names it.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub(crate) enum Source {
    /// Trained by the landscape itself, the run number.
    #[serde(rename = "trained")]
    Trained(u64),
    /// A run that was there before.
    #[serde(rename = "run")]
    Run(PathBuf),
    /// A directory of PyTorch's files.
    #[serde(rename = "import")]
    Import(PathBuf),
}

impl Source {
    /// Where it is; nothing for a run that is yet to be trained.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Trained(_) => PathBuf::new(),
            Self::Run(path) | Self::Import(path) => path.clone(),
        }
    }
}
