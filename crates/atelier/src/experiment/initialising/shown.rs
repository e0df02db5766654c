//! What stdout says of a finished study.

use std::path::Path;

use atelier_init::Method;

use super::summary::{Summary, Training};
use crate::home;
use crate::terminal::{Align, Table, counted, percent, significant, thousands};

/// The checks, the networks that were trained, and where everything is.
pub(super) fn shown(summary: &Summary, path: &Path) -> String {
    let count = |of: usize, all: usize, what: &str| format!("{of} of {all} {what}");
    let holding = summary.identities.iter().filter(|found| found.holds).count();
    let detected = summary.violations.iter().filter(|found| found.detected).count();
    let recipe = &summary.recipe;
    format!(
        "\nthe steps of the derivation, {} each; nominally a true one misses four standard errors once in 16,000\n\
         checks, so one of these {} once in {} seeds, and those with long tails more often\n\n\
         {}\n{}\n\nassumptions broken on purpose\n\n{}\n{}\n\n\
         mean squares in layer {} over those in the first, median of {}\n\n{}\n\
         loss and accuracy of {} training examples after {}, median of {}\n\n{}\n\
         figures: {}\nrun: {}",
        counted(summary.draws, "draw"),
        summary.identities.len(),
        thousands(16_000 / summary.identities.len().max(1)),
        identities(summary),
        count(holding, summary.identities.len(), "hold"),
        violations(summary),
        count(detected, summary.violations.len(), "are detected"),
        summary.network.layers,
        counted(summary.network.networks, "network"),
        signals(summary),
        thousands(recipe.examples),
        counted(recipe.epochs, "epoch"),
        counted(summary.training.first().map_or(0, |of| of.runs.len()), "seed"),
        training(summary),
        home::shown(&path.join("figures")),
        home::shown(path)
    )
}

fn identities(summary: &Summary) -> Table {
    let mut table = Table::new(&[
        ("step", Align::Left),
        ("identity", Align::Left),
        ("theory", Align::Right),
        ("estimate", Align::Right),
        ("standard error", Align::Right),
        ("by", Align::Left),
        ("holds", Align::Left),
    ]);
    for found in &summary.identities {
        table.row([
            found.step,
            found.name.as_str(),
            &significant(found.theory),
            &significant(found.estimate),
            &format!("{:.1e}", found.standard_error),
            match found.method {
                Method::MonteCarlo => "draws",
                Method::Quadrature => "integration",
                Method::GoodnessOfFit => "goodness of fit",
            },
            if found.holds { "yes" } else { "no" },
        ]);
    }
    table
}

fn violations(summary: &Summary) -> Table {
    let mut table = Table::new(&[
        ("step", Align::Left),
        ("violation", Align::Left),
        ("the identity says", Align::Right),
        ("estimate", Align::Right),
        ("standard error", Align::Right),
        ("expected instead", Align::Right),
        ("detected", Align::Left),
    ]);
    for found in &summary.violations {
        table.row([
            found.step,
            found.name,
            &significant(found.promised),
            &significant(found.estimate),
            &format!("{:.1e}", found.standard_error),
            &significant(found.theory),
            if found.detected { "yes" } else { "no" },
        ]);
    }
    table
}

/// By how much signals and gradients grow or shrink on their way.
fn signals(summary: &Summary) -> Table {
    let mut table = Table::new(&[
        ("initialisation", Align::Left),
        ("inputs", Align::Left),
        ("activations", Align::Right),
        ("gradients", Align::Right),
        ("dead units", Align::Right),
    ]);
    for found in &summary.propagation {
        let ends = |of: &[f64]| [of.first(), of.last()].map(|end| end.copied().unwrap_or(f64::NAN));
        let ([first, last], [near, far]) =
            (ends(&found.activation.median), ends(&found.gradient.median));
        table.row([
            found.of.scheme,
            found.inputs,
            &significant(last / first),
            // They travel from the last layer to the first.
            &significant(near / far),
            &percent(found.dead_units.last().copied().unwrap_or(f64::NAN)),
        ]);
    }
    table
}

fn training(summary: &Summary) -> Table {
    let mut depths: Vec<usize> = summary.training.iter().map(|of| of.layers).collect();
    depths.dedup();
    let names: Vec<String> = depths.iter().map(|layers| counted(*layers, "hidden layer")).collect();
    let columns = names.iter().map(|name| (name.as_str(), Align::Right));
    let columns: Vec<_> = std::iter::once(("initialisation", Align::Left)).chain(columns).collect();
    let mut table = Table::new(&columns);
    let of_first = |of: &&Training| Some(of.layers) == depths.first().copied();
    for named in summary.training.iter().filter(of_first) {
        let own = summary.training.iter().filter(|of| of.of.scheme == named.of.scheme);
        let cells = own.map(|of| match of.loss.zip(of.accuracy) {
            Some((loss, accuracy)) => format!("{loss:.4}  {}", percent(accuracy)),
            None => "diverged".to_string(),
        });
        table.row(std::iter::once(named.of.scheme.to_string()).chain(cells).collect::<Vec<_>>());
    }
    table
}
