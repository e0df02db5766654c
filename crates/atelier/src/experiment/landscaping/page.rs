//! `landscape.html`: the landscape as one offline page.

use anyhow::{Context as _, Result};
use atelier_plot::{LandscapePage, NullPoint, PageAxis, PagePoint, PageRun};

use super::computed::{Landscape, Seen};
use super::figures::titles;
use super::paths::Path;
use super::subject::{Run, Subject};
use super::summary::{Summary, barrier};
use crate::experiment::recorded::Recorded;
use crate::terminal::{significant, thousands};

/// Writes the page.
pub(crate) fn write(
    recorded: &Recorded,
    subject: &Subject,
    runs: &[Run],
    landscape: &Landscape,
    summary: &Summary,
) -> Result<()> {
    let surface = &landscape.surface;
    let [x, y] = titles(summary);
    let axis = |title: String, k: usize| {
        let axis = PageAxis::new(title);
        match summary.explained_variance_ratio {
            Some(shares) => axis.variance_share(shares[k]),
            None => axis,
        }
    };
    let page = LandscapePage {
        title: "Loss landscape".to_string(),
        subtitle: format!("{}, {}", subject.network, subject.dataset),
        caption: summary.caption.clone(),
        facts: facts(subject, summary),
        axes: [axis(x, 0), axis(y, 1)],
        x: surface.axes.x.clone(),
        y: surface.axes.y.clone(),
        loss: surface.loss.clone(),
        standard_error: surface
            .standard_error
            .clone()
            .unwrap_or_else(|| vec![f64::NAN; surface.loss.len()]),
        accuracy: surface.accuracy.clone(),
        runs: runs.iter().zip(&landscape.runs).map(|(run, seen)| of_run(run, seen)).collect(),
        null: landscape
            .walks
            .iter()
            .map(|walk| walk.iter().map(|&(x, y)| NullPoint { x, y }).collect())
            .collect(),
        scree: summary.scree.clone(),
        logarithmic: Some(summary.logarithmic),
    };
    let html = page.render().context("cannot write the page")?;
    Ok(recorded.dir.write("landscape.html", html.as_bytes())?)
}

fn of_run(run: &Run, seen: &Seen) -> PageRun {
    let points = run.trajectory.snapshots.iter().enumerate().map(|(i, snapshot)| PagePoint {
        step: snapshot.step,
        epoch: snapshot.epoch,
        x: seen.projections[i].x,
        y: seen.projections[i].y,
        loss: seen.heights[i].loss,
        loss_in_plane: seen.in_plane[i].loss,
        minibatch_loss: snapshot.minibatch_loss,
        distance_off_plane: seen.projections[i].distance,
    });
    PageRun {
        name: run.name.to_uppercase(),
        seed: run.seed.map_or_else(|| "imported".to_string(), |seed| format!("seed {seed}")),
        points: points.collect(),
    }
}

fn facts(subject: &Subject, summary: &Summary) -> Vec<(String, String)> {
    let mut facts = vec![
        ("network".to_string(), subject.network.clone()),
        ("parameters".to_string(), thousands(summary.parameters)),
        ("loss".to_string(), subject.quantity.to_string()),
        (
            "examples".to_string(),
            format!("{} of the {} split", thousands(summary.examples), summary.split),
        ),
        (
            "lowest and highest loss of the grid".to_string(),
            format!("{} and {}", significant(summary.loss_min), significant(summary.loss_max)),
        ),
    ];
    for run in &summary.runs {
        let name = run.name.to_uppercase();
        if let Some(at) = run.curvature.last() {
            let value = significant(at.eigenvalues.first().copied().unwrap_or(f64::NAN));
            facts.push((format!("largest eigenvalue of the Hessian at the end of {name}"), value));
            let trace =
                format!("{} ± {}", significant(at.trace), significant(at.trace_standard_error));
            facts.push((format!("trace of the Hessian at the end of {name}"), trace));
        }
        if let Some([first, second]) = run.curvature_in_plane {
            let value = format!("{} and {}", significant(first), significant(second));
            facts.push((format!("curvatures within the plane at the end of {name}"), value));
        }
    }
    for between in &summary.paths {
        let (from, to) = (&between.from.to_uppercase(), &between.to.to_uppercase());
        let mut add = |what: &str, path: &Path| {
            facts.push((format!("barrier from {from} to {to}, {what}"), barrier(path)));
        };
        add("straight", &between.line);
        if let Some(curve) = &between.curve {
            add("along a trained curve", curve);
        }
        if let Some(aligned) = &between.aligned {
            add("after matching units", &aligned.line);
        }
    }
    facts
}
