//! A file of weights, from PyTorch or from here, tested on the configured network without training.

use std::path::Path;

use anyhow::{Result, anyhow};
use atelier_store::Status;
use serde::{Deserialize, Serialize};

use super::prepared::{Prepared, Trainable as _};
use super::recorded::Recorded;
use super::results::{class_table, draw, splits, subtitle, write_loader};
use super::saved::MODEL;
use super::seen::{Look, Seen};
use super::summary::{ImageSize, Measured, Tested};
use super::training::{self, Given, Trained};
use crate::cli::TrainArgs;
use crate::config::Config;
use crate::failure::Help as _;
use crate::home;
use crate::picture::Backgrounds;
use crate::signals::Stop;
use crate::terminal::{Terminal, one_line, percent, thousands};

/// What such runs are called.
pub(crate) const VERB: &str = "evaluate";

/// `summary.json` of such a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Evaluated {
    schema_version: u32,
    verb: String,
    /// Of the split into training and validation examples; older runs do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// As it was named.
    file: String,
    /// SHA-256 of its content.
    pub(crate) sha256: String,
    pub(crate) parameters: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<Measured>,
    pub(crate) test: Tested,
    image: ImageSize,
    /// Of the training images; older runs do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    backgrounds: Option<Backgrounds>,
    #[serde(flatten)]
    pub(crate) look: Look,
}

/// Evaluates the network of the configuration with the weights in `file` on validation and test
/// examples; the test examples are read once.
pub(crate) fn evaluate(
    arguments: &TrainArgs,
    file: &Path,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Evaluated>> {
    let flags = arguments.flags();
    let (resolved, mut prepared) = training::prepare::<Config>(&flags, terminal)?;
    // Model files are for plain pixels in [0, 1].
    prepared.standardization = None;
    let given = Given::read(file)?;
    given.weights()?.load::<Config>(&prepared.model, &prepared.network())?;
    let held = stop.hold();
    let start = (Some(given.start.clone()), None);
    let mut run = training::record(VERB, &flags, command_line, &resolved, &prepared, start)?;
    let done = measure(&prepared, &mut run, &given);
    let summary = run.settle(done)?;
    drop(held);
    run.end(Status::Complete, None)?;
    terminal.text(&shown(&run, &summary))?;
    Ok(Trained::Complete(run.dir.path().to_path_buf(), Box::new(summary)))
}

fn measure(prepared: &Prepared, run: &mut Recorded, given: &Given) -> Result<Evaluated> {
    let finite = |loss: f64| {
        let what = "the loss of this network is no number: its outputs are too large";
        let found = if loss.is_finite() { Ok(()) } else { Err(anyhow!(what)) };
        found.help(|| {
            let file = &given.start.file;
            format!("look at the weights in {file}: such numbers come of a training that diverged")
        })
    };
    let validation = prepared.split.validation.as_ref();
    let validation = validation
        .map(|examples| {
            let found = prepared.evaluate(&prepared.model, examples)?;
            finite(found.loss)?;
            Tested::try_from(found)
        })
        .transpose()?;
    run.count_test_set_read()?;
    let seen = Seen::of_test(prepared)?;
    finite(seen.found.loss)?;
    run.dir.write(MODEL, &given.bytes)?;
    write_loader(prepared, run)?;
    let tensors = Config::state(&prepared.model)?;
    draw(prepared, run, &subtitle(prepared, "weights from a file"), &seen, &tensors, &[])?;
    let summary = Evaluated {
        schema_version: 1,
        verb: VERB.to_string(),
        seed: Some(prepared.seed),
        file: given.start.file.clone(),
        sha256: given.start.sha256.clone(),
        parameters: prepared.parameters(),
        validation: validation.map(Into::into),
        test: seen.found.try_into()?,
        image: ImageSize::of(&prepared.data.train),
        backgrounds: Some(Backgrounds::of(&prepared.data.train)),
        look: seen.look,
    };
    run.write_summary(&summary)?;
    Ok(summary)
}

fn shown(run: &Recorded, summary: &Evaluated) -> String {
    format!(
        "\nwith the weights in {}\n\n{}\n{}\ntest accuracy: {} ({} of {})\nrun: {}",
        one_line(&summary.file),
        splits(None, summary.validation, summary.test),
        class_table(&summary.look.classes),
        percent(summary.test.accuracy),
        thousands(summary.test.correct),
        thousands(summary.test.total),
        home::shown(run.dir.path())
    )
}
