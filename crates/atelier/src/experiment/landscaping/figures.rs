//! The figures of a landscape.

use anyhow::{Context as _, Result};
use atelier_plot::{
    Axis, Color, Figure, Landscape as Picture, LineChart, Panel, Series, Style, SurfaceGrid,
    Trajectory, TrajectoryPoint,
};

use super::computed::{Curvature, Landscape, Seen, TRACE_SAMPLES};
use super::exports::losses;
use super::paths::{Between, Path};
use super::subject::{Run, Subject};
use super::summary::Summary;
use crate::experiment::figures;
use crate::experiment::recorded::Recorded;
use crate::terminal::warn;

/// Draws everything.
pub(crate) fn write(
    recorded: &Recorded,
    subject: &Subject,
    runs: &[Run],
    landscape: &Landscape,
    summary: &Summary,
) -> Result<()> {
    let subtitle = format!("{}, {}", subject.network, subject.dataset);
    let dir = &recorded.dir;
    let picture = picture(subject, runs, landscape, summary, &subtitle);
    let draw = "cannot draw the surface";
    figures::write(dir, "landscape", picture.surface().context(draw))?;
    let map = picture.clone().title("Loss landscape, from above");
    figures::write(dir, "contour", map.contour_map().context("cannot draw the map"))?;
    if let Some(animation) = figures::room("animation", picture.animation(FRAMES).context(draw))? {
        dir.write("figures/animation.png", &animation)?;
    }
    let logarithmic = summary.logarithmic;
    figures::write(dir, "descent", descent(subject, runs, landscape, &subtitle, logarithmic))?;
    if !summary.scree.is_empty() {
        figures::write(dir, "scree", scree(summary, &subtitle))?;
    }
    for between in &summary.paths {
        let name = format!("barrier-{}-{}", between.from, between.to);
        figures::write(dir, &name, barrier(subject, between, &subtitle))?;
    }
    let mut curvatures = landscape.runs.iter().flat_map(|seen| &seen.curvature).peekable();
    if curvatures.peek().is_none() {
        return Ok(());
    }
    // On a logarithmic axis none of the others has a place.
    if curvatures.any(|at| at.eigenvalues.first().is_some_and(|of| *of > 0.0 && of.is_finite())) {
        figures::write(
            dir,
            "curvature",
            curvature(
                runs,
                &landscape.runs,
                summary.curvature.as_deref().unwrap_or_default(),
                &subtitle,
            ),
        )?;
    } else {
        warn("warning: figures/curvature is left out: no eigenvalue of the Hessian is positive");
    }
    Ok(())
}

/// Pictures of the animation.
const FRAMES: u32 = 48;

/// The surface with the runs on it.
fn picture(
    subject: &Subject,
    runs: &[Run],
    landscape: &Landscape,
    summary: &Summary,
    subtitle: &str,
) -> Picture {
    let surface = &landscape.surface;
    let grid =
        SurfaceGrid::new(surface.axes.x.clone(), surface.axes.y.clone(), surface.loss.clone());
    let mut axes = titles(summary);
    if let Some(shares) = summary.explained_variance_ratio {
        for (axis, share) in axes.iter_mut().zip(shares) {
            *axis = format!(
                "{} ({:.1} % of variance)",
                axis.replace("principal direction", "PC"),
                100.0 * share
            );
        }
    }
    let height = loss_axis(subject, summary.logarithmic);
    let mut picture = Picture::new("Loss landscape", grid, axes, height)
        .subtitle(subtitle)
        .caption(summary.caption.clone())
        .size(1600, 1400);
    for (run, seen) in runs.iter().zip(&landscape.runs) {
        let name = match run.seed {
            Some(seed) => format!("{}, seed {seed}", run.name.to_uppercase()),
            None => run.name.to_uppercase(),
        };
        let points: Vec<TrajectoryPoint> = (0..seen.projections.len())
            .map(|i| TrajectoryPoint {
                x: seen.projections[i].x,
                y: seen.projections[i].y,
                loss_in_plane: seen.in_plane[i].loss,
                loss: seen.heights[i].loss,
            })
            .collect();
        picture = picture.trajectory(Trajectory::new(name, points));
    }
    picture
}

/// The titles of the plane's axes.
pub(crate) fn titles(summary: &Summary) -> [String; 2] {
    use atelier_landscape::Directions;
    let name = |k: usize| match summary.directions {
        Directions::Pca => format!("principal direction {}", k + 1),
        Directions::Random => format!("random direction {}", k + 1),
        Directions::FilterNormalized => format!("filter-normalised direction {}", k + 1),
        Directions::ThreePoints => {
            ["towards the end of the first run", "towards the end of the second, perpendicular"][k]
                .to_string()
        }
        Directions::Hessian => format!("Hessian eigenvector {}", k + 1),
    };
    [name(0), name(1)]
}

/// The colour of a run, close to what it has on the surface.
fn color(run: usize) -> Color {
    const CYCLE: [Color; 5] =
        [Color::Vermillion, Color::Blue, Color::Purple, Color::Black, Color::Orange];
    CYCLE[run % CYCLE.len()]
}

/// A loss axis.
fn loss_axis(subject: &Subject, logarithmic: bool) -> Axis {
    if logarithmic {
        Axis::logarithmic(subject.quantity)
    } else {
        Axis::linear(subject.quantity).at_least(0.0)
    }
}

/// The three losses and the distance off the plane by step.
fn descent(
    subject: &Subject,
    runs: &[Run],
    landscape: &Landscape,
    subtitle: &str,
    logarithmic: bool,
) -> Result<Figure> {
    let mut above = Panel::new(Axis::linear("step"), loss_axis(subject, logarithmic)).title("Loss");
    let mut below = Panel::new(Axis::linear("step"), Axis::linear("distance").at_least(0.0))
        .title("Off the plane");
    for (i, (run, seen)) in runs.iter().zip(&landscape.runs).enumerate() {
        let name = run.name.to_uppercase();
        let steps: Vec<f64> = run.trajectory.snapshots.iter().map(|s| s.step as f64).collect();
        let series = |name: String, style, ys: Vec<f64>| {
            Series::new(name, style, steps.clone(), ys).color(color(i))
        };
        let (loss, in_plane) = losses(seen);
        above = above
            .series(series(format!("{name}, at the snapshot"), Style::Line, loss))
            .series(series(format!("{name}, in the plane"), Style::Dashed, in_plane));
        let distances: Vec<f64> = seen.projections.iter().map(|p| p.distance).collect();
        below = below.series(series(name, Style::Line, distances));
    }
    LineChart::new("The way down: losses and distance off the plane")
        .subtitle(subtitle)
        .caption(
            "At the snapshot: the loss of the weights themselves. In the plane: that of their projection, \
             which is what lies on the surface. Distances are in parameter space.",
        )
        .panel(above)
        .panel(below)
        .render()
        .context("cannot draw the descent")
}

/// Components that are drawn.
const DRAWN: usize = 20;

/// The shares of variance along the principal directions.
fn scree(summary: &Summary, subtitle: &str) -> Result<Figure> {
    let shares: Vec<f64> = summary.scree.iter().take(DRAWN).map(|share| 100.0 * share).collect();
    let numbers: Vec<f64> = (1..=shares.len()).map(|k| k as f64).collect();
    let axis = Axis::linear("share of the total variance (%)").at_least(0.0);
    let mut panel = Panel::new(Axis::linear("principal direction"), axis).series(Series::new(
        "these runs",
        Style::LineWithPoints,
        numbers,
        shares,
    ));
    let mut caption = "All directions together are 100 %.".to_string();
    if let Some(null) = &summary.null {
        let walks = vec![100.0 * null.first.mean, 100.0 * null.second.mean];
        panel =
            panel.series(Series::new("random walks", Style::LineWithPoints, vec![1.0, 2.0], walks));
        caption = format!(
            "{caption} Random walks: the mean of {} draws of walks with the same starts and step lengths; \
             what they reach is no evidence of structure.",
            null.draws
        );
    }
    LineChart::new("Variance along the principal directions of the snapshots")
        .subtitle(subtitle)
        .caption(caption)
        .panel(panel)
        .render()
        .context("cannot draw the shares of variance")
}

/// The loss on the ways from one end point to another.
fn barrier(subject: &Subject, between: &Between, subtitle: &str) -> Result<Figure> {
    let series = |name: &str, path: &Path| {
        let ts: Vec<f64> = path.points.iter().map(|p| p.t).collect();
        let losses: Vec<f64> = path.points.iter().map(|p| p.loss).collect();
        Series::new(name, Style::LineWithPoints, ts, losses)
    };
    let (from, to) = (between.from.to_uppercase(), between.to.to_uppercase());
    let mut panel = Panel::new(
        Axis::linear(format!("share of the way from the end of {from} to that of {to}")),
        Axis::linear(subject.quantity).at_least(0.0),
    )
    .series(series("straight line", &between.line));
    if let Some(curve) = &between.curve {
        panel = panel.series(series("trained curve", curve));
    }
    if let Some(aligned) = &between.aligned {
        panel = panel.series(series("straight line, units matched", &aligned.line));
    }
    LineChart::new(format!("The loss between the ends of {from} and {to}"))
        .subtitle(subtitle)
        .caption(
            "A curve that stays low shows that the two are connected; that a line does not says nothing of \
             other ways.",
        )
        .panel(panel)
        .render()
        .context("cannot draw the barrier")
}

/// The largest eigenvalue along the runs.
fn curvature(runs: &[Run], seen: &[Seen], method: &str, subtitle: &str) -> Result<Figure> {
    let axis = Axis::logarithmic("eigenvalue of the Hessian");
    let mut panel = Panel::new(Axis::linear("step"), axis);
    let mut bounded = false;
    let all = seen.iter().flat_map(|seen| &seen.curvature).flat_map(|at| &at.eigenvalues);
    let highest = all.copied().fold(0.0, f64::max);
    for (i, (run, seen)) in runs.iter().zip(seen).enumerate() {
        let name = run.name.to_uppercase();
        // What cannot stand on a logarithmic axis is left out: at a maximum, or where the rate is 0.
        let series = |name: String, style, of: &dyn Fn(&Curvature) -> Option<f64>| {
            let value = |at| of(at).filter(|value| *value > 0.0 && value.is_finite());
            let points = seen.curvature.iter().filter_map(|at| Some((at.step as f64, value(at)?)));
            let (steps, values): (Vec<f64>, Vec<f64>) = points.unzip();
            (!steps.is_empty()).then(|| Series::new(name, style, steps, values).color(color(i)))
        };
        let largest = |at: &Curvature| at.eigenvalues.first().copied();
        panel = match series(name.clone(), Style::LineWithPoints, &largest) {
            Some(series) => panel.series(series),
            None => panel,
        };
        // Runs of one recipe have one bound. Towards the end of a schedule it leaves the picture.
        let bound = |at: &Curvature| at.stable_below.filter(|bound| *bound < BOUNDS * highest);
        if !bounded && let Some(bound) = series(STABLE.to_string(), Style::Dashed, &bound) {
            panel = panel.series(bound.color(Color::Grey));
            bounded = true;
        }
    }
    let mut traces =
        Panel::new(Axis::linear("step"), Axis::linear("trace of the Hessian")).title("Trace");
    for (i, (run, seen)) in runs.iter().zip(seen).enumerate() {
        let steps: Vec<f64> = seen.curvature.iter().map(|at| at.step as f64).collect();
        let values: Vec<f64> = seen.curvature.iter().map(|at| at.trace).collect();
        let name = run.name.to_uppercase();
        let series = Series::new(name, Style::LineWithPoints, steps, values);
        traces = traces.series(series.color(color(i)));
    }
    let within = seen.iter().filter_map(|seen| Some(seen.within_plane.as_ref()?.eigenvalues[0]));
    let within = within.fold(f64::NEG_INFINITY, f64::max);
    if within > highest / MOST_ABOVE {
        panel = panel.horizontal(within, "the largest within the plane, at the ends");
    }
    LineChart::new("Sharpness along the runs")
        .subtitle(subtitle)
        .caption(format!(
            "Of the loss on the landscape's examples, without regularisation. {method} The bound, 2 / learning \
             rate (with momentum m, 2 (1 + m) / learning rate), is where gradient descent over all examples \
             would no longer converge. The trace is estimated from {TRACE_SAMPLES} random vectors.",
        ))
        .panel(panel.title("Largest eigenvalue"))
        .panel(traces)
        .render()
        .context("cannot draw the curvature")
}

/// What lies this many times below the highest eigenvalue is not worth an axis that long.
const MOST_ABOVE: f64 = 1e4;
/// A bound that is this many times the highest eigenvalue is far away.
const BOUNDS: f64 = 20.0;
/// The name of the bound of stability.
const STABLE: &str = "stable below, by the learning rate";
