//! The figures of an autoencoder that show numbers.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use atelier_autoencoder::latent::{UnitActivity, View, view};
use atelier_plot::{Axis, Color, Figure, LineChart, Panel, Series, Style};
use ndarray::s;

use super::examined::Examined;
use super::figures::Kind;
use super::summary::{ClassError, Summary};
use crate::terminal::{counted, significant, thousands};

/// More points in a scatter only cover each other.
const POINTS: usize = 5000;
/// Numbers of the codes that are looked at for it: fewer points where the codes are large, so that
/// finding their plane takes seconds and not minutes.
const NUMBERS: usize = 1 << 24;
/// An error below this share of the least loss is told and not drawn: all else would lie close together above it.
const DRAWN: f64 = 1e-3;
/// How far the two points of a class lie to the left and to the right, so that equal ones are both seen.
const ASIDE: f64 = 0.1;

/// As in the tables, small ones with the digits that they have.
fn shown(error: f64) -> String {
    if error >= 1e-3 { format!("{error:.5}") } else { significant(error) }
}

/// Said after a caption where the code has more units than there are principal components.
fn all_components(summary: &Summary) -> String {
    if summary.pca_components == summary.latent {
        return String::new();
    }
    format!(
        " The training images have no more than {} principal components.",
        thousands(summary.pca_components)
    )
}

/// The loss over the epochs, beside the error of principal components.
pub(super) fn losses(
    subtitle: &str,
    summary: &Summary,
    validation: &[Option<f64>],
) -> Result<Figure> {
    let epochs = |n: usize| (1..=n).map(|epoch| epoch as f64).collect::<Vec<f64>>();
    let validated: Vec<f64> = validation.iter().map(|loss| loss.unwrap_or(f64::NAN)).collect();
    let drawn = summary.epoch_losses.iter().chain(&validated);
    let least = drawn.copied().fold(f64::INFINITY, f64::min);
    // What has been learned to the last bit has no place on a logarithmic axis.
    let axis = if least > 0.0 { Axis::logarithmic } else { Axis::linear };
    let (name, inputs) = match &summary.denoising {
        Some(of) => {
            let errors = "errors are those against the clean images. Validation is without noise.";
            let inputs = format!(" Its inputs have noise of deviation {}; {errors}", of.noise);
            ("training, noisy", inputs)
        }
        None => ("training", String::new()),
    };
    let mut caption = format!(
        "Training: mean over the batches of an epoch, each before its step.{inputs}{}",
        all_components(summary)
    );
    let losses = summary.epoch_losses.clone();
    let mut panel = Panel::new(Axis::linear("epoch"), axis("mean squared error"))
        .series(Series::new(name, Style::LineWithPoints, epochs(losses.len()), losses));
    if validated.iter().any(|loss| loss.is_finite()) {
        panel = panel.series(Series::line("validation", epochs(validated.len()), validated));
    }
    let components = format!("test, {}", counted(summary.pca_components, "principal component"));
    let mut lines = vec![
        ("test, at the end".to_string(), summary.test_mse, Color::Green),
        (components, summary.pca_test_mse, Color::Black),
    ];
    if let Some(of) = &summary.denoising {
        lines.push(("noisy test, at the end".to_string(), of.test_mse, Color::Purple));
    }
    // From the first epoch to the last; with a single one, to either side of it.
    let count = summary.epoch_losses.len() as f64;
    let ends = if count > 1.0 { [1.0, count] } else { [0.0, 2.0] };
    for (of, error, color) in lines {
        if error > DRAWN * least {
            let name = format!("{of}: {}", shown(error));
            panel = panel.series(Series::new(name, Style::Dashed, ends, [error; 2]).color(color));
        } else {
            let _ = write!(caption, " Not drawn: {of}, {}.", shown(error));
        }
    }
    LineChart::new(format!("Reconstruction: test error {}", shown(summary.test_mse)))
        .subtitle(subtitle)
        .caption(caption)
        .panel(panel)
        .render()
        .context("cannot draw the losses")
}

/// The error of each class, beside that of principal components.
pub(super) fn classes(subtitle: &str, summary: &Summary) -> Result<Figure> {
    let positions = |aside: f64| -> Vec<f64> {
        (0..summary.classes.len()).map(|class| class as f64 + aside).collect()
    };
    let of =
        |value: fn(&ClassError) -> f64| -> Vec<f64> { summary.classes.iter().map(value).collect() };
    let points = |name, aside, errors| Series::new(name, Style::Points, positions(aside), errors);
    let names: Vec<String> =
        summary.classes.iter().enumerate().map(|(i, of)| format!("{i} {}", of.class)).collect();
    let panel = Panel::new(Axis::linear("class"), Axis::linear("mean squared error, test"))
        .series(points("autoencoder", -ASIDE, of(|class| class.mse)))
        .series(points("principal components", ASIDE, of(|class| class.pca_mse)));
    LineChart::new("Reconstruction error of each class")
        .subtitle(subtitle)
        .caption(format!("{}.{}", names.join(", "), all_components(summary)))
        .panel(panel)
        .render()
        .context("cannot draw the errors of the classes")
}

/// How the units of the code behave over the test images, the most active first.
pub(super) fn units(subtitle: &str, summary: &Summary) -> Result<Figure> {
    let mut units: Vec<&UnitActivity> = summary.units.iter().collect();
    units.sort_by(|a, b| b.active.total_cmp(&a.active));
    let ranks: Vec<f64> = (1..=units.len()).map(|rank| rank as f64).collect();
    let of = |value: fn(&UnitActivity) -> f64| -> Vec<f64> {
        units.iter().map(|unit| value(unit)).collect()
    };
    let series = |name, ys| Series::new(name, Style::Points, ranks.clone(), ys);
    let unit = "unit, the most active first";
    let share = Axis::linear("above 0 for this share of test images (%)").at_least(0.0);
    let active = Panel::new(Axis::linear(unit), share)
        .title("Activity")
        .series(series("", of(|unit| 100.0 * unit.active)));
    let values = Panel::new(Axis::linear(unit), Axis::linear("value of the unit").at_least(0.0))
        .title("Values")
        .series(series("mean", of(|unit| unit.mean)))
        .series(series("standard deviation", of(|unit| unit.deviation)));
    let (dead, all) = (summary.dead_latent_units, summary.latent);
    LineChart::new(format!("Units of the code: {dead} of {all} dead"))
        .subtitle(subtitle)
        .caption("Over all test images. A dead unit is above 0 for none of them.")
        .panel(active)
        .panel(values)
        .render()
        .context("cannot draw the units")
}

/// The codes of test images in the plane in which they vary most.
pub(super) fn latent(kind: &Kind, subtitle: &str, seen: &Examined) -> Result<Figure> {
    let all = seen.codes.nrows();
    let drawn = all.min(POINTS).min((NUMBERS / seen.codes.ncols()).max(1));
    let View { coordinates: points, shares } = view(seen.codes.slice(s![..drawn, ..]))?;
    let axis = |name, share: f64| {
        Axis::linear(format!("{name} component ({:.0} % of the variance)", 100.0 * share))
    };
    let mut panel = Panel::new(axis("first", shares[0]), axis("second", shares[1]));
    for (class, name) in kind.classes.iter().enumerate() {
        let of = |label: u32| usize::try_from(label).is_ok_and(|label| label == class);
        let rows = (0..drawn).filter(|&row| of(seen.labels[row]));
        let (xs, ys): (Vec<f64>, Vec<f64>) =
            rows.map(|row| (points[[row, 0]], points[[row, 1]])).unzip();
        if !xs.is_empty() {
            let series = Series::new(name.clone(), Style::Dots, xs, ys);
            panel = panel.series(series.color(Color::of_class(class)));
        }
    }
    let which = if drawn == all {
        format!("All {} test images", thousands(all))
    } else {
        format!("The first {} of {} test images", thousands(drawn), thousands(all))
    };
    let directions = match shares.iter().filter(|share| **share > 0.0).count() {
        0 => " All codes are the same: all points lie in one place.",
        1 => " The codes vary in one direction only: all points lie on a line.",
        _ => "",
    };
    LineChart::new("Codes of test images")
        .subtitle(subtitle)
        .caption(format!("{which}, by the two principal components of their codes.{directions}"))
        .panel(panel)
        .size(1600, 1300)
        .render()
        .context("cannot draw the codes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::autoencoding::summary::LinearAccuracy;

    fn summary(epoch_losses: &[f64], test_mse: f64, pca_test_mse: f64) -> Summary {
        Summary {
            schema_version: 1,
            verb: "autoencoder".to_string(),
            seed: 0,
            parameters: 218_192,
            latent: 64,
            epochs: epoch_losses.len(),
            steps: 10,
            seconds: 1.0,
            epoch_losses: epoch_losses.to_vec(),
            train_mse: 0.0,
            validation_mse: None,
            test_mse,
            denoising: None,
            pca_components: 64,
            pca_test_mse,
            dead_latent_units: 0,
            active_share: 1.0,
            units: Vec::new(),
            classes: Vec::new(),
            linear_classifier: LinearAccuracy { codes: 0.8, pca: 0.8, examples: 100 },
        }
    }

    fn drawn(epoch_losses: &[f64], test_mse: f64, pca_test_mse: f64) -> String {
        losses("", &summary(epoch_losses, test_mse, pca_test_mse), &[]).expect("a figure").svg
    }

    #[test]
    fn both_errors_are_told_beside_their_lines() {
        for epochs in [&[0.04, 0.02, 0.01][..], &[0.01]] {
            let svg = drawn(epochs, 0.009_92, 0.010_37);
            for text in [
                "test, at the end: 0.00992",
                "test, 64 principal components: 0.01037",
                "Reconstruction: test error 0.00992",
            ] {
                assert!(svg.contains(text), "no {text:?}: {svg}");
            }
            assert!(!svg.contains("Not drawn"), "{svg}");
        }
    }

    #[test]
    fn errors_far_below_the_losses_are_told_and_not_drawn() {
        let svg = drawn(&[0.04, 0.02], 0.02, 1.5e-30);
        assert!(svg.contains("Not drawn: test, 64 principal components, 1.500e-30."), "{svg}");
        assert!(svg.contains("test, at the end: 0.02000"), "{svg}");
    }

    #[test]
    fn errors_and_losses_of_0_are_no_reason_to_fail() {
        for losses in [&[0.1, 0.0][..], &[0.0, 0.0], &[0.1, 0.05], &[0.0]] {
            let svg = drawn(losses, 0.0, 0.0);
            for text in ["test, at the end, 0.", "test, 64 principal components, 0."] {
                assert!(svg.contains(text), "no {text:?}: {svg}");
            }
        }
    }
}
