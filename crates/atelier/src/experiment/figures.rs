//! The figures of a training run.

use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_plot::{Axis, Figure, LineChart, Panel, Series, Style};
use atelier_store::RunDir;

use super::history::EpochRecord;
use super::results::the_last;
use super::summary::Iteration;
use crate::failure::message;
use crate::home;
use crate::terminal::{percent, warn};

/// Losses and accuracy over the epochs.
pub(crate) fn curves(subtitle: &str, epochs: &[EpochRecord], test_accuracy: f64) -> Result<Figure> {
    let xs: Vec<f64> = epochs.iter().map(|epoch| f64::from(epoch.epoch)).collect();
    let style = if epochs.len() < 3 { Style::LineWithPoints } else { Style::Line };
    // A series without a value is left out: there may be no validation examples.
    let add = |panel: Panel, name: &str, value: &dyn Fn(&EpochRecord) -> Option<f64>| {
        let ys: Vec<f64> = epochs.iter().map(|epoch| value(epoch).unwrap_or(f64::NAN)).collect();
        if ys.iter().any(|y| y.is_finite()) {
            panel.series(Series::new(name, style, xs.clone(), ys))
        } else {
            panel
        }
    };
    let share = |value: Option<f64>| value.map(|share| 100.0 * share);

    let nats = Axis::linear("cross-entropy (nats)").at_least(0.0);
    let loss = Panel::new(Axis::linear("epoch"), nats).title("Loss");
    let loss = add(loss, "training", &|epoch| Some(epoch.train_loss));
    let loss = add(loss, "validation", &|epoch| epoch.validation_loss);
    let share_of_hundred = Axis::linear("accuracy (%)").at_least(0.0);
    let accuracy = Panel::new(Axis::linear("epoch"), share_of_hundred).title("Accuracy");
    let accuracy = add(accuracy, "training", &|epoch| share(epoch.train_accuracy));
    let accuracy = add(accuracy, "validation", &|epoch| share(epoch.validation_accuracy))
        .horizontal(100.0 * test_accuracy, "test, at the end");
    LineChart::new(format!("Training and validation; test accuracy {}", percent(test_accuracy)))
        .subtitle(subtitle)
        .caption(
            "Training: mean over the batches of an epoch, each before its step. Validation: after \
             the epoch, on examples that are not trained on.",
        )
        .panel(loss)
        .panel(accuracy)
        .render()
        .context("cannot draw the training curves")
}

/// The loss of the last iterations.
pub(crate) fn last_iterations(
    subtitle: &str,
    iterations: &[Iteration],
    test_accuracy: f64,
) -> Result<Figure> {
    let xs: Vec<f64> = iterations.iter().map(|iteration| iteration.step as f64).collect();
    let ys: Vec<f64> = iterations.iter().map(|iteration| iteration.loss).collect();
    let mean = ys.iter().sum::<f64>() / ys.len().max(1) as f64;
    let nats = Axis::linear("training cross-entropy (nats)").at_least(0.0);
    let mut panel = Panel::new(Axis::linear("iteration"), nats);
    // A series and not a reference line, whose label would stand among the points; one point is
    // its own mean.
    let means = match xs.as_slice() {
        [first, .., last] => Some(Series::new(
            format!("mean {mean:.4}"),
            Style::Dashed,
            vec![*first, *last],
            vec![mean; 2],
        )),
        _ => None,
    };
    panel = panel.series(Series::new("loss of the batch", Style::LineWithPoints, xs, ys));
    if let Some(means) = means {
        panel = panel.series(means);
    }
    let last = the_last(iterations.len()).replacen('t', "T", 1);
    LineChart::new(format!("{last}; test accuracy {}", percent(test_accuracy)))
        .subtitle(subtitle)
        .caption("Each point is one batch; its loss moves with the examples that are in it.")
        .panel(panel)
        .render()
        .context("cannot draw the last iterations")
}

/// Writes both forms of a figure below `figures/`, unless it has no room.
pub(crate) fn write(run: &RunDir, name: &str, figure: Result<Figure>) -> Result<()> {
    if let Some(figure) = room(name, figure)? {
        run.write(&format!("figures/{name}.png"), &figure.png)?;
        run.write(&format!("figures/{name}.svg"), figure.svg.as_bytes())?;
    }
    Ok(())
}

/// Where a figure of a run is, for whoever looks at its results; `none` of one that had no room.
pub(crate) fn place(run: &Path, name: &str) -> String {
    let figure = run.join(format!("figures/{name}.png"));
    if figure.exists() { home::shown(&figure) } else { "none".to_string() }
}

/// What was drawn; nothing, after a warning, where it has no room: hundreds of classes or images of one line are no
/// reason to lose the run.
pub(crate) fn room<T>(name: &str, drawn: Result<T>) -> Result<Option<T>> {
    let no_room = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref().is_some_and(atelier_plot::Error::is_for_want_of_room)
    };
    match drawn {
        Err(error) if error.chain().any(no_room) => {
            warn(&format!("warning: figures/{name} is left out: {}", message(&error)));
            Ok(None)
        }
        drawn => drawn.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use atelier_plot::{GreyImage, ImageGrid};

    use super::*;

    #[test]
    fn what_has_no_room_is_left_out_and_any_other_error_is_one() {
        let grid = |columns: usize| {
            let image = || GreyImage::new(1, 1, vec![0]);
            let grid =
                (0..columns).fold(ImageGrid::new("a", columns), |grid, _| grid.image("", image()));
            grid.size(400, 400).render().context("cannot draw it")
        };
        assert!(room("grid", grid(1)).expect("a figure").is_some());
        assert!(room("grid", grid(1000)).expect("no reason to fail").is_none());
        assert!(room("grid", grid(0)).is_err());
    }
}
