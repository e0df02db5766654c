//! The learning-rate range test as a run of its own.

use anyhow::{Context as _, Result};
use atelier_plot::{Axis, LineChart, Panel, Series, Style};
use atelier_store::Status;
use atelier_train::{RangeTest, range_test};
use serde_json::{Value, json};

use super::prepared::Prepared;
use super::recorded::Recorded;
use super::results::again;
use super::training::Trained;
use super::{figures, training};
use crate::cli::TrainArgs;
use crate::config::Config;
use crate::dataset;
use crate::signals::Stop;
use crate::terminal::{Align, Table, Terminal, significant};

/// Enough for a smooth curve over six powers of ten, and over in a second or two.
const STEPS: usize = 500;
/// How many points of the curve are shown as a table.
const ROWS: usize = 15;

/// Runs the test and returns its directory and its summary.
pub(crate) fn find_learning_rate(
    arguments: &TrainArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Value>> {
    let (resolved, prepared) = training::prepare::<Config>(&arguments.flags(), terminal)?;
    let verb = "find-learning-rate";
    let held = stop.hold();
    let mut run = training::record(
        verb,
        &arguments.flags(),
        command_line,
        &resolved,
        &prepared,
        (None, None),
    )?;
    let done = measure(&prepared, &run, stop);
    if let (Err(_), Some(code)) = (&done, stop.code()) {
        run.end(Status::Interrupted, None)?;
        terminal.talk("interrupted; there is no curve");
        let next = "a range test takes seconds: run it again from its beginning".to_string();
        return Ok(Trained::Interrupted(next, code));
    }
    let (found, summary) = run.settle(done)?;
    drop(held);
    run.end(Status::Complete, None)?;
    terminal.text(&shown(&prepared, &run, &found))?;
    Ok(Trained::Complete(run.dir.path().to_path_buf(), Box::new(summary)))
}

fn measure(prepared: &Prepared, run: &Recorded, stop: &Stop) -> Result<(RangeTest, Value)> {
    let seed = prepared.seed;
    let mut source = prepared.source()?;
    let mut batch = source.batch;
    source.batch = Box::new(move |epoch, index| {
        if stop.requested() {
            return Err(atelier_core::Error::value("the range test", "no signal", "one"));
        }
        batch(epoch, index)
    });
    let found = range_test(&prepared.model, &prepared.settings, seed, &mut source, STEPS)?;
    let rates: Vec<f64> = found.points.iter().map(|point| point.learning_rate).collect();
    let of = |value: fn(&atelier_train::RangePoint) -> f64| -> Vec<f64> {
        found.points.iter().map(value).collect()
    };
    let mut panel = Panel::new(
        Axis::logarithmic("learning rate"),
        Axis::linear("training cross-entropy (nats)").at_least(0.0),
    )
    .series(Series::new("each batch", Style::Points, rates.clone(), of(|p| p.loss)))
    .series(Series::line("smoothed", rates, of(|p| p.smoothed)));
    if let Some(rate) = found.suggestion {
        panel = panel.vertical(rate, format!("steepest: {}", significant(rate)));
    }
    let figure = LineChart::new("Learning-rate range test")
        .subtitle(format!("{}, seed {seed}", dataset::title(&prepared.data.provenance.name)))
        .caption(
            "The rate grows from step to step. Where the smoothed loss falls fastest is a place to \
             begin; a schedule that lowers the rate can begin higher.",
        )
        .panel(panel)
        .render()
        .context("cannot draw the range test");
    figures::write(&run.dir, "learning-rate", figure)?;

    let summary = json!({
        "schema_version": 1,
        "verb": "find-learning-rate",
        "seed": seed,
        "suggestion": found.suggestion,
        "points": found.points,
    });
    run.write_summary(&summary)?;
    Ok((found, summary))
}

fn shown(prepared: &Prepared, run: &Recorded, found: &RangeTest) -> String {
    let mut table = Table::new(&[
        ("learning rate", Align::Right),
        ("loss of the batch", Align::Right),
        ("smoothed", Align::Right),
    ]);
    for point in found.points.iter().step_by(found.points.len().div_ceil(ROWS).max(1)) {
        table.row([
            format!("{:.2e}", point.learning_rate),
            format!("{:.4}", point.loss),
            format!("{:.4}", point.smoothed),
        ]);
    }
    let found = match found.suggestion.map(significant) {
        Some(rate) => format!(
            "the loss falls fastest at learning rate {rate}\ntry: {} --set \
             optimizer.learning_rate={rate}",
            again(prepared, run)
        ),
        None => "the loss falls nowhere: no learning rate can be suggested".to_string(),
    };
    let curve = figures::place(run.dir.path(), "learning-rate");
    format!("\n{table}\n{found}\ncurve: {curve}")
}
