//! A search for settings, from the flags to the last file of its run directory.

mod board;
mod figures;
mod objective;
mod page;
mod retraining;
mod room;
mod shown;
mod summary;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use atelier_data::{Dataset, ValidationSize};
use atelier_store::{Status, probe, remove_dir_all};
use atelier_tune::{
    Direction, Domain, Ended, Error, Journal, Options, Settings, Space, State, Storage as _, Study,
    StudyRecord, Value, hyperparam_tuning,
};
use candle_core::Device;

use self::board::Board;
use self::objective::{Bench, Fatal, Interrupted, nothing_to_judge_by};
pub(crate) use self::retraining::BEST;
use self::room::Room;
pub(crate) use self::shown::rankings;
pub(crate) use self::summary::Summary;
use super::nested::same_data;
use super::prepared::{Place, Prepared, Trainable as _, threads};
use super::recorded::{Beginning, Recorded, check_place};
use super::results::repetition;
use super::training::{Trained, is_about_the_split};
use crate::cli::TuneArgs;
use crate::config::{Config, Resolved, TuningConfig};
use crate::dataset;
use crate::failure::{CheckFailed, Help as _, UNUSABLE, no_space};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Terminal, counted};

const VERB: &str = "tune";

/// Searches as the flags say.
pub(crate) fn tune(
    arguments: &TuneArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let asked = Asked { arguments, command_line, terminal, stop };
    let (mut recorded, images) =
        if arguments.run.resume { resume(&asked)? } else { begin(&asked)? };
    terminal.talk(&format!("run: {}", home::shown(recorded.dir.path())));
    let done = search(&asked, &mut recorded, images);
    let Some((summary, text)) = recorded.settle(done)? else {
        recorded.end(Status::Interrupted, None)?;
        terminal.talk("interrupted; everything is saved");
        return Ok(Trained::Interrupted(recorded.to_go_on(), stop.code().unwrap_or(UNUSABLE)));
    };
    recorded.end(Status::Complete, None)?;
    terminal.text(&text)?;
    Ok(Trained::Complete(recorded.dir.path().to_path_buf(), Box::new(summary)))
}

/// What a search was asked for with.
struct Asked<'a> {
    arguments: &'a TuneArgs,
    command_line: &'a [String],
    terminal: Terminal,
    stop: &'a Stop,
}

/// The training images, and where to compute.
struct Images {
    dataset: Arc<Dataset>,
    device: Device,
}

impl Images {
    /// What a search needs of a run that is ready to be trained; the test examples stay behind.
    fn of(prepared: Prepared) -> Self {
        Self { dataset: prepared.data.train, device: prepared.device }
    }
}

/// Checks everything that can be checked, and begins the run directory.
fn begin(asked: &Asked) -> Result<(Recorded, Images)> {
    let TuneArgs { run, data, .. } = asked.arguments;
    let mut flags = asked.arguments.config.clone();
    flags.set.extend(overrides(asked.arguments));
    let resolved = Resolved::<TuningConfig>::new(VERB, &flags, data.smoke)?;
    let config = &resolved.config;
    config.check()?;
    let out = run.out.as_deref();
    check_place(out, 0)?;
    let device_name = run.device.clone().unwrap_or_else(|| "cpu".to_string());
    let place = Place { run, device_name: &device_name, data, terminal: asked.terminal };
    let prepared = ready(config, place)?;
    let room = room(asked, config, &prepared)?;
    fits(check_place(out, room.bytes()), &room)?;
    let beginning = Beginning {
        verb: VERB,
        command_line: asked.command_line,
        config: serde_json::to_value(config)?,
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: device_name,
        threads: prepared.threads,
        seed: config.seed,
        data,
    };
    let text = resolved.to_toml()?;
    let recorded = Recorded::begin(out, beginning, &text)?;
    Ok((recorded, Images::of(prepared)))
}

/// The room that a search needs.
fn room(asked: &Asked, config: &TuningConfig, prepared: &Prepared) -> Result<Room> {
    let (space, _) = config.check()?;
    Room::new(config, &space, prepared, workers(asked))
}

/// What to do where the room that was tried is not there.
fn fits(tried: Result<()>, room: &Room) -> Result<()> {
    match tried {
        Err(error) if no_space(&error) => Err(error).help(|| room.advice()),
        tried => tried,
    }
}

/// How many trials run at a time.
fn workers(asked: &Asked) -> usize {
    asked.arguments.workers.map_or_else(|| threads(&asked.arguments.run), usize::from)
}

/// Flags that stand for keys.
fn overrides(arguments: &TuneArgs) -> Vec<String> {
    let trials = arguments.trials.map(|trials| format!("tune.trials={trials}"));
    let asynchronous = arguments.asynchronous.then(|| "tune.async=true".to_string());
    trials.into_iter().chain(asynchronous).collect()
}

/// The recipe around the search with its data; only to have wrong settings refused before anything is written.
fn ready(config: &TuningConfig, place: Place<'_>) -> Result<Prepared> {
    let none = match config.data.validation {
        ValidationSize::Count(count) => count == 0,
        ValidationSize::Fraction(share) => share == 0.0,
    };
    if none {
        return Err(nothing_to_judge_by())
            .help(|| "set examples aside, such as --set data.validation=0.1".to_string());
    }
    match Prepared::new(config.training(), place) {
        Err(error) if is_about_the_split(&error) => Err(error).help(|| {
            "set aside another share of the examples, such as --set data.validation=0.1".to_string()
        }),
        prepared => prepared,
    }
}

/// Takes up a search that was interrupted.
fn resume(asked: &Asked) -> Result<(Recorded, Images)> {
    let arguments = asked.arguments;
    let mut recorded = Recorded::resume(&arguments.run, &arguments.data, VERB)?;
    let mut config = config_of(&recorded)?;
    if let Some(trials) = arguments.trials {
        config.tune.trials = trials;
        config.check()?;
    }
    let device_name = recorded.manifest.device.clone();
    let data = same_data(&arguments.data, recorded.manifest.dataset.as_ref());
    let place = Place {
        run: &arguments.run,
        device_name: &device_name,
        data: &data,
        terminal: asked.terminal,
    };
    let prepared = ready(&config, place)?;
    let room = room(asked, &config, &prepared)?;
    let more = room.bytes().saturating_sub(recorded.dir.bytes()?);
    fits(probe(recorded.dir.path(), more).map_err(Into::into), &room)?;
    recorded.check_dataset(&dataset::record(&prepared.data.provenance))?;
    if arguments.trials.is_some() {
        recorded.manifest.config = serde_json::to_value(&config)?;
        let text = toml::to_string(&config).context("cannot write the configuration")?;
        recorded.dir.write("config.toml", text.as_bytes())?;
    }
    recorded.manifest.threads = prepared.threads;
    recorded.dir.write_manifest(&recorded.manifest)?;
    Ok((recorded, Images::of(prepared)))
}

fn config_of(recorded: &Recorded) -> Result<TuningConfig> {
    serde_json::from_value(recorded.manifest.config.clone())
        .with_context(|| format!("the configuration in {}", recorded.dir.path().display()))
}

/// The search, the winner's retraining, and all files; `None` if a signal came.
fn search(
    asked: &Asked,
    recorded: &mut Recorded,
    images: Images,
) -> Result<Option<(Summary, String)>> {
    let config = config_of(recorded)?;
    let (space, options) = config.check()?;
    let longest = longest(&config, &space);
    let held = asked.stop.hold();
    let bench = Bench {
        config: &config,
        dataset: images.dataset,
        device: images.device,
        longest,
        trials: recorded.dir.file("trials")?,
        stop: asked.stop,
    };
    let study = studied(asked, recorded, &bench, &space, &options)?;
    drop(held);
    let Some(study) = study else { return Ok(None) };
    if bench.trials.is_dir() {
        remove_dir_all(&bench.trials)?;
    }
    drop(bench);
    let Some(best) = study.best() else { return Err(none_completed(&study)) };
    let winner = config.with(&best.settings)?;
    retraining::write_best(recorded, &winner, best)?;
    let trained = retraining::retrain(&winner, &config.retrain, asked, recorded)?;
    let Trained::Complete(_, trained) = trained else { return Ok(None) };

    let _held = asked.stop.hold();
    let epochs = |settings: &Settings| epochs(&config, settings);
    let summary = Summary::new(config.seed, &space, &study, (&epochs, longest), &trained);
    let summary = summary.ok_or_else(|| none_completed(&study))?;
    asked.terminal.talk("figures");
    let name = recorded.manifest.dataset.as_ref().map_or("none", |data| data.name.as_str());
    let subtitle = format!(
        "{}, {}, seed {}",
        dataset::title(name),
        counted(summary.trials, "trial"),
        config.seed
    );
    figures::write(recorded, &space, &summary, &subtitle)?;
    page::write(recorded, &space, &summary, &subtitle)?;
    recorded.write_summary(&summary)?;
    let manifest = &recorded.manifest;
    let data = same_data(&asked.arguments.data, manifest.dataset.as_ref());
    let pinned = manifest.dataset.as_ref().is_none_or(|data| data.pinned);
    let path = recorded.dir.path();
    let again =
        |file: &str| repetition(Config::VERB, &path.join(file), &data, pinned, &manifest.device);
    let text = shown::text(path, &space, &config, &summary, &again);
    Ok(Some((summary, text)))
}

/// Runs the study in `study.log` to its end; `None` if a signal came.
fn studied(
    asked: &Asked,
    recorded: &Recorded,
    bench: &Bench<'_>,
    space: &Space,
    options: &Options<'_>,
) -> Result<Option<Study>> {
    let config = bench.config;
    let journal = Journal::open(&recorded.dir.file("study.log")?, VERB, Direction::Maximize)?;
    let mut known = StudyRecord::default();
    journal.look(&mut |study| known = study.clone())?;
    let workers = workers(asked);
    let epochs = |settings: &Settings| epochs(config, settings);
    if !known.trials.is_empty() {
        let over = known.trials.iter().filter(|trial| trial.state.is_finished()).count();
        asked.terminal.talk(&format!("going on after {}", counted(over, "trial")));
    }
    asked.terminal.talk(&format!(
        "{} by {} at a time, one thread each; {} of a trial at most",
        counted(options.trials, "trial"),
        workers,
        counted(usize::try_from(bench.longest).unwrap_or(usize::MAX), "epoch"),
    ));
    let board = Board::new(asked.terminal, space, (options.trials, bench.longest), &epochs, &known);
    let options = Options {
        direction: Direction::Maximize,
        seed: config.seed,
        workers,
        storage: Some(&journal),
        observer: &|event| board.show(event),
        stop: &|| asked.stop.requested(),
        ..*options
    };
    let study = hyperparam_tuning(space, |trial| bench.run(trial), &options);
    board.clear();
    match study {
        Err(Error::Objective { cause, .. }) if cause.is::<Interrupted>() => Ok(None),
        Err(Error::Objective { number, message, cause }) => Err(match cause.downcast::<Fatal>() {
            Ok(fatal) => fatal.0.context(format!("trial {number}")),
            Err(cause) => Error::Objective { number, message, cause }.into(),
        }),
        study => Ok(Some(study?).filter(|study| study.ended != Ended::Stopped)),
    }
}

/// The epochs of a trial with these settings.
fn epochs(config: &TuningConfig, settings: &Settings) -> u64 {
    match settings.get(EPOCHS) {
        Some(Value::Int(epochs)) => u64::try_from(*epochs).unwrap_or(0),
        _ => config.train.epochs as u64,
    }
}

const EPOCHS: &str = "train.epochs";

/// The epochs of the longest trial that there can be.
fn longest(config: &TuningConfig, space: &Space) -> u64 {
    let parameter = space.parameters().iter().find(|parameter| parameter.name == EPOCHS);
    let searched = match parameter.map(|parameter| &parameter.domain) {
        Some(Domain::Int { high, .. }) => u64::try_from(*high).unwrap_or(0),
        Some(Domain::Choices(choices)) => {
            let count = |choice: &Value| match choice {
                Value::Int(epochs) => u64::try_from(*epochs).unwrap_or(0),
                _ => 0,
            };
            choices.iter().map(count).max().unwrap_or(0)
        }
        _ => 0,
    };
    // Where the parameter depends on others, some trials have the recipe's own.
    match parameter {
        Some(parameter) if parameter.when.is_empty() => searched,
        _ => searched.max(config.train.epochs as u64),
    }
}

fn none_completed(study: &Study) -> anyhow::Error {
    let failed = study.count(State::Failed);
    let why = study.trials.iter().rev().find_map(|trial| trial.failure.as_deref());
    let why = why.map(|why| format!("; the last: {why}")).unwrap_or_default();
    CheckFailed(format!(
        "none of {} was completed, {failed} failed{why}",
        counted(study.trials.len(), "trial")
    ))
    .into()
}
