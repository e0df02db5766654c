//! What a finished run of the autoencoder leaves behind, and what is shown of it.

use anyhow::{Context as _, Result};
use atelier_autoencoder::latent::{UnitActivity, activity};
use atelier_train::Outcome;

use super::Autoencoding;
use super::comparison::{components, linear_accuracy};
use super::examined::{CHUNK, Examined, coded};
use super::figures::{self, Kind};
use super::summary::{ClassError, LinearAccuracy, Summary};
use crate::dataset;
use crate::experiment::figures::write as write_figure;
use crate::experiment::recorded::Recorded;
use crate::experiment::{history, results};
use crate::home;
use crate::terminal::{Align, Table, counted, percent, thousands};

/// Measures the final weights and writes model, figures and summary.
pub(super) fn write(
    prepared: &Autoencoding,
    run: &mut Recorded,
    outcome: &Outcome,
) -> Result<Summary> {
    results::write_weights(prepared, run, &[])?;

    let pca = components(prepared)?;
    run.count_test_set_read()?;
    let batches = prepared.data.test.evaluation_batches(CHUNK, None, &prepared.device)?;
    let seen = Examined::new(&prepared.model, &pca, batches)?;
    let test_mse = mean(&seen.errors);
    results::check_finite(test_mse, "test error of the final weights", prepared, outcome)?;

    let data = &prepared.data.train;
    let classes = prepared.data.class_names.clone();
    let kind = Kind { classes, height: data.height(), width: data.width() };
    let train = prepared.split.train.evaluation_batches(CHUNK, None, &prepared.device)?;
    let (codes, coordinates) = coded(&prepared.model, &pca, train)?;
    let accuracy = |train, test| linear_accuracy(train, test, data.classes(), prepared.seed);
    let linear_classifier = LinearAccuracy {
        codes: accuracy(&codes, &seen.codes())?,
        pca: accuracy(&coordinates, &seen.coordinates())?,
    };

    let epoch_losses = history::batch_means(run.dir.path())?;
    let validation = prepared.split.validation.as_ref();
    let validation =
        validation.map(|examples| prepared.evaluate(&prepared.model, examples)).transpose()?;
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
        pca_test_mse: mean(&seen.pca_errors),
        dead_latent_units: units.iter().filter(|unit| unit.is_dead()).count(),
        active_share: mean(
            &units.iter().map(|unit: &UnitActivity| unit.active).collect::<Vec<_>>(),
        ),
        classes: class_errors(&kind, &seen),
        linear_classifier,
    };
    draw(prepared, run, &kind, &seen, &summary)?;
    run.write_summary(&summary)?;
    Ok(summary)
}

fn draw(
    prepared: &Autoencoding,
    run: &Recorded,
    kind: &Kind,
    seen: &Examined,
    summary: &Summary,
) -> Result<()> {
    let subtitle = subtitle(prepared, summary);
    let epochs = history::epochs(run.dir.path())?;
    let validation: Vec<Option<f64>> = epochs.iter().map(|epoch| epoch.validation_loss).collect();
    for (name, figure) in [
        ("reconstructions", figures::reconstructions(kind, seen)?),
        ("gallery", figures::gallery(kind, seen)?),
        ("losses", figures::losses(&subtitle, summary, &validation)?),
        ("classes", figures::classes(&subtitle, summary)?),
        ("latent", figures::latent(kind, &subtitle, seen)?),
        ("interpolation", figures::interpolation(kind, &prepared.model, seen)?),
        ("neighbours", figures::neighbours(kind, seen)?),
    ] {
        write_figure(&run.dir, name, &figure)?;
    }
    Ok(())
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

/// What stdout says at the end.
pub(super) fn shown(prepared: &Autoencoding, run: &Recorded, summary: &Summary) -> String {
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
    let validation = summary.validation_mse.map(|error| format!("validation MSE: {error:.5}\n"));
    format!(
        "\nmean squared errors with the final weights, both with {} numbers an image\n\n{errors}\n\
         mean training loss of epoch {}: {:.5}\n{}test MSE: {:.5} (principal components: {:.5})\n\
         dead units of the code: {} of {} (a unit is above 0 for {} of the test images)\n\
         linear classifier, test accuracy: {} from codes, {} from principal components\n\
         trained in {:.1} s, {} steps\nreconstructions: {}\nrun: {}\nagain: {}",
        summary.latent,
        summary.epochs,
        summary.train_mse,
        validation.unwrap_or_default(),
        summary.test_mse,
        summary.pca_test_mse,
        summary.dead_latent_units,
        summary.latent,
        percent(summary.active_share),
        percent(summary.linear_classifier.codes),
        percent(summary.linear_classifier.pca),
        summary.seconds,
        thousands(usize::try_from(summary.steps).unwrap_or(usize::MAX)),
        home::shown(&run.dir.path().join("figures/reconstructions.png")),
        home::shown(run.dir.path()),
        results::again(prepared, run)
    )
}
