//! What a finished run of the autoencoder leaves behind, and what is shown of it.

use anyhow::{Context as _, Result};
use atelier_autoencoder::latent::activity;
use atelier_plot::Figure;
use atelier_store::{NamedArray, write_model};
use atelier_train::Outcome;
use ndarray::s;

use super::Autoencoding;
use super::charts;
use super::comparison::{components, linear_accuracy};
use super::examined::{CHUNK, Coded, Examined, until};
use super::figures::{self, Kind};
use super::summary::{ClassError, Denoising, LinearAccuracy, Summary};
use crate::dataset;
use crate::experiment::figures::{place, write as write_figure};
use crate::experiment::recorded::Recorded;
use crate::experiment::training::MeasuringInterrupted;
use crate::experiment::{history, looks, results};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Align, Table, counted, percent, thousands};

/// Test images whose reconstructions are kept in a file.
const KEPT: usize = 100;

/// Measures the final weights and writes model, figures and summary.
pub(super) fn write(
    prepared: &Autoencoding,
    run: &mut Recorded,
    outcome: &Outcome,
    stop: &Stop,
) -> Result<Summary> {
    results::write_weights(prepared, run, &[])?;

    let pca = components(prepared, stop)?;
    run.count_test_set_read()?;
    let batches = prepared.data.test.evaluation_batches(CHUNK, None, &prepared.device)?;
    let seen = Examined::new(prepared, &pca, until(stop, batches))?;
    let test_mse = mean(&seen.errors);
    results::check_finite(test_mse, "test error of the final weights", prepared, outcome)?;

    let data = &prepared.data.train;
    let classes = prepared.data.class_names.clone();
    let kind = Kind { classes, height: data.height(), width: data.width() };
    let train = Coded::new(prepared, &pca, stop)?;
    let accuracy = |train, test| linear_accuracy(train, test, data.classes(), prepared.seed, stop);
    let linear_classifier = LinearAccuracy {
        codes: accuracy(train.codes(), seen.codes())?,
        pca: accuracy(train.coordinates(), seen.coordinates())?,
        examples: train.len(),
    };

    let epoch_losses = history::batch_means(run.dir.path())?;
    let evaluate = |examples| prepared.evaluate(&prepared.model, examples);
    let validation = prepared.split.validation.as_ref().map(evaluate).transpose()?;
    let units = activity(seen.codes.view())?;
    let summary = Summary {
        schema_version: 1,
        verb: "autoencoder".to_string(),
        seed: prepared.seed,
        parameters: prepared.parameters(),
        latent: prepared.config.autoencoder.latent,
        epochs: outcome.epochs,
        steps: outcome.steps,
        seconds: outcome.seconds,
        train_mse: *epoch_losses.last().context("the metrics hold no step")?,
        epoch_losses,
        validation_mse: validation.map(|found| found.loss),
        test_mse,
        denoising: seen.denoised.as_ref().map(|of| Denoising {
            noise: prepared.config.autoencoder.noise,
            test_mse: mean(&of.errors),
            noisy_mse: mean(&of.noisy_errors),
        }),
        pca_components: pca.directions.nrows(),
        pca_test_mse: mean(&seen.pca_errors),
        dead_latent_units: units.iter().filter(|unit| unit.is_dead()).count(),
        active_share: mean(&units.iter().map(|unit| unit.active).collect::<Vec<_>>()),
        units,
        classes: class_errors(&kind, &seen),
        linear_classifier,
    };
    draw(prepared, run, &kind, &seen, &summary, stop)?;
    write_reconstructions(run, &seen)?;
    run.write_summary(&summary)?;
    Ok(summary)
}

fn draw(
    prepared: &Autoencoding,
    run: &Recorded,
    kind: &Kind,
    seen: &Examined,
    summary: &Summary,
    stop: &Stop,
) -> Result<()> {
    let network = subtitle(prepared, summary);
    let epochs = history::epochs(run.dir.path())?;
    let validation: Vec<Option<f64>> = epochs.iter().map(|epoch| epoch.validation_loss).collect();
    let write = |name: &str, figure: Result<Figure>| -> Result<()> {
        MeasuringInterrupted::check(stop)?;
        write_figure(&run.dir, name, figure)
    };
    write("reconstructions", figures::reconstructions(kind, seen))?;
    write("gallery", figures::gallery(kind, seen))?;
    write("network", diagram(kind, prepared, &network))?;
    write("losses", charts::losses(&network, summary, &validation))?;
    write("classes", charts::classes(&network, summary))?;
    write("units", charts::units(&network, summary))?;
    write("latent", charts::latent(kind, &network, seen))?;
    write("interpolation", figures::interpolation(kind, &prepared.model, seen))?;
    write("neighbours", figures::neighbours(kind, seen))?;
    if let (Some(denoised), Some(measured)) = (&seen.denoised, summary.denoising) {
        write("denoising", figures::denoising(kind, seen, denoised, measured))?;
    }
    Ok(())
}

fn diagram(kind: &Kind, prepared: &Autoencoding, subtitle: &str) -> Result<Figure> {
    let kind = looks::Kind { classes: &kind.classes, height: kind.height, width: kind.width };
    let layers: Vec<_> = prepared.model.layers().collect();
    looks::network(&kind, subtitle, &layers, "")
}

/// `reconstructions.safetensors`: what other programs can hold their own forward pass against. The
/// tensor `indices` (examples) numbers test images in the order of their file, `reconstructions`
/// (examples, pixels) is what the model makes of them.
fn write_reconstructions(run: &Recorded, seen: &Examined) -> Result<()> {
    let kept = seen.reconstructions.slice(s![..seen.labels.len().min(KEPT), ..]);
    let values: Vec<f32> = kept.iter().copied().collect();
    let indices: Vec<i64> = (0_i64..).take(kept.nrows()).collect();
    let arrays = [
        NamedArray::i64("indices", &[kept.nrows()], &indices),
        NamedArray::f32("reconstructions", &[kept.nrows(), kept.ncols()], &values),
    ];
    Ok(write_model(&run.dir.file("reconstructions.safetensors")?, &arrays)?)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn class_errors(kind: &Kind, seen: &Examined) -> Vec<ClassError> {
    let of = |class: usize, errors: &[f64]| {
        let pairs = seen.labels.iter().zip(errors);
        let own = pairs.filter(|(label, _)| usize::try_from(**label).is_ok_and(|l| l == class));
        mean(&own.map(|(_, error)| *error).collect::<Vec<_>>())
    };
    let present = |class: &usize| {
        seen.labels.iter().any(|&label| usize::try_from(label).is_ok_and(|l| l == *class))
    };
    (0..kind.classes.len())
        .filter(present)
        .map(|class| ClassError {
            class: kind.classes[class].clone(),
            mse: of(class, &seen.errors),
            pca_mse: of(class, &seen.pca_errors),
        })
        .collect()
}

fn subtitle(prepared: &Autoencoding, summary: &Summary) -> String {
    let hidden = &prepared.config.autoencoder.hidden;
    let pixels = prepared.data.train.pixels();
    let down = [pixels].into_iter().chain(hidden.iter().copied()).collect::<Vec<usize>>();
    let widths = down.iter().chain([&summary.latent]).chain(down.iter().rev());
    let widths: Vec<String> = widths.map(ToString::to_string).collect();
    format!(
        "{}, {}, {}, seed {}",
        dataset::title(&prepared.data.provenance.name),
        widths.join("-"),
        counted(summary.epochs, "epoch"),
        summary.seed
    )
}

/// The errors of each class and of all.
pub(crate) fn errors(summary: &Summary) -> Table {
    let mut errors = Table::new(&[
        ("test images", Align::Left),
        ("autoencoder", Align::Right),
        ("principal components", Align::Right),
    ]);
    for of in &summary.classes {
        errors.row([of.class.clone(), format!("{:.5}", of.mse), format!("{:.5}", of.pca_mse)]);
    }
    let all = [summary.test_mse, summary.pca_test_mse].map(|error| format!("{error:.5}"));
    errors.row(["all", &all[0], &all[1]]);
    errors
}

/// What stdout says at the end.
pub(super) fn shown(prepared: &Autoencoding, run: &Recorded, summary: &Summary) -> String {
    let errors = errors(summary);
    let sizes = if summary.pca_components == summary.latent {
        format!("both with {} an image", counted(summary.latent, "number"))
    } else {
        format!(
            "with {} an image; of principal components the training images have only {}",
            counted(summary.latent, "number"),
            thousands(summary.pca_components)
        )
    };
    let validation = summary.validation_mse.map(|error| format!("validation MSE: {error:.5}\n"));
    let (mut of_noisy, mut denoising) = ("", String::new());
    if let Some(of) = &summary.denoising {
        of_noisy = " (of inputs with noise)";
        denoising = format!(
            "test MSE with noise of deviation {}: {:.5} (the noisy images themselves: {:.5})\n",
            of.noise, of.test_mse, of.noisy_mse
        );
    }
    format!(
        "\nmean squared errors with the final weights, {sizes}\n\n{errors}\n\
         mean training loss of epoch {}{of_noisy}: {:.5}\n{}\
         test MSE: {:.5} (principal components: {:.5})\n{denoising}\
         dead units of the code: {} of {} (a unit is above 0 for {} of the test images)\n\
         linear classifier, trained on {}, test accuracy: {} from codes, {} from principal \
         components\n\
         trained in {:.1} s, {} steps\nreconstructions: {}\nrun: {}\nagain: {}",
        summary.epochs,
        summary.train_mse,
        validation.unwrap_or_default(),
        summary.test_mse,
        summary.pca_test_mse,
        summary.dead_latent_units,
        summary.latent,
        percent(summary.active_share),
        counted(summary.linear_classifier.examples, "image"),
        percent(summary.linear_classifier.codes),
        percent(summary.linear_classifier.pca),
        summary.seconds,
        thousands(usize::try_from(summary.steps).unwrap_or(usize::MAX)),
        place(run.dir.path(), "reconstructions"),
        home::shown(run.dir.path()),
        results::again(prepared, run)
    )
}
