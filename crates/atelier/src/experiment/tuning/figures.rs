//! The figures of a search. All of them show validation errors, 100 % less the accuracy, on a logarithmic axis: good
//! trials differ by tenths of a per cent and bad ones by tens. What is far from the best is left out, and said.

use anyhow::{Context as _, Result};
use atelier_plot::{
    Axis, Color, DotPlot, DotRow, Figure, LineChart, Panel, ParallelAxis, ParallelCoordinates,
    ParallelLine, Series, Style,
};
use atelier_tune::{Domain, Parameter, Space};
use serde_json::Value;

use super::board::{shown, titles};
use super::shown::cell;
use super::summary::{Summary, Tried};
use crate::experiment::figures;
use crate::experiment::recorded::Recorded;
use crate::terminal::{counted, percent};

/// Draws everything.
pub(super) fn write(
    recorded: &Recorded,
    space: &Space,
    summary: &Summary,
    subtitle: &str,
) -> Result<()> {
    let dir = &recorded.dir;
    figures::write(dir, "history", history(summary, subtitle))?;
    figures::write(dir, "curves", curves(summary, subtitle))?;
    figures::write(dir, "parallel-coordinates", parallel(space, summary, subtitle))?;
    for parameter in space.parameters() {
        if let Some(figure) = slice(parameter, summary, subtitle).transpose() {
            figures::write(dir, &format!("slice-{}", parameter.name), figure)?;
        }
    }
    if !summary.importances.is_empty() {
        figures::write(dir, "importances", importances(summary, subtitle))?;
    }
    Ok(())
}

const COMPLETE: &str = "complete";

/// What is not right, in per cent; never 0, which a logarithmic axis has no place for.
pub(super) fn error(accuracy: f64) -> f64 {
    (100.0 * (1.0 - accuracy)).max(1e-3)
}

/// Errors above this are left out: beside them the good ones could not be told apart.
fn ceiling(summary: &Summary) -> f64 {
    2.0 * error(summary.best.value)
}

/// How many trials are left out, for a caption.
fn left_out(summary: &Summary) -> String {
    let ceiling = ceiling(summary);
    let all = valued(summary, true).chain(valued(summary, false));
    match all.filter(|(_, value)| *value > ceiling).count() {
        0 => String::new(),
        n => format!(" Not shown: {} above {ceiling:.1} %.", counted(n, "trial")),
    }
}

fn error_axis() -> Axis {
    Axis::logarithmic("validation error (%)")
}

/// Trials with a value, completed and other ones apart.
fn valued(summary: &Summary, complete: bool) -> impl Iterator<Item = (&Tried, f64)> {
    let of_kind = move |trial: &&Tried| (trial.state == COMPLETE) == complete;
    summary.history.iter().filter(of_kind).filter_map(|trial| Some((trial, error(trial.value?))))
}

/// Two series of dots: the trials at `x`, completed ones apart from pruned ones.
fn dots(panel: Panel, summary: &Summary, x: impl Fn(&Tried) -> Option<f64>) -> Panel {
    [(false, "pruned", Color::Orange), (true, "completed", Color::Blue)].into_iter().fold(
        panel,
        |panel, (complete, name, color)| {
            let points = valued(summary, complete)
                .filter(|(_, y)| *y <= ceiling(summary))
                .filter_map(|(trial, y)| Some((x(trial)?, y)));
            let (xs, ys): (Vec<f64>, Vec<f64>) = points.unzip();
            if xs.is_empty() {
                return panel;
            }
            panel.series(Series::new(name, Style::Points, xs, ys).color(color))
        },
    )
}

/// The optimisation history.
fn history(summary: &Summary, subtitle: &str) -> Result<Figure> {
    let mut best: Option<f64> = None;
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for (trial, value) in valued(summary, true) {
        let least = best.map_or(value, |best| best.min(value));
        best = Some(least);
        if least <= ceiling(summary) {
            // A step where a better trial comes.
            let before = ys.last().copied().unwrap_or(least);
            xs.extend([trial.number as f64; 2]);
            ys.extend([before, least]);
        }
    }
    let panel = Panel::new(Axis::linear("trial"), error_axis());
    let panel = dots(panel, summary, |trial| Some(trial.number as f64))
        .series(Series::line("best so far", xs, ys).color(Color::Vermillion));
    LineChart::new(format!(
        "The search: best validation accuracy {} (trial {})",
        percent(summary.best.value),
        summary.best.number
    ))
    .subtitle(subtitle)
    .caption(format!(
        "Trials by number. The value of a completed trial is that of the weights that it ends with, that of a \
         pruned one its last before it was ended.{}",
        left_out(summary)
    ))
    .panel(panel)
    .render()
    .context("cannot draw the history")
}

/// The values on the way.
fn curves(summary: &Summary, subtitle: &str) -> Result<Figure> {
    let mut panel = Panel::new(Axis::linear("epoch"), error_axis());
    let near = |accuracy: f64| error(accuracy) <= ceiling(summary);
    let points = |trial: &Tried| -> (Vec<f64>, Vec<f64>) {
        // A gap where a value is left out.
        let value = |accuracy| if near(accuracy) { error(accuracy) } else { f64::NAN };
        trial.curve.iter().map(|at| (at.epoch as f64, value(at.accuracy))).unzip()
    };
    let drawn = |complete: bool| {
        let of_kind = move |trial: &&Tried| (trial.state == COMPLETE) == complete;
        let some = |trial: &&Tried| trial.curve.iter().any(|at| near(at.accuracy));
        summary.history.iter().filter(of_kind).filter(some)
    };
    let mut named = false;
    for trial in drawn(true).filter(|trial| trial.number != summary.best.number) {
        let (xs, ys) = points(trial);
        let name = if named { "" } else { "completed" };
        named = true;
        panel = panel.series(Series::line(name, xs, ys).color(Color::SkyBlue));
    }
    let mut ends = (Vec::new(), Vec::new());
    for trial in drawn(false) {
        let (xs, ys) = points(trial);
        if let (Some(&x), Some(&y)) = (xs.last(), ys.last())
            && y.is_finite()
        {
            ends.0.push(x);
            ends.1.push(y);
        }
        panel = panel.series(Series::line("", xs, ys).color(Color::Grey));
    }
    if !ends.0.is_empty() {
        let ended = Series::new("pruned here", Style::Points, ends.0, ends.1);
        panel = panel.series(ended.color(Color::Orange));
    }
    for trial in drawn(true).filter(|trial| trial.number == summary.best.number) {
        let (xs, ys) = points(trial);
        let best = Series::line(format!("best, trial {}", trial.number), xs, ys);
        panel = panel.series(best.color(Color::Vermillion));
    }
    LineChart::new("Validation error on the way")
        .subtitle(subtitle)
        .caption(format!(
            "Trials of different lengths are compared at equal shares of their length, not at equal epochs: the \
             learning rate of a short one comes down sooner. Errors above {:.1} % are left out.",
            ceiling(summary)
        ))
        .panel(panel)
        .render()
        .context("cannot draw the curves")
}

/// All settings side by side.
fn parallel(space: &Space, summary: &Summary, subtitle: &str) -> Result<Figure> {
    let mut figure = ParallelCoordinates::new("Settings and what came of them")
        .subtitle(subtitle)
        .caption(format!(
            "A line is a trial. Completed ones from dark, the best, to light, the worst; pruned ones in grey. Errors \
             above {:.1} % stand at the upper end.",
            ceiling(summary)
        ));
    // Where no trial has a parameter there is nothing to be seen of it.
    let seen = |p: &&Parameter| summary.history.iter().any(|t| t.params.contains_key(&p.name));
    let parameters: Vec<&Parameter> = space.parameters().iter().filter(seen).collect();
    for (parameter, title) in space.parameters().iter().zip(titles(space)) {
        if seen(&parameter) {
            figure = figure.axis(upright(parameter, &title.replace('_', " ")));
        }
    }
    figure = figure.axis(ParallelAxis::numbers(error_axis()));
    for trial in &summary.history {
        let Some(value) = trial.value else { continue };
        let mut places: Vec<f64> = parameters
            .iter()
            .map(|p| trial.params.get(&p.name).map_or(f64::NAN, |value| place(p, value)))
            .collect();
        places.push(error(value).min(ceiling(summary)));
        let line = ParallelLine::new(places);
        let rank = summary.ranking.iter().position(|ranked| ranked.number == trial.number);
        figure = figure.line(match rank {
            Some(rank) => line.rank(rank),
            None => line,
        });
    }
    figure.render().context("cannot draw the parallel coordinates")
}

fn upright(parameter: &Parameter, label: &str) -> ParallelAxis {
    match &parameter.domain {
        Domain::Float { log: true, .. } | Domain::Int { log: true, .. } => {
            ParallelAxis::numbers(Axis::logarithmic(label))
        }
        Domain::Choices(choices) => {
            let words = choices.iter().map(shown);
            ParallelAxis::words(label, words)
        }
        _ => ParallelAxis::numbers(Axis::linear(label)),
    }
}

/// Where a value stands on its axis: a number, or the position among the choices.
pub(super) fn place(parameter: &Parameter, value: &Value) -> f64 {
    match &parameter.domain {
        Domain::Choices(choices) => position(choices, value),
        _ => value.as_f64().unwrap_or(f64::NAN),
    }
}

fn position(choices: &[atelier_tune::Value], value: &Value) -> f64 {
    let same = |choice: &atelier_tune::Value| serde_json::json!(choice) == *value;
    choices.iter().position(same).map_or(f64::NAN, |position| position as f64)
}

/// The trials along one parameter; `None` where no trial has it.
fn slice(parameter: &Parameter, summary: &Summary, subtitle: &str) -> Result<Option<Figure>> {
    let name = &parameter.name;
    let near = |(trial, value): (&Tried, f64)| {
        value <= ceiling(summary) && trial.params.contains_key(name)
    };
    if !valued(summary, true).chain(valued(summary, false)).any(near) {
        return Ok(None);
    }
    let numeric = |choices: &[atelier_tune::Value]| {
        let number = |choice: &atelier_tune::Value| serde_json::json!(choice).is_number();
        choices.iter().all(number)
    };
    let (axis, caption) = match &parameter.domain {
        Domain::Choices(choices) if !numeric(choices) => {
            let words: Vec<String> = choices
                .iter()
                .enumerate()
                .map(|(i, choice)| format!("{i}: {}", cell(&serde_json::json!(choice))))
                .collect();
            (Axis::linear(name), format!("{}.", words.join(", ")))
        }
        Domain::Choices(choices) => {
            let of = |choice: &atelier_tune::Value| serde_json::json!(choice).as_f64();
            let numbers: Vec<f64> = choices.iter().filter_map(of).collect();
            let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let wide = least > 0.0 && most >= 8.0 * least;
            (if wide { Axis::logarithmic(name) } else { Axis::linear(name) }, String::new())
        }
        Domain::Float { log: true, .. } | Domain::Int { log: true, .. } => {
            (Axis::logarithmic(name), String::new())
        }
        _ => (Axis::linear(name), String::new()),
    };
    let panel = dots(Panel::new(axis, error_axis()), summary, |trial| {
        let value = trial.params.get(name)?;
        match &parameter.domain {
            Domain::Choices(choices) if !numeric(choices) => Some(position(choices, value)),
            _ => value.as_f64(),
        }
    });
    let caption = format!("{caption} Other settings differ from dot to dot.{}", left_out(summary));
    LineChart::new(format!("Validation error by {name}"))
        .subtitle(subtitle)
        .caption(caption.trim())
        .panel(panel)
        .render()
        .with_context(|| format!("cannot draw the slice of {name}"))
        .map(Some)
}

/// How much each parameter mattered.
fn importances(summary: &Summary, subtitle: &str) -> Result<Figure> {
    let rows: Vec<DotRow> = summary
        .importances
        .iter()
        .map(|of| DotRow::new(of.parameter.clone(), [100.0 * of.share]).note(percent(of.share)))
        .collect();
    DotPlot::new("How much each parameter mattered", Axis::linear("importance (%)").at_least(0.0))
        .subtitle(subtitle)
        .caption(
            "PED-ANOVA: how far the values of the best tenth of completed trials differ from those of all. The \
             sampler looks where it expects good values, so this describes the search, and with few trials roughly.",
        )
        .group("", rows)
        .render()
        .context("cannot draw the importances")
}
