//! The curves of several runs in one figure.

use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_plot::{Axis, Color, Figure, LineChart, Panel, Series, Style};

use super::compare::Compared;
use crate::config::{AutoencodingConfig, Config};
use crate::experiment::history::{self, EpochRecord};
use crate::experiment::prepared::Trainable as _;
use crate::experiment::tuning::Summary as Search;
use crate::home;

/// The figure, or why there is none.
pub(super) enum Curves {
    Drawn(Figure),
    None(String),
}

/// The figure of these runs, which must be of one verb.
pub(super) fn of(runs: &[Compared]) -> Result<Curves> {
    let verb = runs.first().map_or("", |run| run.manifest.verb.as_str());
    if let Some(other) = runs.iter().find(|run| run.manifest.verb != verb) {
        let why =
            format!("curves of `{verb}` and `{}` are of different quantities", other.manifest.verb);
        return Ok(Curves::None(why));
    }
    let drawn = match verb {
        Config::VERB | AutoencodingConfig::VERB => epochs(runs)?,
        "tune" => searches(runs)?,
        _ => {
            let inner = nested_example(runs).unwrap_or_default();
            return Ok(Curves::None(format!("`{verb}` has no curve of its own{inner}")));
        }
    };
    Ok(drawn.map_or_else(
        || Curves::None("no run has come to the end of an epoch".to_string()),
        Curves::Drawn,
    ))
}

/// A command that compares runs within these.
fn nested_example(runs: &[Compared]) -> Option<String> {
    let inside = |run: &Compared| {
        let inner = atelier_store::list_runs(&run.path).ok()?.into_iter().next()?;
        Some(home::quoted(&inner.path))
    };
    let paths = runs.iter().map(inside).collect::<Option<Vec<String>>>()?;
    let program = home::program();
    Some(format!("; the runs within them have: `{program} runs compare {}`", paths.join(" ")))
}

/// Losses, and accuracies where there are any, over the epochs.
fn epochs(runs: &[Compared]) -> Result<Option<Figure>> {
    let histories: Vec<(&str, Vec<EpochRecord>)> = runs
        .iter()
        .map(|run| Ok((run.name.as_str(), epochs_of(&run.path)?)))
        .collect::<Result<_>>()?;
    let quantity = match runs.first().map(|run| run.manifest.verb.as_str()) {
        Some(AutoencodingConfig::VERB) => "mean squared error",
        _ => "cross-entropy (nats)",
    };
    let panel = |title: &str, unit: &str, value: &dyn Fn(&EpochRecord) -> Option<f64>| {
        let mut panel = Panel::new(Axis::linear("epoch"), Axis::linear(unit)).title(title);
        let mut curves = 0;
        for (run, (name, epochs)) in histories.iter().enumerate() {
            let (xs, ys): (Vec<f64>, Vec<f64>) = epochs
                .iter()
                .filter_map(|epoch| Some((f64::from(epoch.epoch), value(epoch)?)))
                .unzip();
            if ys.iter().any(|y| y.is_finite()) {
                let style = if xs.len() < 3 { Style::LineWithPoints } else { Style::Line };
                // Its own colour, also where a run before it has no such curve.
                let color = Color::of_class(run);
                panel = panel.series(Series::new(*name, style, xs, ys).color(color));
                curves += 1;
            }
        }
        (curves > 0).then_some(panel)
    };
    let percent = |share: Option<f64>| share.map(|share| 100.0 * share);
    let training = panel("Training loss", quantity, &|epoch| Some(epoch.train_loss));
    let accuracy =
        panel("Validation accuracy", "accuracy (%)", &|epoch| percent(epoch.validation_accuracy));
    let validation = accuracy
        .or_else(|| panel("Validation loss", quantity, &|epoch| epoch.validation_loss))
        .or_else(|| {
            panel("Training accuracy", "accuracy (%)", &|epoch| percent(epoch.train_accuracy))
        });
    let panels: Vec<Panel> = [training, validation].into_iter().flatten().collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let chart = LineChart::new("Runs compared").subtitle(names(runs)).caption(
        "Training: mean over the batches of an epoch, each before its step. Validation: after the \
         epoch, on examples that are not trained on.",
    );
    let chart = panels.into_iter().fold(chart, LineChart::panel);
    Ok(Some(chart.render().context("cannot draw the curves")?))
}

/// The epochs of a run; one that was killed early may have no metrics yet.
fn epochs_of(run: &Path) -> Result<Vec<EpochRecord>> {
    if run.join("metrics.jsonl").exists() { history::epochs(run) } else { Ok(Vec::new()) }
}

/// The best so far over the trials of searches.
fn searches(runs: &[Compared]) -> Result<Option<Figure>> {
    let accuracy = Axis::linear("best validation accuracy so far (%)");
    let mut panel = Panel::new(Axis::linear("trial"), accuracy);
    let mut curves = 0;
    for run in runs {
        let Some(summary) = &run.summary else { continue };
        let summary: Search = serde_json::from_value(summary.clone())
            .with_context(|| format!("the summary in {}", run.path.display()))?;
        let (mut xs, mut ys, mut best) = (Vec::new(), Vec::new(), f64::NEG_INFINITY);
        for trial in &summary.history {
            let value = trial.value.filter(|_| trial.state == "complete");
            best = value.map_or(best, |value| best.max(100.0 * value));
            if best.is_finite() {
                xs.push(trial.number as f64);
                ys.push(best);
            }
        }
        if !ys.is_empty() {
            panel = panel.series(Series::new(run.name.as_str(), Style::Line, xs, ys));
            curves += 1;
        }
    }
    if curves == 0 {
        return Ok(None);
    }
    let chart = LineChart::new("Searches compared").subtitle(names(runs)).panel(panel);
    Ok(Some(chart.render().context("cannot draw the curves")?))
}

fn names(runs: &[Compared]) -> String {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    names.join(", ")
}
