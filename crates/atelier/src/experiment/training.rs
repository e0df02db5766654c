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
    let (prepared, mut run) = if arguments.run.resume {
        resume(arguments, terminal)?
    } else {
        begin("train", arguments, command_line, terminal)?
    };
    terminal.text(&prepared.tables())?;
    terminal.talk(&format!("run: {}", home::shown(run.dir.path())));

    let path = run.dir.path().to_path_buf();
    let done = steps(&prepared, &run, terminal, stop).and_then(|outcome| {
        let finished = outcome.stop != Ending::Interrupted;
        let summary =
            finished.then(|| results::write(&prepared, &mut run, &outcome)).transpose()?;
        Ok((outcome, summary))
    });
    let (outcome, summary) = run.settle(done)?;
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

/// Prepares a new run of `verb` and begins its directory.
pub(crate) fn begin(
    verb: &str,
    arguments: &TrainArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<(Prepared, Recorded)> {
    let resolved = Resolved::new("train", &arguments.config, arguments.data.smoke)?;
    let device = arguments.run.device.as_deref().unwrap_or("cpu");
    let config = resolved.config.clone();
    let prepared = Prepared::new(config, &arguments.run, device, &arguments.data, terminal)?;
    let beginning = Beginning {
        verb,
        command_line,
        config: serde_json::to_value(&resolved.config)?,
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: resolved.config.seed,
    };
    let run = Recorded::begin(arguments.run.out.as_deref(), beginning)?;
    run.dir.write("config.toml", resolved.to_toml()?.as_bytes())?;
    Ok((prepared, run))
}

fn resume(arguments: &TrainArgs, terminal: Terminal) -> Result<(Prepared, Recorded)> {
    let mut run = Recorded::resume(&arguments.run, "train")?;
    let config: Config = serde_json::from_value(run.manifest.config.clone())
        .with_context(|| format!("the configuration in {}", run.dir.path().display()))?;
    let mut data = arguments.data.clone();
    // A run on the sample goes on with the sample, whatever the flags were then.
    let on_sample = |before: &atelier_store::Dataset| before.name == SAMPLE.name;
    if data.data_dir.is_none() && run.manifest.dataset.as_ref().is_some_and(on_sample) {
        data.smoke = true;
    }
    data.allow_unpinned |= run.manifest.dataset.as_ref().is_some_and(|before| !before.pinned);
    let prepared = Prepared::new(config, &arguments.run, &run.manifest.device, &data, terminal)?;
    run.check_dataset(&dataset::record(&prepared.data.provenance))?;
    run.manifest.threads = prepared.threads;
    run.dir.write_manifest(&run.manifest)?;
    Ok((prepared, run))
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
