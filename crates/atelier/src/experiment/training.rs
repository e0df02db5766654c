//! Training, from the flags to the last file of the run directory.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use atelier_core::Objective;
use atelier_data::SAMPLE;
use atelier_store::Status;
use atelier_train::{Event, Outcome, Stop as Ending, Surroundings, Trainer};

use super::prepared::Prepared;
use super::recorded::{Beginning, Recorded};
use super::results;
use super::summary::Summary;
use crate::cli::TrainArgs;
use crate::config::{Config, Resolved};
use crate::dataset;
use crate::failure::{Help as _, UNUSABLE};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Progress, Terminal, significant, warn};

/// How a training run ended, where it did not fail.
pub(crate) enum Trained {
    /// All the way, with these results in this directory.
    Complete(PathBuf, Box<Summary>),
    /// By a signal, with the exit code of its kind; it can be taken up.
    Interrupted(PathBuf, u8),
}

/// Trains as the flags say.
pub(crate) fn train(
    arguments: &TrainArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained> {
    let held;
    let (prepared, mut run) = if arguments.run.resume {
        let mut run = Recorded::resume(&arguments.run, "train")?;
        let prepared = prepare_again(arguments, &run, terminal)?;
        held = stop.hold();
        run.manifest.threads = prepared.threads;
        run.dir.write_manifest(&run.manifest)?;
        (prepared, run)
    } else {
        let (resolved, prepared) = prepare(arguments, terminal)?;
        held = stop.hold();
        let run = record("train", arguments, command_line, &resolved, &prepared)?;
        (prepared, run)
    };
    terminal.talk(&format!("run: {}", home::shown(run.dir.path())));

    let path = run.dir.path().to_path_buf();
    let done = steps(&prepared, &run, terminal, stop).and_then(|outcome| {
        let finished = outcome.stop != Ending::Interrupted;
        let summary =
            finished.then(|| results::write(&prepared, &mut run, &outcome)).transpose()?;
        Ok((outcome, summary))
    });
    let (outcome, summary) = run.settle(done)?;
    drop(held);
    if let Some(summary) = summary {
        run.end(Status::Complete, None)?;
        terminal.text(&results::shown(&prepared, &run, &summary, arguments))?;
        return Ok(Trained::Complete(path, Box::new(summary)));
    }
    run.end(Status::Interrupted, None)?;
    terminal.talk(&format!(
        "interrupted after step {} in epoch {}; everything is saved",
        outcome.steps,
        outcome.epochs + 1
    ));
    Ok(Trained::Interrupted(path, stop.code().unwrap_or(UNUSABLE)))
}

/// Everything that a new run needs; shows data and network.
pub(crate) fn prepare(arguments: &TrainArgs, terminal: Terminal) -> Result<(Resolved, Prepared)> {
    let resolved = Resolved::new("train", &arguments.config, arguments.data.smoke)?;
    let device = arguments.run.device.as_deref().unwrap_or("cpu");
    let config = resolved.config.clone();
    let prepared = Prepared::new(config, &arguments.run, device, &arguments.data, terminal)?;
    terminal.text(&prepared.tables())?;
    Ok((resolved, prepared))
}

/// Begins the directory of a run of `verb`.
pub(crate) fn record(
    verb: &str,
    arguments: &TrainArgs,
    command_line: &[String],
    resolved: &Resolved,
    prepared: &Prepared,
) -> Result<Recorded> {
    let beginning = Beginning {
        verb,
        command_line,
        config: serde_json::to_value(&resolved.config)?,
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: resolved.config.seed,
    };
    let config = resolved.to_toml()?;
    let mut run = Recorded::begin(arguments.run.out.as_deref(), beginning)?;
    let written = run.dir.write("config.toml", config.as_bytes());
    run.settle(written.map_err(Into::into))?;
    Ok(run)
}

/// Everything that a run needs to go on, as it was in the beginning.
fn prepare_again(arguments: &TrainArgs, run: &Recorded, terminal: Terminal) -> Result<Prepared> {
    let manifest = &run.manifest;
    let config: Config = serde_json::from_value(manifest.config.clone())
        .with_context(|| format!("the configuration in {}", run.dir.path().display()))?;
    let mut data = arguments.data.clone();
    if let Some(before) = &manifest.dataset {
        // A run on the sample goes on with the sample, whatever the flags were then.
        data.smoke |= data.data_dir.is_none() && before.name == SAMPLE.name;
        data.allow_unpinned |= !before.pinned;
    }
    let prepared = Prepared::new(config, &arguments.run, &manifest.device, &data, terminal)?;
    run.check_dataset(&dataset::record(&prepared.data.provenance))?;
    terminal.text(&prepared.tables())?;
    Ok(prepared)
}

/// Takes all steps that are left.
fn steps(prepared: &Prepared, run: &Recorded, terminal: Terminal, stop: &Stop) -> Result<Outcome> {
    let mut source = prepared.source()?;
    let model: &dyn Objective = &prepared.model;
    let mut trainer = Trainer::new(model, &prepared.settings, prepared.config.seed)?;
    let unusable = || {
        let path = home::quoted(run.dir.path());
        format!("begin anew with `{} train --config {path}/config.toml`", home::program())
    };
    if let Some(latest) = run.dir.checkpoints().latest().help(unusable)? {
        for passed in &latest.passed_over {
            let path = passed.path.display();
            warn(&format!("warning: {path} is passed over: {}", passed.error));
        }
        trainer.resume(&latest.checkpoint).help(unusable)?;
        terminal.talk(&format!("going on after step {}", latest.step));
    }

    let epochs = prepared.settings.train.epochs as u64;
    let steps = epochs * source.batches_per_epoch as u64;
    let mut progress = Progress::new(terminal, epochs, steps, trainer.steps());
    let mut observer = |event: Event| match event {
        Event::Step(report) => progress.step(report),
        Event::Epoch(report) => progress.epoch(report),
        _ => {}
    };
    let mut validation;
    let validation: Option<&mut atelier_train::Validation> = match &prepared.split.validation {
        Some(examples) => {
            validation = |objective: &dyn Objective| prepared.evaluate(objective, examples);
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
        Err(error @ atelier_train::Error::Diverged { .. }) => Err(error).help(|| {
            let rate = prepared.config.optimizer.learning_rate;
            format!(
                "lower the learning rate (--set optimizer.learning_rate={}) or bound the gradient \
                 (--set train.clip=1); `{} train --find-learning-rate` looks for a rate",
                significant(rate / 3.0),
                home::program()
            )
        }),
        outcome => Ok(outcome?),
    }
}
