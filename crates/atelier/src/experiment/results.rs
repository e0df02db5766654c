//! What a finished training run leaves behind, and what is shown of it.

use std::path::Path;

use anyhow::{Result, anyhow};
use atelier_models::fold_standardization;
use atelier_store::{NamedArray, write_model};
use atelier_train::Outcome;

use super::prepared::{Prepared, Trainable};
use super::recorded::Recorded;
use super::summary::{Iteration, Summary, Tested};
use super::training::lower_the_rate;
use super::{figures, history};
use crate::cli::DataFlags;
use crate::dataset;
use crate::failure::Help as _;
use crate::home;
use crate::terminal::{Align, Table, counted, percent, thousands};

/// Measures the final weights and writes model, figures and summary.
pub(crate) fn write(prepared: &Prepared, run: &mut Recorded, outcome: &Outcome) -> Result<Summary> {
    let summary = measure(prepared, run, outcome)?;
    write_weights(prepared, run, &batch_counters(prepared, outcome))?;

    let subtitle = subtitle(prepared, &summary);
    let epochs = history::epochs(run.dir.path())?;
    let accuracy = summary.test.accuracy;
    figures::write(&run.dir, "curves", &figures::curves(&subtitle, &epochs, accuracy)?)?;
    let last = figures::last_iterations(&subtitle, &summary.last_20, accuracy)?;
    figures::write(&run.dir, "last-20", &last)?;

    run.write_summary(&summary)?;
    Ok(summary)
}

fn measure(prepared: &Prepared, run: &mut Recorded, outcome: &Outcome) -> Result<Summary> {
    let evaluate = |examples, quantity| {
        let found = prepared.evaluate(&prepared.model, examples)?;
        check_finite(found.loss, quantity, prepared, outcome)?;
        Tested::try_from(found)
    };
    let train = evaluate(&prepared.split.train, "training loss of the final weights")?;
    let validation = prepared.split.validation.as_ref();
    let validation = validation
        .map(|examples| evaluate(examples, "validation loss of the final weights"))
        .transpose()?;
    run.count_test_set_read()?;
    let test = prepared.test()?;
    check_finite(test.loss, "test loss of the final weights", prepared, outcome)?;
    let last = outcome.last.iter();
    Ok(Summary {
        schema_version: 1,
        verb: "train".to_string(),
        seed: prepared.config.seed,
        parameters: prepared.parameters(),
        epochs: outcome.epochs,
        steps: outcome.steps,
        seconds: outcome.seconds,
        train: train.into(),
        validation: validation.map(Into::into),
        test: test.try_into()?,
        last_20: last
            .map(|at| Iteration { step: at.step, epoch: at.epoch, loss: at.loss.into() })
            .collect(),
    })
}

/// Refuses a result that is no number: the last step can have left the numbers, and nobody was told.
pub(super) fn check_finite<C: Trainable>(
    loss: f64,
    quantity: &'static str,
    prepared: &Prepared<C, C::Model>,
    outcome: &Outcome,
) -> Result<()> {
    if loss.is_finite() {
        return Ok(());
    }
    #[expect(clippy::cast_possible_truncation, reason = "not finite in f32 either")]
    let value = loss as f32;
    let error = atelier_train::Error::Diverged {
        quantity,
        value,
        epoch: outcome.epochs,
        step: outcome.steps,
        learning_rate: prepared.settings.optimizer.learning_rate,
    };
    Err(error).help(|| lower_the_rate(prepared))
}

/// PyTorch's counters of training batches, which are part of a batch norm's state: with them
/// `load_state_dict(strict=True)` takes the file.
fn batch_counters(prepared: &Prepared, outcome: &Outcome) -> Vec<NamedArray> {
    let steps = i64::try_from(outcome.steps).unwrap_or(i64::MAX);
    let names = prepared.model.net.batch_counters().into_iter();
    names.map(|name| NamedArray::i64(name, &[], &[steps])).collect()
}

/// `model.safetensors`: the final weights under PyTorch's names, for plain pixels in [0, 1], and
/// `others` that belong to the model's state.
pub(crate) fn write_weights<C: Trainable>(
    prepared: &Prepared<C, C::Model>,
    run: &Recorded,
    others: &[NamedArray],
) -> Result<()> {
    let mut tensors = C::state(&prepared.model)?;
    if let Some(standardization) = &prepared.standardization {
        let [weight, bias, ..] = tensors.as_mut_slice() else {
            return Err(anyhow!("the network has no first layer to fold the standardisation into"));
        };
        fold_standardization(weight, bias, &standardization.mean, &standardization.scale)?;
    }
    let arrays: Vec<NamedArray> = tensors
        .iter()
        .map(|tensor| NamedArray::f32(&tensor.name, &tensor.shape, &tensor.values))
        .chain(others.iter().cloned())
        .collect();
    Ok(write_model(&run.dir.file("model.safetensors")?, &arrays)?)
}

fn subtitle(prepared: &Prepared, summary: &Summary) -> String {
    let widths: Vec<String> =
        prepared.config.model.hidden.iter().map(ToString::to_string).collect();
    format!(
        "{}, hidden layers {}, {}, seed {}",
        dataset::title(&prepared.data.provenance.name),
        if widths.is_empty() { "none".to_string() } else { widths.join("-") },
        counted(summary.epochs, "epoch"),
        summary.seed
    )
}

/// What stdout says at the end: the last iterations, the accuracy, where everything is, and how to
/// have it again.
pub(crate) fn shown(prepared: &Prepared, run: &Recorded, summary: &Summary) -> String {
    let iterations = last_iterations(&summary.last_20);
    let mut splits = Table::new(&[
        ("split", Align::Left),
        ("cross-entropy", Align::Right),
        ("accuracy", Align::Right),
    ]);
    let measured = [("training", Some(summary.train)), ("validation", summary.validation)];
    for (name, found) in measured.into_iter().chain([("test", Some(summary.test.into()))]) {
        if let Some(found) = found {
            let cross_entropy = format!("{:.4}", found.cross_entropy);
            splits.row([name.to_string(), cross_entropy, percent(found.accuracy)]);
        }
    }
    format!(
        "\n{}\n\n{iterations}\nwith the final weights\n\n{splits}\n\
         test accuracy: {} ({} of {})\ntrained in {:.1} s, {}\nrun: {}\nagain: {}",
        the_last(summary.last_20.len()),
        percent(summary.test.accuracy),
        thousands(summary.test.correct),
        thousands(summary.test.total),
        summary.seconds,
        counted(usize::try_from(summary.steps).unwrap_or(usize::MAX), "step"),
        home::shown(run.dir.path()),
        again(prepared, run)
    )
}

/// `the last 20 iterations`.
pub(crate) fn the_last(iterations: usize) -> String {
    match iterations {
        1 => "the last iteration".to_string(),
        n => format!("the last {n} iterations"),
    }
}

/// The losses of the last iterations.
pub(crate) fn last_iterations(iterations: &[Iteration]) -> Table {
    let mut table = Table::new(&[
        ("iteration", Align::Right),
        ("epoch", Align::Right),
        ("training loss", Align::Right),
    ]);
    for at in iterations {
        let step = usize::try_from(at.step).map_or_else(|_| at.step.to_string(), thousands);
        table.row([step, at.epoch.to_string(), format!("{:.4}", at.loss)]);
    }
    table
}

/// The command that repeats the run.
pub(crate) fn again<C: Trainable>(prepared: &Prepared<C, C::Model>, run: &Recorded) -> String {
    let pinned = prepared.data.provenance.pinned;
    let config = run.dir.path().join("config.toml");
    repetition(C::VERB, &config, &prepared.data_flags, pinned, &prepared.device_name)
}

/// The command that runs `verb` with the configuration in the file `config` on the data that `data`
/// leads to.
pub(crate) fn repetition(
    verb: &str,
    config: &Path,
    data: &DataFlags,
    pinned: bool,
    device_name: &str,
) -> String {
    let config = home::quoted(config);
    let mut words =
        vec![home::program().to_string(), verb.to_string(), "--config".to_string(), config];
    if data.data_dir.is_some() || data.smoke {
        // Not `--smoke`, which would say more than where the sample is.
        let directory = dataset::directory(data);
        words.extend(["--data-dir".to_string(), home::quoted(&directory)]);
    }
    if !pinned {
        words.push("--allow-unpinned".to_string());
    }
    if device_name != "cpu" {
        words.extend(["--device".to_string(), device_name.to_string()]);
    }
    words.join(" ")
}
