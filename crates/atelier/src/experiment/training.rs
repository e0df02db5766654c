//! Training, from the flags to the last file of the run directory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use atelier_core::Objective;
use atelier_data::SAMPLE;
use atelier_store::{Start, Status, probe, read_regular};
use atelier_train::{Event, Outcome, Stop as Ending, Surroundings, Trainer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::prepared::{Place, Prepared, Trainable};
use super::recorded::{Beginning, Recorded, check_place};
use super::results::{self, START};
use super::same_settings::same_settings;
use super::summary::Summary;
use super::weights::Weights;
use crate::cli::{ConfigFlags, DataFlags, RunFlags, TrainArgs};
use crate::config::{Config, Resolved};
use crate::dataset;
use crate::failure::{DONE, Help as _, UNUSABLE};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Progress, Terminal, Told, significant, warn};

/// How a training run ended, where it did not fail.
pub(crate) enum Trained<S = Summary> {
    /// All the way, with these results in this directory.
    Complete(PathBuf, Box<S>),
    /// By a signal: what to do next, and the exit code of the signal's kind.
    Interrupted(String, u8),
}

/// What [`conduct`]'s `finish` fails with where a signal came while it measured: the run is then
/// interrupted, not failed.
#[derive(Debug, thiserror::Error)]
#[error("interrupted while the results were measured")]
pub(crate) struct MeasuringInterrupted;

impl MeasuringInterrupted {
    /// Fails if a signal has come.
    pub(crate) fn check(stop: &Stop) -> Result<(), Self> {
        if stop.requested() { Err(Self) } else { Ok(()) }
    }
}

impl<S: Serialize> Trained<S> {
    /// Gives the results as one object, or says how to go on; the exit code.
    pub(crate) fn told(self, terminal: Terminal) -> Result<u8> {
        match self {
            Self::Complete(path, summary) => {
                let mut object = serde_json::to_value(&summary)?;
                object["run"] = json!(path.display().to_string());
                terminal.object(&object)?;
                Ok(DONE)
            }
            Self::Interrupted(next, code) => {
                terminal.talk(&format!("help: {next}"));
                Ok(code)
            }
        }
    }
}

/// Trains the classifier as the flags say.
pub(crate) fn train(
    arguments: &TrainArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained> {
    let finish = |prepared: &Prepared, run: &mut Recorded, outcome: &Outcome| {
        let summary = results::write(prepared, run, outcome)?;
        let shown = results::shown(prepared, run, &summary);
        Ok((summary, shown))
    };
    let told = Told::Epochs;
    conduct::<Config, _>(&arguments.flags(), command_line, terminal, stop, told, finish)
}

/// A file of weights that was given, with its content.
pub(crate) struct Given {
    pub(crate) start: Start,
    pub(crate) bytes: Vec<u8>,
}

/// Weights of the largest network that there can be, and a header.
const LARGEST_MODEL: u64 = 2 << 30;

/// A digest as text.
pub(crate) fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Given {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let bytes = read_regular(file, LARGEST_MODEL)?;
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        Ok(Self { start: Start { file: file.display().to_string(), sha256 }, bytes })
    }

    /// What its content says: what is used is what the digest is of, whatever the file has become.
    pub(crate) fn weights(&self) -> Result<Weights> {
        Weights::parse(&self.bytes, Path::new(&self.start.file))
    }
}

/// The flags of every verb that trains.
#[derive(Clone, Copy)]
pub(crate) struct Flags<'a> {
    pub(crate) config: &'a ConfigFlags,
    pub(crate) run: &'a RunFlags,
    pub(crate) data: &'a DataFlags,
    /// The weights that a new run begins from, in place of drawn ones.
    pub(crate) from: Option<&'a Path>,
}

impl Flags<'_> {
    /// Refuses a new configuration for a run that goes on.
    pub(crate) fn check(&self) -> Result<()> {
        let ConfigFlags { preset, config, set, seed } = self.config;
        let configured = preset.is_some() || config.is_some() || seed.is_some() || !set.is_empty();
        if !(self.run.resume && configured) {
            return Ok(());
        }
        Err(anyhow!("--resume goes on with the run's own configuration")).help(|| {
            "leave out --preset, --config, --set and --seed, or begin a new run without --resume"
                .to_string()
        })
    }
}

impl TrainArgs {
    /// Those that every verb that trains has.
    pub(crate) fn flags(&self) -> Flags<'_> {
        let from = self.weights.from.as_deref();
        Flags { config: &self.config, run: &self.run, data: &self.data, from }
    }
}

/// Trains what `C` configures, from the flags to the last file of the run directory; `finish` measures
/// the trained model, writes its results and says what is shown of them.
pub(crate) fn conduct<C, S>(
    flags: &Flags<'_>,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
    told: Told,
    finish: impl FnOnce(&Prepared<C, C::Model>, &mut Recorded, &Outcome) -> Result<(S, String)>,
) -> Result<Trained<S>>
where
    C: Trainable + Default + Serialize + DeserializeOwned,
{
    let held;
    let (prepared, mut run) = if flags.run.resume {
        let mut run = Recorded::resume(flags.run, flags.data, C::VERB)?;
        let prepared = prepare_again::<C>(flags, &run, terminal)?;
        probe(run.dir.path(), prepared.bytes()?.saturating_sub(run.dir.bytes()?))?;
        held = stop.hold();
        run.manifest.threads = prepared.threads;
        run.dir.write_manifest(&run.manifest)?;
        (prepared, run)
    } else {
        let (resolved, prepared) = prepare::<C>(flags, terminal)?;
        let given = flags.from.map(Given::read).transpose()?;
        if let Some(given) = &given {
            given.weights()?.begin(&prepared)?;
        }
        held = stop.hold();
        let start = given.as_ref().map(|given| given.start.clone());
        let start = (start, given.as_ref().map(|given| given.bytes.as_slice()));
        let run = record(C::VERB, flags, command_line, &resolved, &prepared, start)?;
        (prepared, run)
    };
    terminal.talk(&format!("run: {}", home::shown(run.dir.path())));

    let path = run.dir.path().to_path_buf();
    let done = steps(&prepared, &run, terminal, stop, told).and_then(|outcome| {
        let finished = outcome.stop != Ending::Interrupted;
        let results = finished.then(|| finish(&prepared, &mut run, &outcome)).transpose();
        match results {
            Err(error) if error.is::<MeasuringInterrupted>() => Ok((outcome, None)),
            results => Ok((outcome, results?)),
        }
    });
    let (outcome, results) = run.settle(done)?;
    drop(held);
    if let Some((summary, shown)) = results {
        run.end(Status::Complete, None)?;
        terminal.text(&shown)?;
        return Ok(Trained::Complete(path, Box::new(summary)));
    }
    run.end(Status::Interrupted, None)?;
    let at = if outcome.stop == Ending::Interrupted {
        format!("after step {} in epoch {}", outcome.steps, outcome.epochs + 1)
    } else {
        "while the results were measured".to_string()
    };
    terminal.talk(&format!("interrupted {at}; everything is saved"));
    Ok(Trained::Interrupted(run.to_go_on(), stop.code().unwrap_or(UNUSABLE)))
}

/// A configuration with the origins of its values, and what was made of it.
type Ready<C> = (Resolved<C>, Prepared<C, <C as Trainable>::Model>);

/// Everything that a new run needs; shows data and network.
pub(crate) fn prepare<C>(flags: &Flags<'_>, terminal: Terminal) -> Result<Ready<C>>
where
    C: Trainable + Default + Serialize + DeserializeOwned,
{
    let resolved = Resolved::<C>::new(C::VERB, flags.config, flags.data.smoke)?;
    let device_name = flags.run.device.as_deref().unwrap_or("cpu");
    let place = Place { run: flags.run, device_name, data: flags.data, terminal };
    // Before the data, which may take minutes to obtain.
    check_place(flags.run.out.as_deref(), 0)?;
    let prepared = match Prepared::new(resolved.config.clone(), place) {
        Err(error) if is_about_the_split(&error) => {
            return Err(error).help(|| {
                "set aside another share of the examples, such as --set data.validation=0.1"
                    .to_string()
            });
        }
        prepared => prepared?,
    };
    terminal.text(&prepared.tables())?;
    Ok((resolved, prepared))
}

/// Whether there are too few examples for what is to be set aside.
pub(crate) fn is_about_the_split(error: &anyhow::Error) -> bool {
    let key = |error: &atelier_data::Error| match error {
        atelier_data::Error::Setting { key, .. } => *key == "data.validation",
        _ => false,
    };
    error.chain().any(|cause| cause.downcast_ref().is_some_and(key))
}

/// Begins the directory of a run of `verb`; `start` as [`Recorded::begin_from`] takes it.
pub(crate) fn record<C>(
    verb: &str,
    flags: &Flags<'_>,
    command_line: &[String],
    resolved: &Resolved<C>,
    prepared: &Prepared<C, C::Model>,
    start: (Option<Start>, Option<&[u8]>),
) -> Result<Recorded>
where
    C: Trainable + Default + Serialize + DeserializeOwned,
{
    let beginning = Beginning {
        verb,
        command_line,
        config: serde_json::to_value(&resolved.config)?,
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: prepared.seed,
        data: flags.data,
    };
    check_place(flags.run.out.as_deref(), prepared.bytes()?)?;
    let config = resolved.to_toml()?;
    Recorded::begin_from(flags.run.out.as_deref(), beginning, &config, start)
}

/// Everything that a run needs to go on, as it was in the beginning.
fn prepare_again<C>(
    flags: &Flags<'_>,
    run: &Recorded,
    terminal: Terminal,
) -> Result<Prepared<C, C::Model>>
where
    C: Trainable + DeserializeOwned,
{
    let manifest = &run.manifest;
    let config: C = serde_json::from_value(manifest.config.clone())
        .with_context(|| format!("the configuration in {}", run.dir.path().display()))?;
    let mut data = flags.data.clone();
    if let Some(before) = &manifest.dataset {
        // A run on the sample goes on with the sample, whatever the flags were then.
        data.smoke |= data.data_dir.is_none() && before.name == SAMPLE.name;
        data.allow_unpinned |= !before.pinned;
        // One's own data is looked for where it was.
        if data.data_dir.is_none() && !data.smoke {
            data.data_dir = dataset::recorded_directory(before);
        }
    }
    let place = Place { run: flags.run, device_name: &manifest.device, data: &data, terminal };
    let prepared = Prepared::new(config, place)?;
    run.check_dataset(&dataset::record(&prepared.data.provenance))?;
    if let Some(start) = &manifest.start {
        let file = run.dir.file(START)?;
        let anew = || format!("begin anew with --from {}", start.file);
        let given = Given::read(&file).help(anew)?;
        if given.start.sha256 != start.sha256 {
            let path = file.display();
            return Err(anyhow!("{path} is not the file that the run began from")).help(anew);
        }
        given.weights()?.begin(&prepared)?;
    }
    terminal.text(&prepared.tables())?;
    Ok(prepared)
}

/// Takes all steps that are left.
fn steps<C: Trainable>(
    prepared: &Prepared<C, C::Model>,
    run: &Recorded,
    terminal: Terminal,
    stop: &Stop,
    told: Told,
) -> Result<Outcome> {
    let mut source = prepared.source()?;
    let model: &dyn Objective = &prepared.model;
    let mut trainer = Trainer::new(model, &prepared.settings, prepared.seed)?;
    match run.dir.checkpoints().best_step() {
        // No reason to stop: the next best is marked anew.
        Err(error @ atelier_store::Error::Corrupt { .. }) => {
            warn(&format!("warning: which checkpoint is the best is not known any more: {error}"));
        }
        best => drop(best?),
    }
    let unusable = || format!("begin anew with `{}`", results::again(prepared, run));
    if let Some(latest) = run.dir.checkpoints().latest().help_with_file(unusable)? {
        for passed in &latest.passed_over {
            let path = passed.path.display();
            warn(&format!("warning: {path} is passed over: {}", passed.error));
        }
        same_settings(&latest.checkpoint, prepared).help(unusable)?;
        trainer.resume(&latest.checkpoint).help(unusable)?;
        if trainer.steps() != latest.step {
            let (path, steps) = (latest.path.display(), trainer.steps());
            return Err(anyhow!("{path} holds the state after step {steps}")).help(unusable);
        }
        terminal.talk(&format!("going on after step {}", latest.step));
    } else if run.dir.path().join("metrics.jsonl").metadata().is_ok_and(|file| file.len() > 0) {
        terminal.talk("there is no checkpoint to go on from: it begins with the first step again");
    }

    let epochs = prepared.settings.train.epochs as u64;
    let batches = source.batches_per_epoch as u64;
    let mut progress = Progress::new(terminal, told, (epochs, batches), trainer.steps());
    let mut observer = |event: Event| match event {
        Event::Step(report) => progress.step(report),
        Event::Epoch(report) => progress.epoch(report),
        Event::Checkpoint { .. } => progress.saved(),
        _ => {}
    };
    let mut validation;
    let kept = prepared.kept_validation()?;
    let validation: Option<&mut atelier_train::Validation> = match &prepared.split.validation {
        Some(examples) => {
            validation = |objective: &dyn Objective| match &kept {
                Some(batches) => atelier_core::evaluate(objective, batches.iter().cloned().map(Ok)),
                None => prepared.evaluate(objective, examples),
            };
            Some(&mut validation)
        }
        None => None,
    };
    let surroundings = Surroundings {
        validation,
        run_dir: Some(&run.dir),
        observer: &mut observer,
        interrupted: &|| stop.requested(),
    };
    let outcome = trainer.run(&mut source, surroundings);
    progress.finish();
    match outcome {
        Err(error @ atelier_train::Error::Diverged { .. }) => {
            Err(error).help(|| lower_the_rate(prepared))
        }
        outcome => Ok(outcome?),
    }
}

/// What to do where training diverged.
pub(crate) fn lower_the_rate<C: Trainable>(prepared: &Prepared<C, C::Model>) -> String {
    let look = if C::VERB == Config::VERB {
        format!("; `{} train --find-learning-rate` looks for a rate", home::program())
    } else {
        String::new()
    };
    let rate = significant(prepared.settings.optimizer.learning_rate / 3.0);
    format!(
        "lower the learning rate (--set optimizer.learning_rate={rate}) or bound the gradient \
         (--set train.clip=1){look}"
    )
}
