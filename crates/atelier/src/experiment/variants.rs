//! Variants of a network compared with it, from the flags to the last file of the run directory.

mod figure;
mod record;
mod shown;
mod statistics;
mod summary;
mod tested;
mod training;

use anyhow::{Context as _, Result, anyhow};
use atelier_core::{Objective as _, Parameter};
use atelier_data::ValidationSize;
use atelier_store::{Status, create_dir_all, write_model};
use serde::{Deserialize, Serialize};

use self::record::Record;
pub(crate) use self::record::check as check_record;
pub(crate) use self::shown::comparison;
pub(crate) use self::statistics::Spread;
pub(crate) use self::summary::{Compared, Summary};
use self::summary::{Contrast, Tested, accuracies};
use self::training::Workshop;
use super::nested::same_data;
use super::prepared::{Place, Prepared, Trainable as _};
use super::progress::Progress;
use super::recorded::{Beginning, Recorded, check_place};
use super::training::{Trained, is_about_the_split};
use crate::cli::VariantsArgs;
use crate::config::{Config, Resolved, VaryingConfig};
use crate::dataset;
use crate::failure::{Help as _, UNUSABLE, diverged};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Terminal, percent, thousands};

const VERB: &str = "variants";
/// How far the number of a variant's parameters may be from the baseline's, as a share of it.
const SIZE: f64 = 0.05;
/// The directory of trained networks.
const MODELS: &str = "models";

/// A network of the comparison; the baseline is the first.
pub(super) struct Network {
    name: String,
    /// With the first of the seeds.
    config: Config,
    parameters: usize,
}

/// A network with a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Job {
    /// Position among the networks.
    network: usize,
    seed: u64,
    on: On,
}

/// What a network is trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum On {
    /// What the split leaves for training, so that it can be chosen on the rest.
    #[default]
    Split,
    /// All training examples, once it was chosen.
    All,
}

impl On {
    /// What a line of the record need not say.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde hands it over")]
    fn is_split(&self) -> bool {
        *self == Self::Split
    }
}

impl Network {
    /// The run that trains it for `job`.
    fn training(&self, job: Job) -> Config {
        let mut config = Config { seed: job.seed, ..self.config.clone() };
        if job.on == On::All {
            config.data.validation = ValidationSize::Count(0);
            config.data.examples = 0;
            // There is nothing left to stop by.
            config.train.early_stopping = 0;
        }
        config
    }
}

/// Compares the variants that the flags ask for.
pub(crate) fn variants(
    arguments: &VariantsArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let (mut recorded, config, prepared) = if arguments.run.resume {
        let mut recorded = Recorded::resume(&arguments.run, &arguments.data, VERB)?;
        let config: VaryingConfig = serde_json::from_value(recorded.manifest.config.clone())
            .with_context(|| format!("the configuration in {}", recorded.dir.path().display()))?;
        let data = same_data(&arguments.data, recorded.manifest.dataset.as_ref());
        let device_name = &recorded.manifest.device;
        let place = Place { run: &arguments.run, device_name, data: &data, terminal };
        let prepared = Prepared::new(config.baseline(), place)?;
        recorded.check_dataset(&dataset::record(&prepared.data.provenance))?;
        recorded.manifest.threads = prepared.threads;
        recorded.dir.write_manifest(&recorded.manifest)?;
        (recorded, config, prepared)
    } else {
        begin(arguments, command_line, terminal)?
    };
    terminal.text(&prepared.tables())?;
    terminal.talk(&format!("run: {}", home::shown(recorded.dir.path())));
    let held = stop.hold();
    let done = compare(&config, &prepared, &mut recorded, terminal, stop);
    let summary = recorded.settle(done)?;
    drop(held);
    let Some(summary) = summary else {
        recorded.end(Status::Interrupted, None)?;
        return Ok(Trained::Interrupted(recorded.to_go_on(), stop.code().unwrap_or(UNUSABLE)));
    };
    recorded.end(Status::Complete, None)?;
    let path = recorded.dir.path().to_path_buf();
    terminal.text(&shown::shown(&summary, &path))?;
    Ok(Trained::Complete(path, Box::new(summary)))
}

/// Checks everything that can be checked and begins the run directory.
fn begin(
    arguments: &VariantsArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<(Recorded, VaryingConfig, Prepared)> {
    let mut flags = arguments.config.clone();
    // The last of the settings, so that the flag wins.
    flags.set.extend(arguments.seeds.map(|seeds| format!("variants.seeds={seeds}")));
    let resolved = Resolved::<VaryingConfig>::new(VERB, &flags, arguments.data.smoke)?;
    let config = resolved.config.clone();
    config.networks()?;
    let out = arguments.run.out.as_deref();
    check_place(out, 0)?;
    let device_name = arguments.run.device.as_deref().unwrap_or("cpu");
    let place = Place { run: &arguments.run, device_name, data: &arguments.data, terminal };
    let prepared = match Prepared::new(config.baseline(), place) {
        Err(error) if is_about_the_split(&error) => {
            return Err(error).help(|| {
                "set aside another share of the examples, such as --set data.validation=0.1"
                    .to_string()
            });
        }
        prepared => prepared?,
    };
    let networks = networks(&config, &prepared)?;
    // The weights of all networks; log, figure and the rest.
    let weights = |network: &Network| 4 * network.parameters + 4096;
    let chosen: usize = networks.iter().map(weights).sum();
    let largest = networks.iter().map(weights).max().unwrap_or(0);
    let bytes = chosen * config.variants.seeds + 2 * largest * config.variants.retrain;
    check_place(out, bytes as u64 + (8 << 20))?;
    let beginning = Beginning {
        verb: VERB,
        command_line,
        config: serde_json::to_value(&config)?,
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: config.seed,
        data: &arguments.data,
    };
    let text = resolved.to_toml()?;
    let recorded = Recorded::begin(out, beginning, &text)?;
    Ok((recorded, config, prepared))
}

/// The networks, whose sizes must be comparable.
fn networks(config: &VaryingConfig, prepared: &Prepared) -> Result<Vec<Network>> {
    let mut networks: Vec<Network> = Vec::new();
    for (name, config) in config.networks()? {
        let model = config
            .model(&prepared.data.train, &prepared.device)
            .with_context(|| format!("variant {name:?}"))?;
        let parameters = model.parameters().iter().map(Parameter::len).sum();
        if let Some(baseline) = networks.first() {
            let wanted = baseline.parameters as f64;
            if (parameters as f64 - wanted).abs() > SIZE * wanted {
                return Err(anyhow!(
                    "variant {name:?} has {} parameters, expected within {} % of the {} of the baseline",
                    thousands(parameters),
                    100.0 * SIZE,
                    thousands(baseline.parameters)
                ))
                .help(|| "give it other widths, such as model.hidden=48,48,48".to_string());
            }
        }
        networks.push(Network { name, config, parameters });
    }
    if networks.len() > 1 && prepared.split.validation.is_none() {
        return Err(anyhow!(
            "data.validation sets nothing aside, and variants are chosen on validation examples"
        ))
        .help(|| "set examples aside, such as --set data.validation=0.1".to_string());
    }
    Ok(networks)
}

/// Trains what is not trained yet, tests the baseline and the best variant, and writes all of it; `None`
/// if a signal came.
fn compare(
    config: &VaryingConfig,
    prepared: &Prepared,
    recorded: &mut Recorded,
    terminal: Terminal,
    stop: &Stop,
) -> Result<Option<Summary>> {
    let networks = networks(config, prepared)?;
    let (seeds, tested_seeds) = (config.seeds(), config.tested_seeds());
    let mut record = Record::open(&recorded.dir, &networks)?;
    let all: Vec<usize> = (0..networks.len()).collect();
    let shop = Shop { networks: &networks, prepared, terminal, stop };
    shop.train(&jobs(&all, &seeds, On::Split), recorded, &mut record)?;
    if stop.requested() {
        return Ok(None);
    }
    let jobs_of = |network: usize| jobs(&[network], &seeds, On::Split).into_iter();
    let validation = |network: usize| -> Option<Spread> {
        let found = jobs_of(network).map(|job| record.trained.get(&job).copied().flatten());
        found.map(|found| found.map(|found| found.accuracy)).collect::<Option<_>>().map(Spread::of)
    };
    let validation: Vec<Option<Spread>> = (0..networks.len()).map(validation).collect();
    let mean = |network: &usize| validation[*network].as_ref().map_or(f64::NAN, |found| found.mean);
    let best = |among: std::ops::Range<usize>| {
        // The first of equals.
        among.rev().max_by(|a, b| mean(a).total_cmp(&mean(b)))
    };
    let variant = best(1..networks.len());

    let compared: Vec<usize> = [Some(0), variant].into_iter().flatten().collect();
    let on = if config.variants.retrain > 0 { On::All } else { On::Split };
    if on == On::All {
        let names: Vec<&str> = compared.iter().map(|&n| networks[n].name.as_str()).collect();
        let names = names.join(" and ");
        terminal.talk(&format!("trained anew on all training examples: {names}"));
        shop.train(&jobs(&compared, &tested_seeds, on), recorded, &mut record)?;
        if stop.requested() {
            return Ok(None);
        }
    }
    for &network in &compared {
        terminal.talk(&format!("test images: {}", networks[network].name));
        for job in jobs(&[network], &tested_seeds, on) {
            if record.tested.contains_key(&job) {
                continue;
            }
            if stop.requested() {
                return Ok(None);
            }
            let config = networks[network].training(job);
            let file = recorded.dir.file(&file_name(job, &networks))?;
            recorded.count_test_set_read()?;
            let correct = tested::correct(&config, &file, &prepared.data, &prepared.device)?;
            record.tested(job, correct)?;
        }
    }
    let correct = |network| -> Option<Vec<Vec<bool>>> {
        let jobs = jobs(&[network], &tested_seeds, on).into_iter();
        jobs.map(|job| record.tested.get(&job).cloned()).collect()
    };
    let contrast = variant.and_then(|variant| {
        let name = networks[variant].name.as_str();
        Some(Contrast::new(name, &correct(0)?, &correct(variant)?, config.seed))
    });
    let learned_from = prepared.split.train.len();
    let tested_examples = if on == On::All { prepared.data.train.len() } else { learned_from };
    let mut compared = networks.iter().enumerate().map(|(position, network)| Compared {
        name: network.name.clone(),
        config: network.config.clone(),
        parameters: network.parameters,
        seeds: seeds.clone(),
        validation: validation[position].clone(),
        test: correct(position).map(|correct| accuracies(&correct)),
    });
    let baseline = compared.next().ok_or_else(|| anyhow!("there is no baseline"))?;
    let summary = Summary {
        schema_version: 1,
        verb: VERB.to_string(),
        seed: config.seed,
        epochs: config.train.epochs,
        examples: learned_from,
        tested: Tested { examples: tested_examples, seeds: tested_seeds.clone() },
        baseline,
        variants: compared.collect(),
        best: variant.and_then(|_| best(0..networks.len())).map(|best| networks[best].name.clone()),
        contrast,
    };
    figure::write(recorded, &summary)?;
    recorded.write_summary(&summary)?;
    Ok(Some(summary))
}

/// These networks with these seeds: seed by seed, so that the time that is left can be told from the first
/// ones on.
fn jobs(networks: &[usize], seeds: &[u64], on: On) -> Vec<Job> {
    let of_seed = |&seed: &u64| {
        networks.iter().map(move |&network| Job { network, seed, on }).collect::<Vec<_>>()
    };
    seeds.iter().flat_map(of_seed).collect()
}

/// Where networks are trained.
struct Shop<'a> {
    networks: &'a [Network],
    prepared: &'a Prepared,
    terminal: Terminal,
    stop: &'a Stop,
}

impl Shop<'_> {
    /// Trains what `jobs` name, except what is trained.
    fn train(&self, jobs: &[Job], recorded: &Recorded, record: &mut Record) -> Result<()> {
        let left: Vec<Job> =
            jobs.iter().filter(|job| !record.trained.contains_key(job)).copied().collect();
        let models = recorded.dir.file(MODELS)?;
        create_dir_all(&models)?;
        let networks = self.networks;
        let workshop = Workshop {
            networks,
            examples: &self.prepared.data.train,
            device: &self.prepared.device,
            workers: self.prepared.threads,
            stop: self.stop,
        };
        let mut progress = Progress::new(self.terminal, jobs.len() - left.len(), jobs.len());
        let done = workshop.train(&left, &mut |job, trained| {
            write_model(&recorded.dir.file(&file_name(job, networks))?, &trained.model)?;
            record.trained(job, trained.validation)?;
            let name = &networks[job.network].name;
            let accuracy = trained.validation.map(|found| format!("  {}", percent(found.accuracy)));
            progress.trained(format!("{name}, seed {}{}", job.seed, accuracy.unwrap_or_default()));
            Ok(())
        });
        progress.finish();
        match done {
            Err(error) if diverged(&error) => Err(error).help(|| {
                "lower its learning rate (\"optimizer.learning_rate=…\" among its settings), or leave \
                 the variant out"
                    .to_string()
            }),
            done => done,
        }
    }
}

/// Where the weights of a network lie in the run directory.
fn file_name(job: Job, networks: &[Network]) -> String {
    let name: String = networks[job.network]
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    // Names can be alike in what is kept of them.
    let on = match job.on {
        On::Split => "",
        On::All => "-all",
    };
    format!("{MODELS}/{:02}-{name}-seed-{}{on}.safetensors", job.network, job.seed)
}
