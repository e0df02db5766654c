//! What a finished training run leaves behind, and what is shown of it.

use anyhow::{Result, anyhow};
use atelier_core::Objective as _;
use atelier_models::{fold_standardization, state};
use atelier_store::{NamedArray, write_model};
use atelier_train::Outcome;

use super::prepared::{Prepared, Trainable};
use super::recorded::Recorded;
use super::summary::{Iteration, Summary, Tested};
use super::{figures, history};
use crate::cli::{DataFlags, TrainArgs};
use crate::dataset;
use crate::home;
use crate::terminal::{Align, Table, percent, thousands};

/// Measures the final weights and writes model, figures and summary.
pub(crate) fn write(prepared: &Prepared, run: &mut Recorded, outcome: &Outcome) -> Result<Summary> {
    write_weights(prepared, run)?;

    let summary = measure(prepared, outcome)?;
    // A resumed run may have looked at the test examples before it was interrupted.
    run.manifest.test_set_reads += prepared.data.test.reads();

    let subtitle = subtitle(prepared, &summary);
    let epochs = history::epochs(run.dir.path())?;
    let accuracy = summary.test.accuracy;
    figures::write(&run.dir, "curves", &figures::curves(&subtitle, &epochs, accuracy)?)?;
    let last = figures::last_iterations(&subtitle, &summary.last_20, accuracy)?;
    figures::write(&run.dir, "last-20", &last)?;

    run.write_summary(&summary)?;
    Ok(summary)
}

fn measure(prepared: &Prepared, outcome: &Outcome) -> Result<Summary> {
    let evaluate = |examples| prepared.evaluate(&prepared.model, examples);
    let validation = prepared.split.validation.as_ref().map(evaluate).transpose()?;
    let train = Tested::try_from(evaluate(&prepared.split.train)?)?;
    let validation = validation.map(Tested::try_from).transpose()?;
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
        test: prepared.test()?.try_into()?,
        last_20: last
            .map(|at| Iteration { step: at.step, epoch: at.epoch, loss: at.loss.into() })
            .collect(),
    })
}

/// `model.safetensors`: the final weights under PyTorch's names, for plain pixels in [0, 1].
pub(crate) fn write_weights<C: Trainable>(
    prepared: &Prepared<C, C::Model>,
    run: &Recorded,
) -> Result<()> {
    let model = &prepared.model;
    let mut tensors = state(model.parameters().iter().chain(model.buffers()))?;
    if let Some(standardization) = &prepared.standardization {
        let [weight, bias, ..] = tensors.as_mut_slice() else {
            return Err(anyhow!("the network has no first layer to fold the standardisation into"));
        };
        fold_standardization(weight, bias, &standardization.mean, &standardization.scale)?;
    }
    let arrays: Vec<NamedArray> = tensors
        .iter()
        .map(|tensor| NamedArray::f32(&tensor.name, &tensor.shape, &tensor.values))
        .collect();
    Ok(write_model(&run.dir.file("model.safetensors")?, &arrays)?)
}

fn subtitle(prepared: &Prepared, summary: &Summary) -> String {
    let widths: Vec<String> =
        prepared.config.model.hidden.iter().map(ToString::to_string).collect();
    format!(
        "{}, hidden layers {}, {} epochs, seed {}",
        prepared.data.provenance.name,
        if widths.is_empty() { "none".to_string() } else { widths.join("-") },
        summary.epochs,
        summary.seed
    )
}

/// What stdout says at the end: the last iterations, the accuracy, where everything is, and how to
/// have it again.
pub(crate) fn shown(
    prepared: &Prepared,
    run: &Recorded,
    summary: &Summary,
    arguments: &TrainArgs,
) -> String {
    let mut iterations = Table::new(&[
        ("iteration", Align::Right),
        ("epoch", Align::Right),
        ("training loss", Align::Right),
    ]);
    for at in &summary.last_20 {
        let step = usize::try_from(at.step).map_or_else(|_| at.step.to_string(), thousands);
        iterations.row([step, at.epoch.to_string(), format!("{:.4}", at.loss)]);
    }
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
        "\nthe last {} iterations\n\n{iterations}\nwith the final weights\n\n{splits}\n\
         test accuracy: {} ({} of {})\ntrained in {:.1} s, {} steps\nrun: {}\nagain: {}",
        summary.last_20.len(),
        percent(summary.test.accuracy),
        thousands(summary.test.correct),
        thousands(summary.test.total),
        summary.seconds,
        thousands(usize::try_from(summary.steps).unwrap_or(usize::MAX)),
        home::shown(run.dir.path()),
        again(prepared, run, &arguments.data)
    )
}

/// The command that repeats the run.
pub(crate) fn again<C: Trainable>(
    prepared: &Prepared<C, C::Model>,
    run: &Recorded,
    data: &DataFlags,
) -> String {
    let config = home::quoted(&run.dir.path().join("config.toml"));
    let mut words =
        vec![home::program().to_string(), C::VERB.to_string(), "--config".to_string(), config];
    if data.data_dir.is_some() || data.smoke {
        // Not `--smoke`, which would say more than where the sample is.
        let directory = dataset::directory(data);
        words.extend(["--data-dir".to_string(), home::quoted(&directory)]);
    }
    if !prepared.data.provenance.pinned {
        words.push("--allow-unpinned".to_string());
    }
    if prepared.device_name != "cpu" {
        words.extend(["--device".to_string(), prepared.device_name.clone()]);
    }
    words.join(" ")
}
