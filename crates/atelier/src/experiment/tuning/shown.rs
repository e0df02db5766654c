//! What stdout says of a finished search.

use std::fmt::Write as _;
use std::path::Path;

use atelier_tune::Space;
use serde_json::Value;

use super::board::titles;
use super::retraining::{BEST, DIRECTORY};
use super::summary::Summary;
use crate::config::TuningConfig;
use crate::experiment::results::{last_iterations, the_last};
use crate::home;
use crate::terminal::{Align, Table, counted, percent, significant, thousands};

/// Trials in the ranking.
const RANKED: usize = 10;

/// Everything; `again` is the command that trains by a configuration in the run directory.
pub(super) fn text(
    path: &Path,
    space: &Space,
    config: &TuningConfig,
    summary: &Summary,
    again: &dyn Fn(&str) -> String,
) -> String {
    let mut text = String::new();
    if summary.ended == "exhausted" {
        let _ = writeln!(
            text,
            "\nthe space is exhausted: all of its {} were tried, fewer than the {} asked for",
            counted(summary.trials, "setting"),
            counted(config.tune.trials, "trial")
        );
    }
    let _ = writeln!(text, "\n{}", trials(space, summary));
    let retrained = &summary.retrained;
    let test = retrained.test;
    let _ = write!(
        text,
        "trial {} trained anew on all training examples, {}, {} parameters\n\n{}\n\n{}\n\
         validation accuracy of the trial: {}\ntest accuracy: {} ({} of {})\n\n\
         again: {}\nas trained anew: {}\n\
         figures: {}\npage: {}\nrun: {}",
        summary.best.number,
        counted(retrained.epochs, "epoch"),
        thousands(retrained.parameters),
        the_last(retrained.last_20.len()),
        last_iterations(&retrained.last_20),
        percent(summary.best.value),
        percent(test.accuracy),
        thousands(test.correct),
        thousands(test.total),
        again(BEST),
        again(&format!("{DIRECTORY}/config.toml")),
        home::shown(&path.join("figures")),
        home::shown(&path.join("tuning.html")),
        home::shown(path)
    );
    text
}

/// The best trials and what mattered.
fn trials(space: &Space, summary: &Summary) -> String {
    let mut text = format!(
        "{}: {} completed, {} pruned, {} failed; the best by validation accuracy\n\n{}",
        counted(summary.trials, "trial"),
        summary.completed,
        summary.pruned,
        summary.failed,
        ranking(space, summary)
    );
    if !summary.importances.is_empty() {
        let mut table = Table::new(&[("parameter", Align::Left), ("importance", Align::Right)]);
        for of in &summary.importances {
            table.row([of.parameter.clone(), percent(of.share)]);
        }
        let _ = write!(text, "\n{table}");
    }
    text
}

/// The same of a search that is looked at later; `None` where its space cannot be used.
pub(crate) fn rankings(config: &TuningConfig, summary: &Summary) -> Option<String> {
    let (space, _) = config.check().ok()?;
    Some(trials(&space, summary))
}

fn ranking(space: &Space, summary: &Summary) -> Table {
    let titles = titles(space);
    let mut columns =
        vec![("rank", Align::Right), ("trial", Align::Right), ("accuracy", Align::Right)];
    columns.extend(titles.iter().map(|title| (title.as_str(), Align::Right)));
    let mut table = Table::new(&columns);
    for (place, of) in summary.ranking.iter().take(RANKED).enumerate() {
        let mut row = vec![(place + 1).to_string(), of.number.to_string(), percent(of.value)];
        row.extend(
            space.parameters().iter().map(|p| of.params.get(&p.name).map_or("-".into(), cell)),
        );
        table.row(row);
    }
    table
}

/// A setting as a table has it.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            significant(number.as_f64().unwrap_or(f64::NAN))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
